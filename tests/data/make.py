"""Writes tests/data/mails/*.eml and tests/data/expected.jsonl: mails as they come, and what a careful reader sees in them.

Run it after a change: python tests/data/make.py. What is expected is written down here by hand, never taken from what
the program says. All names, numbers and texts are invented.
"""

from __future__ import annotations

import base64
import json
import quopri
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "mails"
EXPECTED_FILE = HERE / "expected.jsonl"

Made = tuple[str, bytes, dict[str, Any]]

DATE = "Mon, 23 Nov 2026 09:00:00 +0000"
AMAZON = "Amazon <seller-performance@amazon.com>"
PASS = "Authentication-Results: mx.test.example; dkim=pass header.d=amazon.com; dmarc=pass header.from=amazon.com"
NOTICE = "Your listing B0CQ7M2XKD was removed. Please respond within 72 hours. Complaint ID: 10449283311"


def raw(
    *head: str, body: bytes | str = b"", sender: str = AMAZON, subject: str = "Policy Warning", date: str = DATE
) -> bytes:
    """A message from header lines and a body; From, Subject, Date and Message-ID are added unless given."""
    names = {line.partition(":")[0].lower() for line in head}
    lines = list(head)
    for name, value in (("From", sender), ("To", "shop@seller.example"), ("Subject", subject), ("Date", date)):
        if name.lower() not in names and value:
            lines.append(f"{name}: {value}")
    data = body.encode() if isinstance(body, str) else body
    return (
        "\r\n".join(lines).encode("utf-8", "surrogateescape")
        + b"\r\n\r\n"
        + data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    )


def plain(text: str, *head: str, **more: str) -> bytes:
    return raw("MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", *head, body=text, **more)


def page(html: str, *head: str, **more: str) -> bytes:
    return raw("MIME-Version: 1.0", "Content-Type: text/html; charset=utf-8", *head, body=html, **more)


def multi(*parts: bytes, kind: str = "mixed", head: tuple[str, ...] = (), boundary: str = "B0", **more: str) -> bytes:
    body = (
        b"".join(b"--" + boundary.encode() + b"\n" + part + b"\n" for part in parts)
        + b"--"
        + boundary.encode()
        + b"--\n"
    )
    return raw("MIME-Version: 1.0", f"Content-Type: multipart/{kind}; boundary={boundary}", *head, body=body, **more)


def part(kind: str, content: bytes | str, *head: str) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return "\n".join((f"Content-Type: {kind}", *head)).encode() + b"\n\n" + data


def b64(data: bytes) -> bytes:
    return base64.encodebytes(data)


# ---- charsets ------------------------------------------------------------------------------------------------------

CHINESE = "您的亚马逊卖家账户已被停用,请在72小时内提交营业执照和采购发票。"
TRADITIONAL = "您的賣家帳戶已被停用,請在72小時內提交營業執照。"
JAPANESE = "お客様の出品用アカウントが停止されました。72時間以内にご回答ください。"
KOREAN = "판매자 계정이 정지되었습니다. 72시간 이내에 답변해 주세요."
GERMAN = "Ihr Verkäuferkonto wurde gesperrt. Bitte antworten Sie innerhalb von 72 Stunden auf unsere Rückfragen."
FRENCH = "Votre compte a été suspendu. Répondez sous 72 heures à cette requête."
POLISH = "Twoje konto zostało zawieszone. Prosimy o odpowiedź w ciągu 72 godzin."
RUSSIAN = "Ваш аккаунт продавца заблокирован. Ответьте в течение 72 часов."
TURKISH = "Hesabınız askıya alındı. Lütfen 72 saat içinde yanıt verin."


def charsets() -> Iterator[Made]:
    declared = [
        ("utf-8", "utf-8", CHINESE), ("gb2312", "gb2312", CHINESE), ("gbk", "gbk", CHINESE), ("gb18030", "gb18030", CHINESE),
        ("big5", "big5", TRADITIONAL), ("big5-hkscs", "big5hkscs", TRADITIONAL), ("iso-2022-jp", "iso2022_jp", JAPANESE),
        ("shift_jis", "shift_jis", JAPANESE), ("euc-jp", "euc_jp", JAPANESE), ("euc-kr", "euc_kr", KOREAN),
        ("ks_c_5601-1987", "cp949", KOREAN), ("iso-8859-1", "latin1", GERMAN), ("iso-8859-15", "iso8859_15", FRENCH),
        ("windows-1252", "cp1252", FRENCH), ("windows-1250", "cp1250", POLISH), ("iso-8859-2", "iso8859_2", POLISH),
        ("windows-1251", "cp1251", RUSSIAN), ("koi8-r", "koi8_r", RUSSIAN), ("windows-1254", "cp1254", TURKISH),
        ("iso-8859-9", "iso8859_9", TURKISH), ("utf-16", "utf-16", GERMAN),
    ]  # fmt: skip
    for name, codec, text in declared:
        head = ("MIME-Version: 1.0", f"Content-Type: text/plain; charset={name}", "Content-Transfer-Encoding: base64")
        yield f"charset-{name}", raw(*head, body=b64(text.encode(codec))), {"text": text}
    for name, codec, text in declared[1:12]:
        if name.startswith("iso-2022") or "16" in name:
            continue
        head = ("MIME-Version: 1.0", f"Content-Type: text/plain; charset={name}", "Content-Transfer-Encoding: 8bit")
        yield f"charset-8bit-{name}", raw(*head, body=text.encode(codec)), {"text": text}
    undeclared = [
        ("utf-8", "utf-8", CHINESE), ("gb18030", "gb18030", CHINESE), ("big5", "big5", TRADITIONAL), ("shift_jis", "cp932", JAPANESE),
        ("iso-2022-jp", "iso2022_jp", JAPANESE), ("euc-kr", "cp949", KOREAN), ("windows-1252", "cp1252", GERMAN), ("windows-1251", "cp1251", RUSSIAN),
    ]  # fmt: skip
    for name, codec, text in undeclared:
        head = ("MIME-Version: 1.0", "Content-Type: text/plain")
        yield f"charset-undeclared-{name}", raw(*head, body=text.encode(codec)), {"text": text}
    wrong = [
        ("utf-8", "gb18030", CHINESE), ("us-ascii", "gb18030", CHINESE), ("iso-8859-1", "gb18030", CHINESE), ("us-ascii", "utf-8", CHINESE),
        ("iso-8859-1", "utf-8", CHINESE), ("x-nonsense", "utf-8", CHINESE), ("gb2312", "utf-8", CHINESE), ("utf-8", "cp1252", GERMAN), ("gb2312", "gb18030", "朱镕基喆的账户已被停用"),
    ]  # fmt: skip
    for name, codec, text in wrong:
        head = ("MIME-Version: 1.0", f"Content-Type: text/plain; charset={name}", "Content-Transfer-Encoding: 8bit")
        yield f"charset-said-{name}-is-{codec}", raw(*head, body=text.encode(codec)), {"text": text}
    seven = raw("MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-7", body="+ADw-script+AD4-")
    yield "charset-utf-7-refused", seven, {"text": "", "note": "utf-7"}
    cut = CHINESE.encode()[:-1]
    yield (
        "charset-cut-in-a-character",
        raw("MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", body=cut),
        {"has": ["已被停用"]},
    )
    subject = "关于您的亚马逊账户停用的通知"
    data = subject.encode()
    halves = [data[:20], data[20:]]  # in the middle of a character
    words = "\r\n ".join(f"=?utf-8?B?{base64.b64encode(half).decode()}?=" for half in halves)
    yield "subject-split-inside-a-character", plain(NOTICE, f"Subject: {words}"), {"subject": subject}
    gbk = " ".join(
        f"=?gb2312?B?{base64.b64encode(half).decode()}?="
        for half in (subject.encode("gbk")[:11], subject.encode("gbk")[11:])
    )
    yield "subject-gb2312-split", plain(NOTICE, f"Subject: {gbk}"), {"subject": subject}
    quoted = quopri.encodestring("Ihr Verkäuferkonto: Prüfung".encode(), header=True).decode()
    yield (
        "subject-quoted-printable",
        plain(NOTICE, f"Subject: =?UTF-8?Q?{quoted}?="),
        {"subject": "Ihr Verkäuferkonto: Prüfung"},
    )
    for codec in ("utf-8", "gb18030"):
        head = (
            b"From: a@amazon.com\r\nDate: "
            + DATE.encode()
            + b"\r\nSubject: "
            + "账户已被停用通知".encode(codec)
            + b"\r\n\r\n"
            + NOTICE.encode()
        )
        yield f"subject-raw-{codec}", head, {"subject": "账户已被停用通知"}
    big = b"From: a@shopee.tw\r\nSubject: =?big5?B?" + base64.b64encode("帳戶停權通知".encode("big5")) + b"?=\r\n\r\nx"
    yield "subject-big5", big, {"subject": "帳戶停權通知"}
    jis = (
        b"From: a@amazon.co.jp\r\nSubject: =?iso-2022-jp?B?"
        + base64.b64encode("アカウント停止のお知らせ".encode("iso2022_jp"))
        + b"?=\r\n\r\nx"
    )
    yield "subject-iso-2022-jp", jis, {"subject": "アカウント停止のお知らせ"}
    broken = b"From: a@amazon.com\r\nSubject: =?utf-8?b?x?= Account\r\n\r\n" + NOTICE.encode()
    yield "subject-broken-word", broken, {"has": ["B0CQ7M2XKD"]}
    name = "=?utf-8?B?" + base64.b64encode("亚马逊卖家支持".encode()).decode() + "?= <x@seller-help.example>"
    yield "from-encoded-name", plain("您好", sender=name), {"name": "亚马逊卖家支持", "sender": "x@seller-help.example"}


