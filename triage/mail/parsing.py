"""Raw bytes to headers and parts. The fast parser first; what it refuses or garbles goes to the standard library's."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from functools import partial

import fast_mail_parser

from triage.mail.charsets import REFUSED, decoded, decoded_header, is_utf8
from triage.types import Attachment

#: Text parts that are read, however many there are.
MOST_PARTS = 200
#: Parts that are looked at: a person sends a few dozen, an attack any number.
MOST_SEEN = 2_000
#: The tolerant parser takes ten times a message's size in memory.
MOST_TOLERATED = 8_000_000
#: Headers end within so many bytes but in one mail of a thousand.
_USUAL_HEAD = 8_192

_GARBLED = "\ufffd"
_CHARSET = re.compile(rb"\s*=\s*[\"']?\s*([\w.:-]+)")
#: Charsets that the fast parser reads right, whoever names them. Latin ones fit any bytes: they are not believed unseen.
_READ_RIGHT = frozenset(
    [b"utf-8", b"utf8", b"gb2312", b"gbk", b"gb18030", b"big5", b"shift_jis", b"euc-jp", b"euc-kr", b"windows-1250", b"windows-1251",
     b"iso-8859-2", b"koi8-r"]
)  # fmt: skip
_SEVEN_BIT = frozenset([b"us-ascii", b"ascii", b"iso-8859-1", b"windows-1252", b"iso-8859-15"])
#: A header name apart from its colon by blanks or a line break, which the parser takes for the beginning of the text.
_LOOSE_COLON = re.compile(rb"^([!-9;-~]+)(?:[ \t]*\r?\n)?[ \t]+:", re.MULTILINE)
_MESSAGE = re.compile(r"message/(?:rfc822|global)|.*\.eml", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Parts:
    """What either parser found."""

    headers: Mapping[str, Sequence[str]]  # lower-case name: values from top to bottom
    plain: tuple[str, ...] = ()
    html: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    messages: tuple[bytes, ...] = ()  # mails inside the mail, raw
    tnef: tuple[bytes, ...] = ()  # winmail.dat, raw
    calendar: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def first(self, name: str) -> str:
        """The topmost value of a header on one line; "" if there is none."""
        values = self.headers.get(name, ())
        return " ".join(values[0].split()) if values else ""


@dataclass(slots=True)
class _Found:
    """Parts while they are being gathered."""

    plain: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    tnef: list[bytes] = field(default_factory=list)
    calendar: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def attach(self, kind: str, name: str, content: Callable[[], bytes]) -> None:
        """Take in a part that is no text; it is decoded only if there may be text for us in it."""
        self.attachments.append(Attachment(name[:200], kind))
        if _MESSAGE.fullmatch(kind) or _MESSAGE.fullmatch(name):
            self.messages.append(content())
        elif kind in {"application/ms-tnef", "application/vnd.ms-tnef"} or name.lower() == "winmail.dat":
            self.tnef.append(content())
        elif kind == "text/calendar" or name.lower().endswith(".ics"):
            self.calendar.append(decoded(content()))

    def parts(self, headers: Mapping[str, Sequence[str]]) -> Parts:
        """What was gathered."""
        return Parts(
            headers,
            tuple(self.plain[:MOST_PARTS]),
            tuple(self.html[:MOST_PARTS]),
            tuple(self.attachments[:MOST_SEEN]),
            tuple(self.messages[:MOST_PARTS]),
            tuple(self.tnef[:2]),
            tuple(self.calendar[:2]),
            tuple(self.notes),
        )


def parsed(raw: bytes) -> Parts:
    """The parts of a message, by the fast parser where it can be trusted with it, else by the tolerant one."""
    return fast(raw) or tolerant(raw)


def head_end(raw: bytes) -> int:
    """Where the line break before the empty line stands that ends the headers; -1 if there is none."""
    ends = [raw.find(mark, 0, _USUAL_HEAD) for mark in (b"\n\r\n", b"\n\n")]
    if max(ends) < 0:
        ends = [raw.find(mark) for mark in (b"\n\r\n", b"\n\n")]
    return min((end for end in ends if end >= 0), default=-1)


def fast(raw: bytes) -> Parts | None:
    """What the fast parser makes of a message; None where it would refuse it or read it wrong."""
    end = head_end(raw)
    charsets = _charsets(raw)
    # It takes raw header bytes that are not UTF-8 for Latin-1, and leaves the shifts of ISO 2022 as they are.
    if not is_utf8(raw[: end if end >= 0 else None]) or b"\x1b" in raw or not charsets <= _READ_RIGHT | _SEVEN_BIT:
        return None
    try:
        mail = fast_mail_parser.parse_email(raw, mode="lazy")
        return _taken(mail, charsets, silent=end >= 0 and bool(raw[end:].strip()))
    except (fast_mail_parser.ParseError, ValueError, RuntimeError):
        return None


def _taken(mail: fast_mail_parser.PyLazyMail, charsets: set[bytes], *, silent: bool) -> Parts | None:
    """The fast parser's mail as ours. silent: there is something behind the headers, and it must have found it."""
    headers: dict[str, list[str]] = {}
    for name, values in mail.headers.items():
        headers.setdefault(name.lower(), []).extend(values)
    plain, html, attachments = mail.text_plain, mail.text_html, mail.attachments
    # Latin charsets fit any bytes, and without one it guesses: such a text is read again, bytes first.
    unsure = not charsets or not charsets <= _READ_RIGHT
    # A character that two encoded-words share, and bytes that are not what they are declared to be.
    if any(_GARBLED in text or (unsure and not text.isascii()) for text in (*plain, *html)):
        return None
    if any(_GARBLED in text for text in (*headers.get("subject", ()), *headers.get("from", ()))):
        return None
    if any(each.kind == "charset-fallback" for each in mail.warnings):
        return None
    if silent and not (plain or html or attachments):
        return None  # a boundary that never comes: there is text, but no part
    found = _Found(plain=list(plain), html=list(html))
    for each in attachments[:MOST_SEEN]:
        if each.mimetype.startswith("multipart/") or "/" not in each.mimetype:
            return None  # a container without a boundary is no attachment, nor is what has no type
        name = decoded_header(each.filename) if each.filename else ""
        found.attach(each.mimetype.lower(), name, partial(getattr, each, "content"))
    return found.parts(headers)


