import base64
import time

import pytest

from tests.conftest import a_mail, a_raw
from triage.labels import Platform, SenderVerdict
from triage.mail import domains, html, reading
from triage.types import Address, Mail, Unreadable


def read(raw: bytes) -> Mail:
    mail = reading.read(raw)
    assert isinstance(mail, Mail), mail
    return mail


@pytest.mark.parametrize("raw", [b"", b"\n\n", b"\x00\x01\x02", b"hello world\nthis is no mail", b"%PDF-1.4 ..."])
def test_what_is_no_mail_is_unreadable_and_says_so(raw):
    assert reading.read(raw) == Unreadable(reading.read(raw).digest, "not a mail: it does not begin with a header line")


def test_a_mail_declared_gb2312_that_is_gb18030_is_read():
    body = "您的账户已被停用,请提交营业执照。朱镕基喆".encode("gb18030")
    raw = b"From: a@b.c\r\nSubject: x\r\nContent-Type: text/plain; charset=gb2312\r\n\r\n" + body
    assert "喆" in read(raw).text


def test_an_invented_charset_stops_nothing():
    raw = "From: a@b.c\r\nContent-Type: text/plain; charset=x-nonsense\r\n\r\n账户停用".encode()
    assert read(raw).text == "账户停用"


def test_raw_bytes_in_a_subject_are_read_as_what_they_are():
    assert read(b"From: a@b.c\r\nSubject: " + "账户停用".encode() + b"\r\n\r\nx").subject == "账户停用"
    assert read(b"From: a@b.c\r\nSubject: " + "账户已被停用".encode("gb18030") + b"\r\n\r\nx").subject == "账户已被停用"


def test_a_character_split_across_encoded_words_is_put_together():
    data = "账户停用".encode()
    words = b" ".join(b"=?utf-8?b?" + base64.b64encode(part) + b"?=" for part in (data[:4], data[4:]))
    assert read(b"From: a@b.c\r\nSubject: " + words + b"\r\n\r\nx").subject == "账户停用"


def test_broken_base64_is_read_as_far_as_it_goes():
    raw = b"From: a@b.c\r\nSubject: s\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8gd29ybGQ@@@"
    assert read(raw).text.startswith("hello world")


@pytest.mark.parametrize(
    "subject", [b"=?utf-8?b?x?=", b"=?utf-8\x00?q?hello?=", b"=?\xf8\xf9?q?hello?= \xff", b"=?utf-8?b?"]
)
def test_a_broken_encoded_word_leaves_the_rest_of_the_mail_readable(subject):
    mail = read(b"From: a@b.c\r\nSubject: \xf8" + subject + b"\r\n\r\nYour account was deactivated.")
    assert mail.text == "Your account was deactivated."
    mail.subject.encode()  # no lone surrogates: the database could not store them


def test_utf_7_is_refused():
    raw = b"From: a@b.c\r\nSubject: s\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n+ADw-script+AD4-"
    assert read(raw).text == ""
    assert "utf-7" in read(raw).notes[0]


def test_html_keeps_lines_cells_and_links_and_drops_what_is_hidden():
    page = html.page(
        "<style>p{}</style><p>Your <b>ac</b>count</p><div style='display:none'>bait</div>"
        "<table><tr><td>ODR</td><td>1.8%</td></tr></table><a href='https://x.example/y'>Appeal</a>"
    )
    assert page.text == "Your account\n\nODR | 1.8%\nAppeal"
    assert page.links == (("Appeal", "https://x.example/y"),)
    assert page.hidden


def test_the_longer_of_two_bodies_is_read():
    raw = (
        b"From: a@b.c\r\nSubject: s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=B\r\n\r\n"
        b"--B\r\nContent-Type: text/plain\r\n\r\nView in a browser\r\n--B\r\nContent-Type: text/html\r\n\r\n"
        b"<p>Your account has been deactivated because of inauthentic complaints.</p>\r\n--B--\r\n"
    )
    assert "inauthentic" in read(raw).text


def test_deeply_nested_html_is_bounded_in_time():
    start = time.perf_counter()
    html.page("<div>" * 200_000 + "x")
    assert time.perf_counter() - start < 5  # unbounded it takes minutes


