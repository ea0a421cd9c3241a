"""Answers to FETCH: read by patterns, and what is unusual by imapclient's own reader, to the same result."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imapclient.exceptions import IMAPClientError
from imapclient.response_parser import parse_fetch_response

from triage.mail import fetching

DATE = b'INTERNALDATE "23-Nov-2026 10:00:00 +0800"'
BODY = b"Subject: a) b\r\n\r\nUID 99 RFC822.SIZE 1"


class Line:
    """What imaplib gives for one UID FETCH, in the place of a connection."""

    normalise_times = False

    def __init__(self, answers, kind="OK"):
        self._imap, self._said = self, (kind, answers)

    def uid(self, *_):
        return self._said


PLAIN = [
    [b"1 (UID 5 RFC822.SIZE 812)", b"2 (RFC822.SIZE 3 UID 6)"],
    [(b"1 (UID 5 " + DATE + b" BODY[] {%d}" % len(BODY), BODY), b")"],
    [(b"1 (BODY[] {%d}" % len(BODY), BODY), b" UID 5 " + DATE + b")"],
    [(b"1 (UID 5 FLAGS (\\Seen $Triage) BODY[]<0> {%d}" % len(BODY), BODY), b" FLAGS ())"],
    [],
]
UNUSUAL = [
    [b'1 (UID 5 BODY[] "short")'],
    [b"1 (UID 5 BODY[] NIL)"],
    [(b'1 (UID 5 X-GM-LABELS ("a b") BODY[] {%d}' % len(BODY), BODY), b")"],
    [(b'1 (UID 5 INTERNALDATE "yesterday" BODY[] {%d}' % len(BODY), BODY), b")"],
    [b"1 (FLAGS (\\Seen))", (b"2 (UID 6 BODY[] {%d}" % len(BODY), BODY), b")"],
]


@pytest.mark.parametrize("answers", PLAIN)
def test_the_plain_forms_are_read_by_the_patterns_as_imapclient_reads_them(answers):
    ours, theirs = fetching._plain(answers), dict(parse_fetch_response(answers, normalise_times=False))

    assert ours is not None
    assert {uid: {**data, b"SEQ": 0} for uid, data in ours.items()} == {
        uid: {key.replace(b"<0>", b""): 0 if key == b"SEQ" else value for key, value in data.items() if key != b"FLAGS"}
        for uid, data in theirs.items()
    }


@pytest.mark.parametrize("answers", UNUSUAL)
def test_what_is_unusual_is_left_to_imapclient(answers):
    assert fetching._plain(answers) is None
    found = fetching.fetch(Line(answers), [5, 6], ["BODY.PEEK[]"])
    assert found == {
        uid: data for uid, data in parse_fetch_response(answers, normalise_times=False).items() if uid in {5, 6}
    }


def test_what_was_not_asked_for_is_left_out():
    assert list(
        fetching.fetch(Line([b"1 (UID 5 RFC822.SIZE 8)", b"9 (UID 9 RFC822.SIZE 8)"]), [5], ["RFC822.SIZE"])
    ) == [5]


def test_a_refusal_is_an_error():
    with pytest.raises(IMAPClientError, match="no such message"):
        fetching.fetch(Line([b"no such message"], "NO"), [5], ["RFC822.SIZE"])


@given(
    st.lists(st.one_of(st.binary(max_size=60), st.tuples(st.binary(max_size=60), st.binary(max_size=20))), max_size=4)
)
def test_the_patterns_refuse_or_read_any_bytes(answers):
    found = fetching._plain(answers)
    assert found is None or all(isinstance(uid, int) for uid in found)