# ---- structure -----------------------------------------------------------------------------------------------------


def tnef(*, body: str = "", html: str = "", files: tuple[str, ...] = (), rtf: bool = False) -> bytes:
    """A winmail.dat ([MS-OXTNEF])."""

    def attribute(level: int, number: int, data: bytes) -> bytes:
        return struct.pack("<BII", level, number, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)

    out = struct.pack("<IH", 0x223E9F78, 1)
    if body:
        out += attribute(1, 0x0002800C, body.encode("cp1252") + b"\0")
    properties = []
    if html:
        data = html.encode()
        properties.append(struct.pack("<HHII", 0x0102, 0x1013, 1, len(data)) + data + b"\0" * (-len(data) % 4))
    if rtf:
        properties.append(struct.pack("<HHII", 0x0102, 0x1009, 1, 8) + b"LZFuLZFu")
    if properties:
        extra = struct.pack("<HHI", 0x0003, 0x0E07, 1)
        out += attribute(1, 0x00069003, struct.pack("<I", len(properties) + 1) + extra + b"".join(properties))
    for name in files:
        out += attribute(2, 0x00018010, name.encode() + b"\0")
    return out


def structure() -> Iterator[Made]:
    notice = part("text/plain; charset=utf-8", NOTICE)
    rich = part("text/html; charset=utf-8", f"<p>{NOTICE}</p>")
    yes = {"has": ["B0CQ7M2XKD"]}
    yield "plain-without-mime-version", raw(body=NOTICE), yes
    yield "alternative", multi(notice, rich, kind="alternative"), yes
    yield "alternative-stub", multi(part("text/plain", "View in your browser"), rich, kind="alternative"), yes
    yield "alternative-empty-plain", multi(part("text/plain", ""), rich, kind="alternative"), yes
    yield (
        "related",
        multi(
            rich,
            part("image/png", b64(b"\x89PNG"), "Content-Transfer-Encoding: base64", "Content-ID: <logo>"),
            kind="related",
        ),
        yes,
    )
    yield (
        "mixed-with-pdf",
        multi(
            notice,
            part(
                "application/pdf; name=letter.pdf",
                b64(b"%PDF-1.4"),
                "Content-Transfer-Encoding: base64",
                "Content-Disposition: attachment; filename=letter.pdf",
            ),
        ),
        {**yes, "files": ["letter.pdf"]},
    )
    yield "two-texts", multi(part("text/plain", "Hello,"), part("text/plain", NOTICE)), yes
    yield (
        "text-as-attachment-only",
        multi(
            part("text/plain; name=notice.txt", NOTICE, "Content-Disposition: attachment; filename=notice.txt"), rich
        ),
        {**yes, "files": ["notice.txt"]},
    )
    yield (
        "report",
        multi(
            part("text/plain", "Delivery failed."),
            part("message/delivery-status", "Status: 5.1.1\n"),
            part("message/rfc822", plain(NOTICE)),
            kind="report",
            sender="mailer-daemon@seller.example",
        ),
        {"has": ["Delivery failed"], "forwarded": None},
    )
    yield (
        "quoted-printable",
        raw(
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
            body=quopri.encodestring(f"{NOTICE} {GERMAN}".encode()),
        ),
        {"has": ["B0CQ7M2XKD", "Verkäuferkonto"]},
    )
    yield (
        "quoted-printable-broken",
        raw(
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
            body="Your listing B0CQ7M2XKD =ZZ was =\nremoved=4",
        ),
        yes,
    )
    yield (
        "base64-broken",
        raw(
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: base64",
            body=b64(NOTICE.encode())[:-6] + b"!!\n",
        ),
        yes,
    )
    yield (
        "base64-with-spaces",
        raw(
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: base64",
            body=b64(NOTICE.encode()).replace(b"\n", b" \n "),
        ),
        yes,
    )
    yield (
        "unknown-encoding",
        raw("MIME-Version: 1.0", "Content-Type: text/plain", "Content-Transfer-Encoding: x-uue", body=NOTICE),
        yes,
    )
    good = multi(notice, rich, kind="alternative")
    yield "boundary-never-closed", good.replace(b"--B0--", b""), yes
    yield "boundary-missing", raw("MIME-Version: 1.0", "Content-Type: multipart/mixed", body=NOTICE), yes
    yield (
        "boundary-never-comes",
        raw("MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=ZZZ", body=NOTICE),
        yes,
    )
    yield (
        "boundary-quoted-wrong",
        raw(
            "MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="B0', body=b"--B0\n" + notice + b"\n--B0--\n"
        ),
        yes,
    )
    yield "boundary-with-blanks", good.replace(b"boundary=B0", b"boundary=B0  "), yes
    yield "content-type-nonsense", raw("MIME-Version: 1.0", "Content-Type: ;;;", body=NOTICE), yes
    yield (
        "content-type-twice",
        raw("MIME-Version: 1.0", "Content-Type: text/plain", "Content-Type: text/plain; charset=utf-8", body=NOTICE),
        yes,
    )
    yield (
        "multipart-none",
        raw("MIME-Version: 1.0", "Content-Type: multipart/none; boundary=B0", body=b"--B0\n" + notice + b"\n--B0--\n"),
        yes,
    )
    yield (
        "html-said-to-be-plain",
        raw("MIME-Version: 1.0", "Content-Type: text/plain", body=f"<html><body><p>{NOTICE}</p></body></html>"),
        {**yes, "lacks": ["<p>"]},
    )
    yield "no-subject", raw("MIME-Version: 1.0", body=NOTICE, subject=""), {**yes, "subject": ""}
    yield "no-date", raw(body=NOTICE, date=""), {**yes, "sent_at": None}
    yield "date-nonsense", raw("Date: yesterday, maybe", body=NOTICE), {**yes, "sent_at": None}
    yield (
        "date-with-comment",
        raw("Date: Mon, 23 Nov 2026 09:00:00 +0000 (GMT)", body=NOTICE),
        {**yes, "sent_at": "2026-11-23T09:00"},
    )
    yield (
        "date-without-zone",
        raw("Date: Mon, 23 Nov 2026 09:00:00", body=NOTICE),
        {**yes, "sent_at": "2026-11-23T09:00"},
    )
    yield (
        "two-from-headers",
        raw(f"From: {AMAZON}", "From: x@evil.example", body=NOTICE),
        {**yes, "sender": "seller-performance@amazon.com", "traits": ["two_senders"]},
    )
    yield (
        "two-subjects",
        raw("Subject: Policy Warning", "Subject: other", body=NOTICE),
        {**yes, "subject": "Policy Warning"},
    )
    yield "no-headers-but-one", b"Subject: x\r\n\r\n" + NOTICE.encode(), yes
    yield "mbox-line-first", b"From seller@x Mon Nov 23 09:00:00 2026\r\n" + plain(NOTICE), yes
    yield "bare-line-feeds", plain(NOTICE).replace(b"\r\n", b"\n"), yes
    yield "bare-carriage-returns-in-body", plain("Your listing B0CQ7M2XKD\rwas removed."), yes
    yield (
        "folded-headers",
        raw("Subject: Policy\r\n Warning about\r\n\tyour listing", body=NOTICE),
        {**yes, "subject": "Policy Warning about your listing"},
    )
    yield "header-name-and-colon-apart", raw("X-Odd : 1", body=NOTICE), yes
    yield "null-bytes", plain(NOTICE.replace(" ", " \0", 1)), yes
    yield "huge-header", raw("X-Big: " + "a" * 20_000, body=NOTICE), yes
    yield "many-references", raw("References: " + " ".join(f"<{n}@x>" for n in range(300)), body=NOTICE), yes
    deep = notice
    for n in range(100):
        deep = (
            f"Content-Type: multipart/mixed; boundary=D{n}".encode()
            + f"\n\n--D{n}\n".encode()
            + deep
            + f"\n--D{n}--\n".encode()
        )
    yield "nested-100-deep", raw("MIME-Version: 1.0", body=b"").rstrip(b"\r\n") + b"\r\n" + deep, yes
    yield (
        "pdf-only",
        raw(
            "MIME-Version: 1.0",
            "Content-Type: application/pdf; name=notice.pdf",
            "Content-Transfer-Encoding: base64",
            PASS,
            body=b64(b"%PDF-1.4 x"),
        ),
        {"traits": ["pdf_only"], "review": "PDF"},
    )
    yield (
        "pdf-with-one-line",
        multi(
            part("text/plain", "See attached."),
            part("application/pdf; name=n.pdf", b64(b"%PDF-1.4"), "Content-Transfer-Encoding: base64"),
            head=(PASS,),
        ),
        {"traits": ["pdf_only"], "review": "PDF"},
    )
    yield (
        "image-only",
        page('<a href="https://sellercentral.amazon.com/x"><img src="cid:1"></a>', PASS),
        {"traits": ["image_only"], "review": "image"},
    )
    yield (
        "image-part-only",
        raw(
            "MIME-Version: 1.0",
            "Content-Type: image/jpeg",
            "Content-Transfer-Encoding: base64",
            PASS,
            body=b64(b"\xff\xd8\xff"),
        ),
        {"traits": ["image_only"], "review": "image"},
    )
    yield "empty-from-a-platform", plain("", PASS, subject=""), {"text": "", "review": "without readable text"}
    yield (
        "tnef-plain",
        raw(
            "MIME-Version: 1.0",
            "Content-Type: application/ms-tnef; name=winmail.dat",
            "Content-Transfer-Encoding: base64",
            body=b64(tnef(body=NOTICE, files=("invoice.pdf",))),
        ),
        yes,
    )
    yield (
        "tnef-html",
        multi(
            part(
                "application/ms-tnef; name=winmail.dat",
                b64(tnef(html=f"<p>{NOTICE}</p>")),
                "Content-Transfer-Encoding: base64",
            )
        ),
        yes,
    )
    yield (
        "tnef-beside-text",
        multi(
            notice,
            part("application/ms-tnef; name=winmail.dat", b64(tnef(body="other")), "Content-Transfer-Encoding: base64"),
        ),
        yes,
    )
    yield (
        "tnef-rtf-only",
        multi(
            part("application/ms-tnef; name=winmail.dat", b64(tnef(rtf=True)), "Content-Transfer-Encoding: base64"),
            head=(PASS,),
            subject="",
        ),
        {"text": "", "note": "winmail.dat", "review": "winmail.dat"},
    )
    yield (
        "tnef-cut-off",
        multi(
            notice,
            part(
                "application/ms-tnef; name=winmail.dat",
                b64(tnef(body=NOTICE)[:20]),
                "Content-Transfer-Encoding: base64",
            ),
        ),
        yes,
    )
    event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20261123T090000Z\r\nDTSTART:20261203T100000Z\r\nSUMMARY:Video verification of your seller account\r\nDESCRIPTION:Have your passport ready. Case 16744219803\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    yield (
        "calendar-only",
        raw("MIME-Version: 1.0", "Content-Type: text/calendar; charset=utf-8; method=REQUEST", body=event),
        {"has": ["Video verification", "passport"]},
    )
    yield (
        "calendar-beside-text",
        multi(notice, part("text/calendar; charset=utf-8", event)),
        {**yes, "lacks": ["VCALENDAR"]},
    )
    yield (
        "calendar-broken",
        raw("MIME-Version: 1.0", "Content-Type: text/calendar", body="BEGIN:VCALENDAR\nnonsense"),
        {"text": ""},
    )
    yield (
        "unterminated-quoted-name",
        multi(notice, part('application/pdf; name="x', b"x", 'Content-Disposition: attachment; filename="x')),
        yes,
    )
    yield (
        "rfc-2231-name",
        multi(
            notice,
            part("application/pdf", b"x", "Content-Disposition: attachment; filename*=utf-8''%E5%8F%91%E7%A5%A8.pdf"),
        ),
        {**yes, "files": ["发票.pdf"]},
    )


