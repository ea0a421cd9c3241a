"""Strangers write our input: whatever bytes come, the parsers answer."""

import random
import resource
import time
import zlib
from base64 import b64encode
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks import fuzz
from tests.conftest import NOW
from triage.mail import html, parsing, reading
from triage.types import Mail, Unreadable
from triage.understand.deadline import deadline
from triage.understand.facts import about, facts
from triage.understand.language import language
from triage.understand.naming import store_name
from triage.understand.text import normal

PIECES = [
    b"From: a@b.c\r\n", b"Subject: =?utf-8?b?", b"?=", b"\r\n\r\n", b"Content-Type: multipart/mixed; boundary=B\r\n", b"--B\r\n", b"--B--",
    b"Content-Type: text/html; charset=x\r\n", b"Content-Transfer-Encoding: base64\r\n", b"Content-Type: message/rfc822\r\n", b"<div>" * 20,
    b"charset=utf-7", b"\xff\xfe\x00", "账户".encode("gb18030"), b"Authentication-Results: x; dkim=pass header.d=", b"A" * 300, b"\n",
]  # fmt: skip
mails = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=30)), max_size=25).map(
    lambda parts: b"From: x@y.z\r\n" + b"".join(parts)
)
quick = settings(max_examples=300, deadline=timedelta(seconds=2), suppress_health_check=[HealthCheck.too_slow])


@quick
@given(mails)
def test_any_bytes_become_a_mail_or_an_unreadable_message(raw):
    found = reading.read(raw)
    assert isinstance(found, (Mail, Unreadable))
    if isinstance(found, Mail):
        found.text.encode()  # what goes into the database must be storable
        found.subject.encode()
        found.sender.email.encode()


@quick
@given(st.text(max_size=400), st.text(max_size=60))
def test_any_text_is_understood_without_a_fault(text, subject):
    normal(text)
    language(text)
    mail = Mail(digest="", subject=subject, text=text)
    facts(mail, about(mail))
    found = deadline(f"within 72 hours {text} by December 1, 2026 {text} 7天内", NOW, ZoneInfo("Asia/Shanghai"))
    assert found is None or found.at > NOW


@quick
@given(st.text(alphabet="<>/abdivtr =\"'&;#x0\n!-", max_size=300))
def test_any_markup_becomes_text(markup):
    assert isinstance(html.page(markup).text, str)


def test_mutated_mails_are_read_without_a_crash_a_hang_or_much_memory():
    figures = fuzz.run(fuzz.SEED, 1500)  # 200,000 by: make bench
    assert figures.mails == 1500
    assert figures.unreadable < 150


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def test_ten_thousand_parts_are_read_in_bounded_time():
    parts = b"".join(b"--B\r\nContent-Type: text/plain\r\n\r\npart %d\r\n" % n for n in range(10_000))
    raw = (
        b"From: a@amazon.com\r\nSubject: s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
        + parts
        + b"--B--\r\n"
    )
    start = time.perf_counter()
    mail = reading.read(raw)
    assert isinstance(mail, Mail)
    assert "part 0" in mail.text
    assert time.perf_counter() - start < 5
    slow = parsing.tolerant(raw)
    assert len(slow.plain) == parsing.MOST_PARTS
    assert time.perf_counter() - start < 20


def test_a_mail_of_forty_megabytes_is_read_in_bounded_time_and_memory():
    attachment = b64encode(random.Random(1).randbytes(30_000_000))
    raw = (
        b"From: a@amazon.com\r\nSubject: s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain\r\n\r\n"
        b"Your listing was removed.\r\n--B\r\nContent-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + attachment
        + b"\r\n--B--\r\n"
    )
    before, start = peak_mb(), time.perf_counter()
    mail = reading.read(raw)
    assert isinstance(mail, Mail)
    assert mail.text == "Your listing was removed."
    assert [each.name for each in mail.attachments] == ["a.zip"]
    assert time.perf_counter() - start < 5
    assert peak_mb() - before < 300


def test_a_packed_bomb_is_not_unpacked():
    bomb = zlib.compress(b"0" * 200_000_000, 9)
    before = peak_mb()
    for kind in ("application/zip", "application/gzip", "application/pdf", "application/ms-tnef"):
        head = (
            f"From: a@amazon.com\r\nContent-Type: {kind}; name=x\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode()
        )
        assert isinstance(reading.read(head + b64encode(bomb)), Mail)
    assert peak_mb() - before < 100


@pytest.mark.parametrize(
    "markup",
    ["<div>" * 300_000, "<table><tr><td>" * 100_000, "<a href=x>" * 100_000, "<p style='color:#fff'>x" * 50_000, "&" * 500_000, "<" * 500_000,
     "<!--" * 100_000, "<style>" * 50_000, "<pre>" * 50_000, "<li>" * 100_000, '<b style="' + "a:b;" * 100_000, "<font color=white>" * 50_000],
    ids=["div", "tables", "links", "white", "entities", "brackets", "comments", "styles", "pre", "items", "style", "fonts"],
)  # fmt: skip
def test_malicious_markup_takes_bounded_time(markup):
    start = time.perf_counter()
    html.page(markup)
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    "text",
    ["a" * 20_000, "A " * 10_000, "1 " * 10_000, "1.1.1.1." * 3_000, "within " * 3_000, "> " * 10_000, "From: " * 4_000, "wrote:\n" * 3_000, "a@" * 10_000,
     "A > " * 5_000, "Case ID: " * 2_500, "$1," * 6_000, "12月" * 6_000, "72小时" * 5_000, "On Mon 1 " * 3_000 + "wrote:", "Section 3 of the " * 1_500,
     "A-Z-" * 5_000, "ODR 1% " * 3_000, "\n> " * 8_000, "From: a@b.c\nSubject: x\n\n" * 1_000, "Policy " * 3_000, "B0" * 10_000, "until before by " * 2_000],
)  # fmt: skip
def test_no_text_makes_a_pattern_run_away(text):
    start = time.perf_counter()
    mail = reading.from_fields(sender="Amazon <a@amazon.com>", subject=text[:900], body=text, received_at=NOW)
    facts(mail, about(mail))
    store_name(mail, about(mail))
    deadline(text, NOW, ZoneInfo("Asia/Shanghai"))
    assert time.perf_counter() - start < 2
