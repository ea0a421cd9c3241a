"""FETCH, with the answers that nearly all servers give read by two patterns.

imapclient reads an answer letter by letter, which takes longer than the way of its bytes over the network. Here an answer
is matched as a whole against the plainest form; whatever is not exactly that is handed to imapclient's own reader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from imapclient import IMAPClient
from imapclient.datetime_util import parse_to_datetime
from imapclient.exceptions import IMAPClientError
from imapclient.response_parser import parse_fetch_response

#: What stands around a body, in any order: RFC 3501, section 7.4.2.
_SAID = rb'UID \d+|RFC822\.SIZE \d+|INTERNALDATE "[^"\\]*"|FLAGS \([^()"]*\)'
_BEFORE = re.compile(rb"\d+ \((?:(?:%b) )*BODY\[\](?:<\d+>)? \{\d+\}" % _SAID)
_BEHIND = re.compile(rb"(?: (?:%b))*\)" % _SAID)
_ALONE = re.compile(rb"\d+ \((?:%b)(?: (?:%b))*\)" % (_SAID, _SAID))
_UID, _SIZE, _DATE = re.compile(rb"UID (\d+)"), re.compile(rb"RFC822\.SIZE (\d+)"), re.compile(rb'DATE "([^"]*)"')

Fetched = dict[int, Mapping[bytes, Any]]


def fetch(client: IMAPClient, uids: Sequence[int], items: Sequence[str]) -> Fetched:
    """What client.fetch(uids, items) gives, for BODY.PEEK[], INTERNALDATE and RFC822.SIZE.

    Raises:
        IMAPClientError: the server refuses.
        ValueError, LookupError, TypeError, ProtocolError: its answer cannot be understood.
    """
    # The public fetch() cannot be had without its reader; imaplib's own command under it gives the answer as it came.
    kind, said = client._imap.uid("FETCH", ",".join(map(str, uids)), f"({' '.join(items)})")
    if kind != "OK":
        raise IMAPClientError(f"fetch failed: {b' '.join(each for each in said if isinstance(each, bytes))!r}")
    answers = [each for each in said if each is not None]
    found = _plain(answers)
    if found is None:
        found = dict(parse_fetch_response(answers, client.normalise_times, uid_is_key=True))
    return {uid: found[uid] for uid in uids if uid in found}  # without what the server says of others unasked


def _plain(answers: Sequence[bytes | tuple[bytes, bytes]]) -> Fetched | None:
    """Answers in their plainest form, read; None if one of them has another."""
    found: Fetched = {}
    rest = iter(answers)
    for each in rest:
        body: dict[bytes, Any] = {}
        if isinstance(each, tuple):
            head, tail = each[0], next(rest, b"")
            if not isinstance(tail, bytes) or not _BEFORE.fullmatch(head) or not _BEHIND.fullmatch(tail):
                return None
            body[b"BODY[]"] = each[1]
            head += tail
        else:
            head = each
            if not _ALONE.fullmatch(head):
                return None
        uid, size, date = _UID.search(head), _SIZE.search(head), _DATE.search(head)
        if uid is None:
            return None
        if size:
            body[b"RFC822.SIZE"] = int(size[1])
        if date:
            try:
                body[b"INTERNALDATE"] = parse_to_datetime(date[1], normalise=False)
            except ValueError:
                return None
        found[int(uid[1])] = body
    return found