# ---- HTML ----------------------------------------------------------------------------------------------------------


def markup() -> Iterator[Made]:
    seen = f"<p>{NOTICE}</p>"
    hidden = {
        "display-none": '<div style="display:none">BAIT words</div>', "display-none-spaced": '<span style="color:red; display : none !important">BAIT</span>',
        "visibility": '<span style="visibility:hidden">BAIT</span>', "font-size-zero": '<span style="font-size:0px">BAIT</span>', "font-size-0": "<span style='font-size:0'>BAIT</span>",
        "opacity": '<p style="opacity:0">BAIT</p>', "mso-hide": '<div style="mso-hide:all">BAIT</div>', "attribute": "<div hidden>BAIT</div>",
        "white-on-white": '<span style="color:#ffffff">BAIT</span>', "white-name": '<span style="color:white">BAIT</span>', "white-short": '<span style="color:#FFF">BAIT</span>', "font-colour": '<font color="#ffffff">BAIT</font>',
        "font-size-tag": '<font size="0">BAIT</font>', "zero-height": '<div style="max-height:0;overflow:hidden">BAIT</div>', "off-screen": '<div style="position:absolute;left:-9999px">BAIT</div>',
        "text-indent": '<div style="text-indent:-99999px">BAIT</div>', "transparent": '<span style="color:transparent">BAIT</span>', "upper-case": '<DIV STYLE="DISPLAY:NONE">BAIT</DIV>',
    }  # fmt: skip
    for name, piece in hidden.items():
        yield (
            f"hidden-{name}",
            page(f"<html><body>{seen}{piece}</body></html>"),
            {"has": ["B0CQ7M2XKD"], "lacks": ["BAIT"], "traits": ["hidden_text"]},
        )
    shown = {
        "white-on-dark": '<table><tr><td style="background-color:#232f3e"><span style="color:#ffffff">Appeal now</span></td></tr></table>',
        "white-on-bgcolor": '<table><tr><td bgcolor="#ff9900"><a style="color:#fff" href="https://sellercentral.amazon.com/appeal">Appeal now</a></td></tr></table>',
        "white-in-a-styled-class": '<style>.btn{background:#000}</style><a class="btn" style="color:#fff">Appeal now</a>',
        "grey": '<span style="color:#767676;font-size:9px">Appeal now</span>', "small": '<span style="font-size:0.8em">Appeal now</span>', "half-seen": '<span style="opacity:0.5">Appeal now</span>',
    }  # fmt: skip
    for name, piece in shown.items():
        yield (
            f"shown-{name}",
            page(f"<html><body>{seen}{piece}</body></html>"),
            {"has": ["Appeal now"], "lacks_traits": ["hidden_text"]},
        )
    yield "hidden-everything", page(f'<div style="display:none">{seen}</div>'), {"has": ["B0CQ7M2XKD"]}
    yield "lines", page("<p>One<br>two</p><div>three</div><div>four</div>"), {"text": "One\ntwo\nthree\nfour"}
    yield (
        "list",
        page("<p>Send:</p><ul><li>invoice</li><li>plan of action</li></ul>"),
        {"text": "Send:\n\n- invoice\n- plan of action"},
    )
    yield (
        "table",
        page(
            "<table><tr><th>Metric</th><th>Value</th><th>Target</th></tr><tr><td>Order Defect Rate</td><td>1.32%</td><td>under 1%</td></tr></table>"
        ),
        {"has": ["Metric | Value | Target", "Order Defect Rate | 1.32% | under 1%"]},
    )
    yield (
        "inline-tags-keep-words",
        page("<p>Your acc<b>ou</b>nt is <i>sus</i>pended</p>"),
        {"text": "Your account is suspended"},
    )
    yield (
        "upper-case-tags",
        page("<TABLE><TR><TD>Account</TD><TD>suspended</TD></TR></TABLE><P>now</P>"),
        {"has": ["Account | suspended\n", "now"]},
    )
    yield (
        "source-line-breaks-are-blanks",
        page("<p>Your\naccount\n   is suspended</p>"),
        {"text": "Your account is suspended"},
    )
    yield "preformatted", page("<pre>one\ntwo</pre>"), {"text": "one\ntwo"}
    yield (
        "entities",
        page("<p>Terms &amp; conditions &#x27;A&#39; &eacute; &nbsp; x</p>"),
        {"text": "Terms & conditions 'A' é x"},
    )
    yield (
        "script-and-style",
        page(f"<style>p{{color:red}}</style><script>alert(1)</script>{seen}"),
        {"lacks": ["alert", "color"], "traits": ["script"]},
    )
    yield (
        "form",
        page(f'<form action="http://x.example"><input name=password>{seen}</form>'),
        {"has": ["B0CQ7M2XKD"], "traits": ["form"]},
    )
    yield "comments", page(f"<!-- BAIT --><!--[if mso]><p>BAIT</p><![endif]-->{seen}"), {"lacks": ["BAIT"]}
    yield (
        "links",
        page('<p>Go to <a href="https://sellercentral.amazon.com/appeal">your page</a></p>'),
        {"links": [["your page", "https://sellercentral.amazon.com/appeal"]]},
    )
    yield (
        "link-in-upper-case",
        page('<A HREF="https://sellercentral.amazon.com/a">here</A>'),
        {"links": [["here", "https://sellercentral.amazon.com/a"]]},
    )
    yield "never-closed", page(f"<table><tr><td>{NOTICE}<td>more<b><i>"), {"has": ["B0CQ7M2XKD"]}
    yield "no-body-tag", page(NOTICE), {"has": ["B0CQ7M2XKD"]}
    yield "only-head", page(f"<html><head><title>x</title></head>{seen}</html>"), {"has": ["B0CQ7M2XKD"]}
    yield "nested-5000-deep", page("<div>" * 5000 + NOTICE), {"has": ["B0CQ7M2XKD"]}
    yield (
        "padding-preheader",
        page(f'<div style="display:none">{"&zwnj;&#847; " * 300}</div>{seen}'),
        {"has": ["B0CQ7M2XKD"], "lacks_traits": ["hidden_text"]},
    )
    yield "strike-and-sup", page("<p>ODR <del>2</del> 1.32<sup>%</sup></p>"), {"has": ["1.32%"]}


