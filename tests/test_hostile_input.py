"""Strangers write our input: whatever bytes come, the parsers answer."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks import fuzz
from tests.conftest import NOW
from triage.mail import html, reading
from triage.types import Mail, Unreadable
from triage.understand.deadline import deadline
from triage.understand.facts import about, facts
from triage.understand.language import language
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