def _charsets(raw: bytes) -> set[bytes]:
    """Every charset that a message names, lower-case."""
    found = set()
    for word in (b"harset", b"HARSET"):
        at = raw.find(word)
        while at >= 0:
            named = _CHARSET.match(raw, at + 6)
            if named:
                found.add(named[1].lower())
            at = raw.find(word, at + 6)
    return found


def tolerant(raw: bytes) -> Parts:
    """What the standard library's parser makes of any bytes; after a nesting that it cannot follow, the text as it is."""
    notes = []
    if len(raw) > MOST_TOLERATED:
        notes.append(f"only the first {MOST_TOLERATED} of {len(raw)} bytes were read")
        raw = raw[:MOST_TOLERATED]
    end = head_end(raw)
    head = _LOOSE_COLON.sub(rb"\1:", raw[:end] if end >= 0 else raw)
    raw = head + raw[end:] if end >= 0 else head
    try:
        message = email.message_from_bytes(raw, policy=email.policy.compat32)
        return _walked(message, notes)
    except RecursionError:
        head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
        headers = _headers(email.message_from_bytes(head + b"\n\n", policy=email.policy.compat32))
        note = "the parts are nested too deep; the text is shown as it came"
        return Parts(headers, plain=(decoded(body[:500_000]),), notes=(note,))


def _walked(message: Message, notes: list[str]) -> Parts:
    found = _Found(notes=notes)
    stack: list[Message] = [message]
    seen = 0
    while stack:
        part = stack.pop()
        seen += 1
        if seen > MOST_SEEN:
            found.notes.append(f"only the first {MOST_SEEN} parts were looked at")
            break
        # Only what is made of parts is asked for its payload here: of text it would be decoded, by whatever charset is named.
        payload = part.get_payload() if part.is_multipart() else None
        kind = part.get_content_type()
        if kind.startswith("message/") and isinstance(payload, list) and payload and isinstance(payload[0], Message):
            found.attach("message/rfc822" if kind == "message/global" else kind, _name(part), payload[0].as_bytes)
        elif isinstance(payload, list):
            stack.extend(each for each in reversed(payload) if isinstance(each, Message))
        else:
            _leaf(part, kind, found)
    return found.parts(_headers(message))


def _leaf(part: Message, kind: str, found: _Found) -> None:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return
    name = _name(part)
    attached = part.get_content_disposition() == "attachment" or (name and kind not in {"text/plain", "text/html"})
    if (kind in {"text/plain", "text/html"} and not attached) or kind.startswith("multipart/"):
        charset = (part.get_content_charset() or "").lower()
        if charset in REFUSED:
            found.notes.append("a part in utf-7 was not read")
            return
        (found.html if kind == "text/html" else found.plain).append(decoded(content, charset))
    elif kind != "text/enriched":
        found.attach(kind, name, lambda: content)


def _headers(message: Message) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        headers.setdefault(name.lower().strip(), []).append(decoded_header(str(value)))
    return headers


def _name(part: Message) -> str:
    try:
        return decoded_header(part.get_filename() or "")
    except (ValueError, LookupError, TypeError):  # a name that no RFC 2231 reader can make sense of
        return ""