def test_a_forward_shows_the_original_sender_subject_and_text():
    mail = a_mail(
        "转发: 商品被移除",
        "老板看下\n\n---------- 转发的邮件 ----------\n发件人: Amazon <notice@amazon.com>\n日期: 昨天\n主题: 商品被移除\n\n您的商品因侵权被移除。",
        "chen@shop.example",
    )
    assert mail.sender.email == "notice@amazon.com"
    assert mail.text == "您的商品因侵权被移除。"
    assert mail.forwarded is not None
    assert mail.forwarded.by == Address("", "chen@shop.example")
    assert mail.origin.verdict is SenderVerdict.FORWARDED


def test_a_forward_as_attachment_shows_the_original():
    inner = a_raw(subject="Policy Warning", body="Your listing was removed.", sender="Amazon <notice@amazon.com>")
    raw = (
        b"From: chen@shop.example\r\nSubject: FW: Policy Warning\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain\r\n\r\nsee below\r\n"
        b"--B\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--B--\r\n"
    )
    mail = read(raw)
    assert (mail.sender.email, mail.subject, mail.text) == (
        "notice@amazon.com",
        "Policy Warning",
        "Your listing was removed.",
    )


def test_a_reply_with_quoted_history_is_no_forward():
    mail = a_mail("Re: order", "Thanks!\n\nFrom: a@b.c\nSubject: order\n\nhello", "x@y.z")
    assert mail.forwarded is None


@pytest.mark.parametrize(
    ("domain", "platform"),
    [("amazon.com", "amazon"), ("go.amazon.de", "amazon"), ("notamazon.com", "none"), ("amazon.com.evil.example", "none"),
     ("members.ebay.com", "ebay"), ("mail.shopee.tw", "shopee"), ("shopifyemail.com", "shopify")],
)  # fmt: skip
def test_a_platforms_domain_is_matched_whole(domain, platform):
    assert domains.platform_of(domain)[0] == Platform(platform)


def test_a_members_message_through_the_relay_is_no_word_of_the_platform():
    assert domains.platform_of("marketplace.amazon.com") == (Platform.AMAZON, True)


@pytest.mark.parametrize(
    "header",
    ["Amazon <verify@twitter.com>", "x <x@amazon.xsecur.xyz>", "x@amaz0n-seller.com", "x@amazom.com", "x@PayPaI.net",
     "PayPal Security <z@wanadoo.fr>", "Аmazon Seller Support <x@mailer.example>", "x@ebay-secure.com"],
)  # fmt: skip
def test_an_impostor_is_forged(header):
    assert a_mail(sender=header).origin.verdict is SenderVerdict.FORGED


@pytest.mark.parametrize(
    "header",
    ["Amazon <seller-notification@amazon.com>", "Temu <x@temuemail.com>", "Amazon Seller News by Foo <a@foo.example>",
     "info@wishes.example", "Otto Müller <otto@mueller.example>", "a@ottomotors.example"],
)  # fmt: skip
def test_what_pretends_nothing_is_not_forged(header):
    assert a_mail(sender=header).origin.verdict is SenderVerdict.UNPROVEN


def test_a_pass_counts_only_for_the_senders_own_domain():
    passed = a_raw(sender="Amazon <a@amazon.com>")
    assert read(passed).origin.verdict is SenderVerdict.PROVEN
    other = passed.replace(b"header.d=amazon.com", b"header.d=mailer.example").replace(
        b"header.from=amazon.com", b"header.from=x.example"
    )
    assert read(other).origin.verdict is SenderVerdict.UNPROVEN


def test_a_failed_dmarc_of_the_platforms_domain_is_forged():
    raw = (
        a_raw(sender="Amazon <a@amazon.com>").replace(b"dkim=pass", b"dkim=none").replace(b"dmarc=pass", b"dmarc=fail")
    )
    assert read(raw).origin.verdict is SenderVerdict.FORGED


def test_results_of_a_stranger_count_for_nothing():
    mail = reading.read(a_raw(), reading.Recipient(auth_server="mx.mine.example"))
    assert isinstance(mail, Mail)
    assert mail.origin.verdict is SenderVerdict.UNPROVEN