# ---- forwards ------------------------------------------------------------------------------------------------------

COLLEAGUE = "陈伟 <chen@shop.example>"
FIELDS = {
    "en": ("From", "Date", "Subject", "To"), "zh": ("发件人", "日期", "主题", "收件人"), "zh-tw": ("寄件者", "日期", "主旨", "收件者"), "ja": ("差出人", "日付", "件名", "宛先"),
    "de": ("Von", "Datum", "Betreff", "An"), "fr": ("De", "Date", "Objet", "À"), "es": ("De", "Fecha", "Asunto", "Para"), "it": ("Da", "Data", "Oggetto", "A"),
    "pt": ("De", "Data", "Assunto", "Para"), "nl": ("Van", "Datum", "Onderwerp", "Aan"), "pl": ("Od", "Data", "Temat", "Do"), "sv": ("Från", "Datum", "Ämne", "Till"),
    "tr": ("Kimden", "Tarih", "Konu", "Kime"), "ko": ("보낸 사람", "날짜", "제목", "받는 사람"),
}  # fmt: skip
MARKS = {
    "en": "---------- Forwarded message ---------", "zh": "---------- 转发的邮件 ----------", "zh-tw": "---------- 轉寄郵件 ----------", "ja": "---------- 転送メッセージ ----------",
    "de": "---------- Weitergeleitete Nachricht ----------", "fr": "---------- Message transféré ----------", "es": "---------- Mensaje reenviado ----------", "it": "---------- Messaggio inoltrato ----------",
    "pt": "---------- Mensagem encaminhada ----------", "nl": "---------- Doorgestuurd bericht ----------", "pl": "---------- Wiadomość przekazana ----------", "sv": "---------- Vidarebefordrat meddelande ----------",
    "tr": "---------- İletilen ileti ----------", "ko": "---------- 전달된 메시지 ----------",
}  # fmt: skip
DATES = {
    "en": "Fri, Nov 20, 2026 at 8:30 AM", "zh": "2026年11月20日 08:30", "zh-tw": "2026年11月20日 08:30", "ja": "2026年11月20日 8:30", "de": "Fr., 20. Nov. 2026 um 08:30", "fr": "20 novembre 2026 08:30",
    "es": "20 de noviembre de 2026 08:30", "it": "20 novembre 2026 08:30", "pt": "20 de novembro de 2026 08:30", "nl": "20 november 2026 08:30", "pl": "20 listopada 2026 08:30", "sv": "20 november 2026 08:30", "tr": "20 Kasım 2026 08:30", "ko": "2026-11-20 08:30",
}  # fmt: skip
PREFIX = {
    "en": "Fwd",
    "zh": "转发",
    "zh-tw": "轉寄",
    "ja": "転送",
    "de": "WG",
    "fr": "TR",
    "es": "RV",
    "it": "I",
    "pt": "ENC",
    "nl": "Doorst",
    "pl": "PD",
    "sv": "VB",
    "tr": "İlt",
    "ko": "전달",
}
OUTLOOK_SENT = {
    "en": "Sent",
    "de": "Gesendet",
    "fr": "Envoyé",
    "es": "Enviado",
    "it": "Inviato",
    "pt": "Enviado",
    "zh": "发送时间",
    "ja": "送信日時",
    "nl": "Verzonden",
    "pl": "Wysłano",
    "sv": "Skickat",
}
#: 08:30 in Shanghai, where the reader is.
ORIGINALLY = "2026-11-20T00:30"


def forwards() -> Iterator[Made]:
    seen = {
        "sender": "notice@amazon.com",
        "subject": "Policy Warning",
        "has": ["B0CQ7M2XKD"],
        "forwarded": ["chen@shop.example", "inline"],
        "verdict": "forwarded",
        "platform": "amazon",
    }
    for lang, (sender, date, subject, to) in FIELDS.items():
        block = f"{sender}: Amazon <notice@amazon.com>\n{date}: {DATES[lang]}\n{subject}: Policy Warning\n{to}: <shop@seller.example>\n\n{NOTICE}"
        yield (
            f"forward-gmail-{lang}",
            plain(f"{MARKS[lang]}\n{block}", subject=f"{PREFIX[lang]}: Policy Warning", sender=COLLEAGUE),
            {**seen, "sent_at": ORIGINALLY},
        )
        yield (
            f"forward-note-above-{lang}",
            plain(f"please look\n\n{MARKS[lang]}\n{block}", subject="to do", sender=COLLEAGUE),
            {**seen, "sent_at": ORIGINALLY},
        )
    for lang, sent in OUTLOOK_SENT.items():
        sender, _, subject, to = FIELDS[lang]
        block = f"{sender}: Amazon <notice@amazon.com>\n{sent}: {DATES[lang]}\n{to}: shop@seller.example\n{subject}: Policy Warning\n\n{NOTICE}"
        yield (
            f"forward-outlook-{lang}",
            plain(
                f"\n________________________________\n{block}",
                subject=f"{PREFIX[lang]}: Policy Warning",
                sender=COLLEAGUE,
            ),
            {**seen, "sent_at": ORIGINALLY},
        )
    html = f"<div>老板看下</div><hr><div><b>From:</b> Amazon &lt;notice@amazon.com&gt;<br><b>Sent:</b> Friday, November 20, 2026 8:30 AM<br><b>To:</b> shop@seller.example<br><b>Subject:</b> Policy Warning</div><p>{NOTICE}</p>"
    yield (
        "forward-outlook-html",
        page(html, subject="FW: Policy Warning", sender=COLLEAGUE),
        {**seen, "sent_at": ORIGINALLY},
    )
    table = f"<p>FYI</p>-------- Forwarded Message --------<table><tr><th>Subject: </th><td>Policy Warning</td></tr><tr><th>Date: </th><td>Fri, 20 Nov 2026 08:30:00 +0800</td></tr><tr><th>From: </th><td>Amazon &lt;notice@amazon.com&gt;</td></tr><tr><th>To: </th><td>shop@seller.example</td></tr></table><p>{NOTICE}</p>"
    yield (
        "forward-thunderbird-html",
        page(table, subject="Fwd: Policy Warning", sender=COLLEAGUE),
        {**seen, "sent_at": ORIGINALLY},
    )
    yield (
        "forward-thunderbird-plain",
        plain(
            f"-------- Forwarded Message --------\nSubject: \tPolicy Warning\nDate: \tFri, 20 Nov 2026 08:30:00 +0800\nFrom: \tAmazon <notice@amazon.com>\nTo: \tshop@seller.example\n\n{NOTICE}",
            subject="Fwd: Policy Warning",
            sender=COLLEAGUE,
        ),
        {**seen, "sent_at": ORIGINALLY},
    )
    yield (
        "forward-apple",
        plain(
            f"Begin forwarded message:\n\nFrom: Amazon <notice@amazon.com>\nSubject: Policy Warning\nDate: November 20, 2026 at 8:30:00 AM GMT+8\nTo: shop@seller.example\n\n{NOTICE}",
            subject="Fwd: Policy Warning",
            sender=COLLEAGUE,
        ),
        {**seen, "sent_at": ORIGINALLY},
    )
    quoted = "\n".join(
        f"> {line}"
        for line in f"From: Amazon <notice@amazon.com>\nSubject: Policy Warning\nDate: 20 November 2026 at 08:30:00 CST\nTo: shop@seller.example\n\n{NOTICE}".split(
            "\n"
        )
    )
    yield (
        "forward-apple-quoted",
        plain(f"Begin forwarded message:\n\n{quoted}", subject="Fwd: Policy Warning", sender=COLLEAGUE),
        {**seen},
    )
    yield (
        "forward-apple-de",
        plain(
            f"Anfang der weitergeleiteten Nachricht:\n\nVon: Amazon <notice@amazon.com>\nBetreff: Policy Warning\nDatum: 20. November 2026 um 08:30:00 GMT+8\nAn: shop@seller.example\n\n{NOTICE}",
            subject="Fwd: Policy Warning",
            sender=COLLEAGUE,
        ),
        {**seen, "sent_at": ORIGINALLY},
    )
    yield (
        "forward-qq",
        plain(
            f'看下\n\n------------------ 原始邮件 ------------------\n发件人: "Amazon" <notice@amazon.com>;\n发送时间: 2026年11月20日(星期五) 上午8:30\n收件人: "店铺"<shop@seller.example>;\n主题: Policy Warning\n\n{NOTICE}',
            subject="转发: Policy Warning",
            sender=COLLEAGUE,
        ),
        {**seen, "sent_at": ORIGINALLY},
    )
    yield (
        "forward-qq-english",
        plain(
            f'------------------ Original ------------------\nFrom: "Amazon" <notice@amazon.com>;\nDate: Fri, Nov 20, 2026 08:30 AM\nTo: "shop"<shop@seller.example>;\nSubject: Policy Warning\n\n{NOTICE}',
            subject="Fw: Policy Warning",
            sender=COLLEAGUE,
        ),
        {**seen, "sent_at": ORIGINALLY},
    )
    yield (
        "forward-netease",
        plain(
            f"-------- 转发邮件信息 --------\n发件人：Amazon <notice@amazon.com>\n发送日期：2026-11-20 08:30:00\n收件人：shop@seller.example\n主题：Policy Warning\n\n{NOTICE}",
            subject="转发：Policy Warning",
            sender=COLLEAGUE,
        ),
        {**seen, "sent_at": ORIGINALLY},
    )
    yield (
        "forward-foxmail",
        plain(
            f"\n\n发件人： Amazon\n发送时间： 2026-11-20 08:30\n收件人： shop\n主题： Policy Warning\n{NOTICE}",
            subject="转发: Policy Warning",
            sender=COLLEAGUE,
        ),
        {
            "subject": "Policy Warning",
            "has": ["B0CQ7M2XKD"],
            "forwarded": ["chen@shop.example", "inline"],
            "sent_at": ORIGINALLY,
        },
    )
    yield (
        "forward-yahoo",
        plain(
            f"   ----- Forwarded Message ----- From: Amazon <notice@amazon.com>To: shop@seller.example\n----- Forwarded Message -----\nFrom: Amazon <notice@amazon.com>\nTo: shop@seller.example\nSent: Friday, November 20, 2026 at 08:30:00 AM GMT+8\nSubject: Policy Warning\n\n{NOTICE}",
            subject="Fw: Policy Warning",
            sender=COLLEAGUE,
        ),
        {**seen, "sent_at": ORIGINALLY},
    )
    yield (
        "forward-outlook-mobile",
        plain(
            f"Get Outlook for iOS\n________________________________\nFrom: Amazon <notice@amazon.com>\nSent: Friday, November 20, 2026 8:30:00 AM\nTo: shop@seller.example <shop@seller.example>\nSubject: Policy Warning\n\n{NOTICE}",
            subject="Fw: Policy Warning",
            sender=COLLEAGUE,
        ),
        {**seen, "sent_at": ORIGINALLY},
    )
    yield (
        "forward-bold-fields",
        plain(
            f"*From:* Amazon <notice@amazon.com>\n*Sent:* Friday, November 20, 2026 8:30 AM\n*To:* shop@seller.example\n*Subject:* Policy Warning\n\n{NOTICE}",
            subject="FW: Policy Warning",
            sender=COLLEAGUE,
        ),
        {**seen, "sent_at": ORIGINALLY},
    )
    yield (
        "forward-mailto",
        plain(
            f"From: Amazon [mailto:notice@amazon.com]\nSent: Friday, November 20, 2026 8:30 AM\nTo: shop\nSubject: Policy Warning\n\n{NOTICE}",
            subject="FW: Policy Warning",
            sender=COLLEAGUE,
        ),
        {**seen, "sent_at": ORIGINALLY},
    )
    inner = f"---------- Forwarded message ---------\nFrom: Amazon <notice@amazon.com>\nDate: Fri, Nov 20, 2026 at 8:30 AM\nSubject: Policy Warning\nTo: <shop@seller.example>\n\n{NOTICE}"
    yield (
        "forward-of-a-forward",
        plain(
            f"---------- Forwarded message ---------\nFrom: Li <li@shop.example>\nDate: Sat, Nov 21, 2026 at 8:30 AM\nSubject: Fwd: Policy Warning\nTo: <chen@shop.example>\n\n{inner}",
            subject="Fwd: Fwd: Policy Warning",
            sender=COLLEAGUE,
        ),
        {**seen, "sent_at": ORIGINALLY},
    )
    yield (
        "forward-no-prefix-no-mark",
        plain(
            f"From: Amazon <notice@amazon.com>\nDate: Fri, Nov 20, 2026 8:30 AM\nSubject: Policy Warning\nTo: shop@seller.example\n\n{NOTICE}",
            subject="Policy Warning",
            sender=COLLEAGUE,
        ),
        {**seen, "sent_at": ORIGINALLY},
    )
    yield (
        "forward-of-phishing",
        plain(
            "---------- Forwarded message ---------\nFrom: Amazon <x@amazon-verify.example>\nDate: Fri, Nov 20, 2026 at 8:30 AM\nSubject: Suspended\nTo: <shop@seller.example>\n\nVerify your account within 24 hours.",
            subject="Fwd: Suspended",
            sender=COLLEAGUE,
        ),
        {"sender": "x@amazon-verify.example", "verdict": "forged", "forwarded": ["chen@shop.example", "inline"]},
    )
    notice = plain(NOTICE, sender="Amazon <notice@amazon.com>", date="Fri, 20 Nov 2026 00:30:00 +0000")
    attached = {**seen, "forwarded": ["chen@shop.example", "attached"], "sent_at": ORIGINALLY}
    yield (
        "forward-attached",
        multi(
            part("text/plain", "see below"),
            part("message/rfc822", notice),
            subject="Fw: Policy Warning",
            sender=COLLEAGUE,
        ),
        attached,
    )
    yield (
        "forward-attached-alone",
        multi(
            part("message/rfc822", notice, "Content-Disposition: attachment; filename=notice.eml"),
            subject="Fw: x",
            sender=COLLEAGUE,
        ),
        attached,
    )
    yield (
        "forward-attached-as-eml",
        multi(
            part("text/plain", "see"),
            part(
                "application/octet-stream; name=notice.eml",
                b64(notice),
                "Content-Transfer-Encoding: base64",
                "Content-Disposition: attachment; filename=notice.eml",
            ),
            subject="look",
            sender=COLLEAGUE,
        ),
        attached,
    )
    yield (
        "forward-attached-html",
        multi(
            part("text/plain", "see"),
            part(
                "message/rfc822",
                page(f"<p>{NOTICE}</p>", sender="Amazon <notice@amazon.com>", date="Fri, 20 Nov 2026 00:30:00 +0000"),
            ),
            subject="look",
            sender=COLLEAGUE,
        ),
        attached,
    )
    other = plain("lunch?", sender="li@shop.example", subject="lunch")
    yield (
        "forward-attached-two",
        multi(
            part("text/plain", "two"),
            part("message/rfc822", other),
            part("message/rfc822", notice),
            subject="two mails",
            sender=COLLEAGUE,
        ),
        {**attached, "has": ["B0CQ7M2XKD", "lunch?"]},
    )
    yield (
        "forward-attached-digest",
        multi(part("message/rfc822", notice), kind="digest", subject="digest", sender=COLLEAGUE),
        attached,
    )
    passed = (
        "Authentication-Results: mx.test.example; dkim=pass header.d=amazon.com; spf=softfail smtp.mailfrom=shop.example; dmarc=pass header.from=amazon.com",
    )
    automatic = {
        "sender": "seller-performance@amazon.com",
        "has": ["B0CQ7M2XKD"],
        "verdict": "forwarded",
        "platform": "amazon",
    }
    yield (
        "automatic-gmail",
        plain(
            NOTICE,
            *passed,
            "X-Forwarded-To: ops@agency.example",
            "X-Forwarded-For: chen@shop.example ops@agency.example",
        ),
        {**automatic, "forwarded": ["chen@shop.example", "automatic"], "findings": ["dmarc_pass"]},
    )
    yield (
        "automatic-resent",
        plain(
            NOTICE, *passed, "Resent-From: chen@shop.example", "Resent-To: ops@agency.example", "Resent-Date: " + DATE
        ),
        {**automatic, "forwarded": ["chen@shop.example", "resent"], "findings": ["dmarc_pass"]},
    )
    failed = (
        "Authentication-Results: mx.test.example; dkim=fail header.d=amazon.com; dmarc=fail header.from=amazon.com",
        "X-Forwarded-For: chen@shop.example ops@agency.example",
    )
    yield (
        "automatic-broken-on-the-way",
        plain(NOTICE, *failed),
        {**automatic, "verdict": "unproven", "findings": ["broken_on_the_way"]},
    )


# ---- replies -------------------------------------------------------------------------------------------------------

WROTE = {
    "en": "On Fri, Nov 20, 2026 at 8:30 AM Amazon <notice@amazon.com> wrote:", "en-at": "At 2026-11-20 08:30:00, \"Amazon\" <notice@amazon.com> wrote:", "zh": "在 2026-11-20 08:30:00，\"Amazon\" <notice@amazon.com> 写道：", "zh-yu": "Amazon <notice@amazon.com> 于2026年11月20日周五 08:30写道：",
    "zh-tw": "Amazon <notice@amazon.com> 於 2026年11月20日 週五 08:30 寫道：", "ja": "2026年11月20日(金) 8:30 Amazon <notice@amazon.com>:", "de": "Am Fr., 20. Nov. 2026 um 08:30 Uhr schrieb Amazon <notice@amazon.com>:", "fr": "Le ven. 20 nov. 2026 à 08:30, Amazon <notice@amazon.com> a écrit :",
    "es": "El vie, 20 nov 2026 a las 8:30, Amazon (<notice@amazon.com>) escribió:", "it": "Il giorno ven 20 nov 2026 alle ore 08:30 Amazon <notice@amazon.com> ha scritto:", "pt": "Em sex., 20 de nov. de 2026 às 08:30, Amazon <notice@amazon.com> escreveu:", "nl": "Op vr 20 nov 2026 om 08:30 schreef Amazon <notice@amazon.com>:",
    "pl": "pt., 20 lis 2026 o 08:30 Amazon <notice@amazon.com> napisał(a):", "sv": "Den fre 20 nov. 2026 kl 08:30 skrev Amazon <notice@amazon.com>:", "tr": "Amazon <notice@amazon.com>, 20 Kas 2026 Cum, 08:30 tarihinde şunu yazdı:", "ko": "2026년 11월 20일 (금) 오전 8:30, Amazon <notice@amazon.com>님이 작성:", "ru": "пт, 20 нояб. 2026 г. в 08:30, Amazon <notice@amazon.com> пишет:",
}  # fmt: skip
OWN = "We will send the invoices on Tuesday, our supplier has promised them."


def replies() -> Iterator[Made]:
    quoted = "\n".join(f"> {line}" for line in ("Hello,", "", NOTICE))
    expected = {"text": OWN, "history": ["B0CQ7M2XKD"], "forwarded": None}
    for lang, line in WROTE.items():
        yield (
            f"reply-{lang}",
            plain(
                f"{OWN}\n\n{line}\n\n{quoted}",
                "In-Reply-To: <1@amazon.com>",
                subject="Re: Policy Warning",
                sender=COLLEAGUE,
            ),
            expected,
        )
    yield (
        "reply-wrapped-attribution",
        plain(
            f"{OWN}\n\nOn Fri, Nov 20, 2026 at 8:30 AM Amazon Seller Performance\n<notice@amazon.com> wrote:\n\n{quoted}",
            subject="Re: Policy Warning",
            sender=COLLEAGUE,
        ),
        expected,
    )
    yield (
        "reply-unmarked-quote",
        plain(
            f"{OWN}\n\nOn Fri, Nov 20, 2026 at 8:30 AM Amazon <notice@amazon.com> wrote:\n\nHello,\n{NOTICE}",
            subject="Re: Policy Warning",
            sender=COLLEAGUE,
        ),
        expected,
    )
    yield (
        "reply-outlook",
        plain(
            f"{OWN}\n\n________________________________\nFrom: Amazon <notice@amazon.com>\nSent: Friday, November 20, 2026 8:30 AM\nTo: shop@seller.example\nSubject: Policy Warning\n\n{NOTICE}",
            "In-Reply-To: <1@amazon.com>",
            subject="Re: Policy Warning",
            sender=COLLEAGUE,
        ),
        expected,
    )
    yield (
        "reply-original-message",
        plain(
            f"{OWN}\n\n-----Original Message-----\nFrom: Amazon <notice@amazon.com>\nSent: Friday, November 20, 2026 8:30 AM\nTo: shop@seller.example\nSubject: Policy Warning\n\n{NOTICE}",
            "In-Reply-To: <1@amazon.com>",
            subject="RE: Policy Warning",
            sender=COLLEAGUE,
        ),
        expected,
    )
    yield (
        "reply-qq",
        plain(
            f'{OWN}\n\n------------------ 原始邮件 ------------------\n发件人: "Amazon" <notice@amazon.com>;\n发送时间: 2026年11月20日(星期五) 上午8:30\n收件人: "shop"<shop@seller.example>;\n主题: Policy Warning\n\n{NOTICE}',
            "In-Reply-To: <1@amazon.com>",
            subject="回复: Policy Warning",
            sender=COLLEAGUE,
        ),
        expected,
    )
    yield (
        "reply-html",
        page(
            f'<div>{OWN}</div><br><div class="gmail_quote"><div>On Fri, Nov 20, 2026 at 8:30 AM Amazon &lt;notice@amazon.com&gt; wrote:<br></div><blockquote>{NOTICE}</blockquote></div>',
            subject="Re: Policy Warning",
            sender=COLLEAGUE,
        ),
        expected,
    )
    yield (
        "reply-only-marked-lines",
        plain(f"{OWN}\n\n{quoted}", subject="Re: Policy Warning", sender=COLLEAGUE),
        expected,
    )
    yield (
        "reply-that-says-nothing-itself",
        plain(
            f"\n\nOn Fri, Nov 20, 2026 at 8:30 AM Amazon <notice@amazon.com> wrote:\n\n{quoted}",
            subject="Re: Policy Warning",
            sender=COLLEAGUE,
        ),
        {"has": ["B0CQ7M2XKD"]},
    )
    yield (
        "answer-of-the-platform",
        plain(
            "We have decided not to reinstate your listing.\n\nOn Fri, Nov 20, 2026 at 8:30 AM Chen <chen@shop.example> wrote:\n\n> we appeal",
            PASS,
            subject="Re: Policy Warning",
        ),
        {"text": "We have decided not to reinstate your listing.", "history": ["we appeal"], "verdict": "proven"},
    )
    yield "signature", plain(f"{OWN}\n-- \nChen Wei\nShop Ltd", sender=COLLEAGUE), {"text": OWN, "footer": ["Chen Wei"]}
    yield (
        "telephone-signature",
        plain(f"{OWN}\n\nSent from my iPhone", sender=COLLEAGUE),
        {"text": OWN, "footer": ["iPhone"]},
    )
    yield (
        "telephone-signature-zh",
        plain(
            "发票周二发给您,供应商已答应,请放心,我们会尽快处理这件事情,谢谢您的耐心等待和理解支持。\n\n发自我的iPhone",
            sender=COLLEAGUE,
        ),
        {"lacks": ["iPhone"], "footer": ["iPhone"]},
    )
    yield (
        "legal-footer",
        plain(
            f"{NOTICE}\n\nThis email and any attachments are confidential and intended solely for the addressee.\n© 2026 Amazon.com, Inc."
        ),
        {"has": ["B0CQ7M2XKD"], "lacks": ["confidential"], "footer": ["confidential", "©"]},
    )
    yield (
        "legal-footer-de",
        plain(f"{GERMAN}\n\nDiese E-Mail enthält vertrauliche Informationen."),
        {"lacks": ["vertrauliche"], "footer": ["vertrauliche"]},
    )
    yield (
        "no-history-in-a-list",
        plain("Please send:\n- From: your supplier\n- invoices\n\nThanks"),
        {"has": ["invoices", "Thanks"], "history": []},
    )
    yield (
        "greater-sign-is-no-quote",
        plain("Go to Performance > Account Health.\n> Appeal\nThen wait for our answer to your appeal."),
        {"has": ["Appeal", "Then wait"]},
    )


# ---- senders -------------------------------------------------------------------------------------------------------


def results(text: str) -> str:
    return f"Authentication-Results: {text}"


def senders() -> Iterator[Made]:
    own = {
        "amazon": "amazon.com", "amazon-de": "amazon.de", "amazon-jp": "amazon.co.jp", "amazon-sell": "sell.amazon.com", "ebay": "ebay.com", "ebay-de": "reply.ebay.de", "walmart": "walmart.com", "etsy": "account.etsy.com", "shopify": "shopify.com", "paypal": "intl.paypal.com",
        "aliexpress": "notice.aliexpress.com", "alibaba": "service.alibaba.com", "shopee": "mail.shopee.tw", "lazada": "support.lazada.sg", "tiktok_shop": "shop.tiktok.com", "temu": "orders.temuemail.com", "shein": "sheinnotice.com", "wish": "wish.com", "mercadolibre": "mercadolibre.com.mx",
        "rakuten": "shop.rakuten.co.jp", "cdiscount": "cdiscount.com", "otto": "otto.market", "kaufland": "kaufland-marktplatz.de", "allegro": "allegromail.pl", "ozon": "sender.ozon.ru", "coupang": "coupang.com", "newegg": "newegg.com", "wayfair": "wayfair.com",
    }  # fmt: skip
    for name, domain in own.items():
        platform = name.split("-")[0]
        mail = plain(
            NOTICE,
            results(f"mx.test.example; dkim=pass header.d={domain}; dmarc=pass header.from={domain}"),
            sender=f"Support <notice@{domain}>",
        )
        yield f"proven-{name}", mail, {"verdict": "proven", "platform": platform}
    gmail = (
        "Received: by 2002:a05:6a10:1 with SMTP id x; Mon, 23 Nov 2026 01:00:00 -0800",
        "Received: from a1.smtp-out.amazonses.com (a1 [54.240.1.1]) by mx.google.com with ESMTPS id y; Mon, 23 Nov 2026 01:00:00 -0800",
    )
    yield (
        "proven-gmail",
        plain(
            NOTICE,
            *gmail,
            results(
                "mx.google.com; dkim=pass header.i=@amazon.com header.s=s1 header.b=abc; dkim=pass header.i=@amazonses.com header.b=x; spf=pass (google.com: domain of 01@amazonses.com designates 54.240.1.1 as permitted sender) smtp.mailfrom=01@amazonses.com; dmarc=pass (p=QUARANTINE sp=QUARANTINE dis=NONE) header.from=amazon.com"
            ),
        ),
        {"verdict": "proven", "findings": ["dmarc_pass"]},
    )
    outlook = (
        "Received: from AM0PR01.eurprd01.prod.outlook.com by AM9PR01.eurprd01.prod.outlook.com with HTTPS; Mon, 23 Nov 2026 09:00:01 +0000",
        "Received: from a1.amazonses.com by DB5EUR01.mail.protection.outlook.com with SMTP; Mon, 23 Nov 2026 09:00:00 +0000",
    )
    yield (
        "proven-outlook-nameless",
        plain(
            NOTICE,
            *outlook,
            results(
                "spf=pass (sender IP is 54.240.1.1) smtp.mailfrom=amazonses.com; dkim=pass (signature was verified) header.d=amazon.com;dmarc=pass action=none header.from=amazon.com;compauth=pass reason=100"
            ),
        ),
        {"verdict": "proven"},
    )
    yield (
        "forged-outlook-nameless",
        plain(
            NOTICE,
            *outlook,
            results(
                "spf=fail (sender IP is 1.2.3.4) smtp.mailfrom=amazon.com; dkim=none (message not signed) header.d=none;dmarc=fail action=oreject header.from=amazon.com;compauth=fail reason=000"
            ),
        ),
        {"verdict": "forged", "findings": ["dmarc_fail"]},
    )
    yield (
        "proven-three-servers-lines",
        plain(
            NOTICE,
            results("bimi.icloud.com; bimi=none"),
            results("dmarc.icloud.com; dmarc=pass header.from=amazon.com"),
            results("dkim-verifier.icloud.com; dkim=pass header.d=amazon.com"),
        ),
        {"verdict": "proven"},
    )
    yield (
        "proven-by-spf-alone",
        plain(NOTICE, results("mx.test.example; spf=pass smtp.mailfrom=bounces.amazon.com")),
        {"verdict": "proven", "findings": ["spf_pass"]},
    )
    yield (
        "proven-country-domain-signature",
        plain(NOTICE, results("mx.test.example; dkim=pass header.d=amazon.co.jp"), sender="Amazon <x@amazon.co.jp>"),
        {"verdict": "proven", "platform": "amazon"},
    )
    yield (
        "proven-dkim-in-spite-of-spf",
        plain(NOTICE, results("mx.test.example; spf=fail smtp.mailfrom=amazon.com; dkim=pass header.d=amazon.com")),
        {"verdict": "proven"},
    )
    yield "proven-alarming-and-bare", plain("Suspended.", PASS, subject="Your account"), {"verdict": "proven"}
    yield "unproven-nothing", plain(NOTICE), {"verdict": "unproven", "platform": "amazon", "findings": ["no_results"]}
    yield (
        "unproven-other-signature",
        plain(
            NOTICE, results("mx.test.example; dkim=pass header.d=mailer.example; spf=pass smtp.mailfrom=mailer.example")
        ),
        {"verdict": "unproven"},
    )
    yield (
        "unproven-bestguess",
        plain(
            NOTICE,
            results(
                "mx.test.example; spf=none smtp.mailfrom=mailer.example; dmarc=bestguesspass header.from=amazon.com"
            ),
        ),
        {"verdict": "unproven"},
    )
    yield (
        "unproven-softfail",
        plain(NOTICE, results("mx.test.example; spf=softfail smtp.mailfrom=amazon.com; dkim=none")),
        {"verdict": "unproven", "findings": ["spf_soft"]},
    )
    yield (
        "unproven-errors",
        plain(
            NOTICE,
            results(
                "mx.test.example; spf=temperror smtp.mailfrom=amazon.com; dkim=permerror; dmarc=temperror header.from=amazon.com"
            ),
        ),
        {"verdict": "unproven"},
    )
    yield "unproven-results-that-are-nonsense", plain(NOTICE, results(";;;=;")), {"verdict": "unproven"}
    stranger = (
        "Received: from x by mx.test.example; Mon, 23 Nov 2026 09:00:00 +0000",
        results("mail.evil.example; dkim=pass header.d=amazon.com; dmarc=pass header.from=amazon.com"),
    )
    yield (
        "unproven-results-by-a-stranger",
        plain(NOTICE, *stranger),
        {"verdict": "unproven", "findings": ["foreign_results"]},
    )
    own_first = (
        "Received: from x by mx.test.example; Mon, 23 Nov 2026 09:00:00 +0000",
        results("mx.test.example; dkim=none; dmarc=fail header.from=amazon.com"),
        results("mail.evil.example; dkim=pass header.d=amazon.com; dmarc=pass header.from=amazon.com"),
    )
    yield (
        "forged-though-a-stranger-passes-it",
        plain(NOTICE, *own_first),
        {"verdict": "forged", "findings": ["dmarc_fail"]},
    )
    yield (
        "forged-exact-domain",
        plain(
            NOTICE,
            results("mx.test.example; spf=fail smtp.mailfrom=amazon.com; dkim=none; dmarc=fail header.from=amazon.com"),
        ),
        {"verdict": "forged", "platform": "amazon"},
    )
    yield (
        "forged-spf-fail",
        plain(NOTICE, results("mx.test.example; spf=fail smtp.mailfrom=amazon.com; dkim=none")),
        {"verdict": "forged", "findings": ["spf_fail"]},
    )
    impostors = {
        "homoglyph-capital-i": "PayPal <service@PayPaI.net>", "digit": "Amazon <x@amaz0n-seller.com>", "left-out": "Amazon <x@amzon.com>", "changed": "Amazon <x@amazom.com>", "swapped": "Amazon <x@amaozn.com>", "inserted-word": "x@amazon-security.com", "inserted-code": "x@f3dven-amazon.com", "wrong-tld": "x@mercadolivre.br",
        "other-tld": "x@mercadopago.net", "official-false-1": "x@payments-amazon.com", "official-false-2": "x@amazonservices.com", "subdomain": "x@amazon.xsecur.xyz", "subdomain-code": "x@temu-3f683.firebaseapp.com", "real-domain-as-prefix": "x@rakuten.co.jp-info.top",
        "idn": "Amazon <x@xn--mazon-3ve.com>", "cyrillic-name": "Аmаzоn Seller Support <x@mailer.example>", "maths-name": "𝖯𝖺𝗒𝖯𝖺𝗅 <x@mailer.example>", "name-only": "Amazon <verify@twitter.example>", "name-service": "Service Paypal <paypal@alertes.example>", "name-office": "PayPal Security Office <z@wanadoo.example>",
        "address-as-name": '"Offers@amazon.de" <other@mailer.example>', "two-names": '"Amazon", "Seller Support" <x@mailer.example>', "short-brand": "x@ebay-secure.example", "short-brand-joined": "x@ebaysupport.example", "chinese-name": "亚马逊卖家支持 <x@notify.example>", "japanese-name": "Amazonカスタマーサービス <x@notify.example>",
        "walmart": "Walmart Marketplace Team <x@wm-notice.example>", "shopee": "Shopee Seller Center <x@shop-ee.example>", "tenant": "eBay Customer Support <x@q8z.onmicrosoft.example>",
    }  # fmt: skip
    for name, sender in impostors.items():
        domain = sender.rstrip(">").rpartition("@")[2]
        mail = plain(
            f"{NOTICE}\nClick here to verify your account.",
            results(
                f"mx.test.example; spf=pass smtp.mailfrom={domain.lower()}; dkim=pass header.d={domain.lower()}; dmarc=pass header.from={domain.lower()}"
            ),
            sender=sender,
        )
        yield f"impostor-{name}", mail, {"verdict": "forged"}
    honest = {
        "agency-newsletter": "Amazon Seller News by Foo <a@foo.example>", "wishes": "info@wishes.example", "person-called-otto": "Otto Müller <otto@mueller.example>", "otto-motors": "a@ottomotors.example", "lawyer": "Marketplace Law <x@appeal-law.example>", "forum": "Seller Forum <digest@sellerforum.example>",
        "supplier": "王经理 <wang@factory.example>", "tax-adviser": "Steuerkanzlei Braun <info@braun.example>", "no-address": "Someone", "etsy-like-word": "a@betsy.example", "shein-like-word": "a@sunshein.example", "ozone": "a@ozone-clean.example",
    }  # fmt: skip
    for name, sender in honest.items():
        yield (
            f"honest-{name}",
            plain("Our price list for next year.", sender=sender, subject="Price list"),
            {"verdict": "unproven", "platform": "none"},
        )
    odd = {
        "broken-tld": "servicos@mercadolivre",
        "percent": "aviso@%atendimento.example",
        "comma-domain": "noreply@theskimm,com",
        "no-angle-end": "Amazon <notice@amazon.com",
        "empty-angle": "Amazon <>",
        "only-quotes": '""',
        "group": "undisclosed-recipients:;",
        "long": "a" * 3000 + "@x.example",
    }
    for name, sender in odd.items():
        yield f"odd-sender-{name}", plain(NOTICE, sender=sender), {"has": ["B0CQ7M2XKD"], "verdict_not": "proven"}
    yield (
        "relay-buyer",
        plain(
            "Refund me or I report your shop!",
            results("mx.test.example; dkim=pass header.d=amazon.com"),
            sender="Buyer <abc123@marketplace.amazon.com>",
        ),
        {"verdict": "proven", "platform": "amazon", "relay": True},
    )
    yield (
        "relay-ebay-member",
        plain("is it new?", sender="Member <x@members.ebay.com>"),
        {"verdict": "unproven", "platform": "ebay", "relay": True},
    )
    lure = '<p>Your Amazon selling account is suspended. Verify within 24 hours.</p><a href="{}">{}</a>'
    tricks = {
        "link-shows-platform": ("https://sellers-check.example/x", "https://sellercentral.amazon.com", "link_shows_platform"), "link-imitates": ("https://amazon-appeal.example/x", "Appeal", "link_imitates"), "link-userinfo": ("https://amazon.com@203.0.113.9/x", "Appeal", "link_hides_host"),
        "link-number": ("http://203.0.113.9/x", "Appeal", "link_to_number"), "link-shortened": ("https://bit.ly/3x", "Appeal", "link_shortened"), "link-javascript": ("javascript:alert(1)", "Appeal", "link_hides_host"), "link-mailto": ("mailto:helpdesk@gmail.com", "Write", "link_mailto"), "link-elsewhere": ("https://storage.example/x", "Appeal", "link_elsewhere"),
    }  # fmt: skip
    for name, (target, shown, kind) in tricks.items():
        yield (
            f"unproven-{name}",
            page(lure.format(target, shown)),
            {"verdict": "unproven", "findings": [kind, "no_results"]},
        )
    yield (
        "unproven-genuine-link",
        page(lure.format("https://sellercentral.amazon.de/appeal", "Appeal")),
        {"verdict": "unproven", "lacks_findings": ["link_elsewhere", "link_shows_platform"]},
    )
    yield (
        "unproven-reply-elsewhere",
        plain(NOTICE, "Reply-To: helpdesk@gmail.com"),
        {"verdict": "unproven", "findings": ["reply_elsewhere"]},
    )
    yield (
        "unproven-asks-for-a-secret",
        plain("Your Amazon account is suspended. Enter your password and card number within 24 hours."),
        {"verdict": "unproven", "findings": ["asks_secret", "presses"]},
    )
    yield (
        "unproven-risky-file",
        multi(
            part("text/plain", NOTICE),
            part("text/html; name=Appeal.html", "<p>x</p>", "Content-Disposition: attachment; filename=Appeal.html"),
        ),
        {"verdict": "unproven", "findings": ["risky_attachment"]},
    )
    yield (
        "stranger-with-a-telling-link",
        page(
            lure.format("https://amazon-verify.example/x", "https://sellercentral.amazon.com"),
            sender="Account Services <x@mailer.example>",
        ),
        {"verdict": "forged"},
    )
    yield (
        "stranger-newsletter-with-counters",
        page(
            lure.format("https://click.mailer.example/1", "https://sellercentral.amazon.com"),
            "List-Unsubscribe: <https://mailer.example/u>",
            sender="Seller Weekly <x@mailer.example>",
        ),
        {"verdict": "unproven"},
    )


def all_mails() -> list[Made]:
    """Every mail with its name and what is expected."""
    return [*charsets(), *structure(), *markup(), *forwards(), *replies(), *senders()]


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    made = all_mails()
    names = [name for name, _, _ in made]
    assert len(names) == len(set(names)), "two mails of one name"
    for name, data, _ in made:
        (FOLDER / f"{name}.eml").write_bytes(data)
    lines = [json.dumps({"mail": name, **expected}, ensure_ascii=False) for name, _, expected in made]
    EXPECTED_FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(made)} mails")


if __name__ == "__main__":
    main()
