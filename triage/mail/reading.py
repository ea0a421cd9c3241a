"""Raw bytes, however broken, to a Mail. Fast parser first; what it refuses or garbles goes to the standard library's."""

from __future__ import annotations

import email
import email.policy
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import parsedate_to_datetime

import fast_mail_parser

from triage.mail import html as html_text
from triage.mail import sender as senders
from triage.mail.forwarding import parse_address, unwrapped
from triage.types import Address, Mail, Unreadable

#: No notice is as long; what stands behind it is quoted history, legal text or an attack.
MOST_TEXT = 200_000
#: Text parts that are looked at, however many there are.
MOST_PARTS = 200

_ID = re.compile(r"<[^<>\s]{1,500}>")
_GARBLED = "\ufffd"
#: utf-7 hides markup from filters and is used by nobody else (RFC 2152 was never meant for mail bodies).
_REFUSED_CHARSETS = {"utf-7", "utf7", "unicode-1-1-utf-7"}


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom an account believes."""

    auth_server: str = ""  # authserv-id whose results count; "" takes the topmost header
    forwarders: tuple[str, ...] = ()  # the user's own addresses that pass mail on


@dataclass(frozen=True, slots=True)
class _Parts:
    """What either parser found."""

    headers: Mapping[str, Sequence[str]]  # lower-case name: values in order
    plain: tuple[str, ...]
    html: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read(raw: bytes, trust: Trust = Trust(), *, size_bytes: int | None = None) -> Mail | Unreadable:
    """One message as a person would read it.

    size_bytes: the message's real size where only its beginning was fetched.
    Never raises: what cannot be read at all comes back as Unreadable.
    """
    digest = hashlib.sha256(raw).hexdigest()
    if not re.match(rb"(?:From |>)?[!-9;-~]+[ \t]*:|From ", raw.lstrip()[:998]):
        return Unreadable(digest, "not a mail: it does not begin with a header line")
    try:
        parts = _parse(raw)
        mail = _assemble(parts, digest, len(raw) if size_bytes is None else size_bytes)
        if size_bytes is not None and size_bytes > len(raw):
            mail = replace(mail, notes=(*mail.notes, f"only the first {len(raw)} of {size_bytes} bytes were read"))
        return placed(unwrapped(mail), trust)
    except Exception as error:
        return Unreadable(digest, f"cannot be read: {type(error).__name__}")


def from_fields(
    *, sender: str = "", subject: str = "", body: str = "", received_at: datetime | None = None, trust: Trust = Trust()
) -> Mail:
    """A Mail from what is left of one: a row of training or evaluation data, a pasted notice."""
    bare = Mail(
        digest=hashlib.sha256(f"{sender}\0{subject}\0{body}".encode("utf-8", "surrogatepass")).hexdigest(),
        subject=subject.strip(),
        text=html_text.tidy(body[:MOST_TEXT]),
        sender=parse_address(sender),
        sent_at=received_at,
        size_bytes=len(body),
    )
    return placed(unwrapped(bare), trust)


def placed(mail: Mail, trust: Trust) -> Mail:
    """The mail with its origin judged."""
    return replace(mail, origin=senders.origin(mail, trust.auth_server, trust.forwarders))


def _parse(raw: bytes) -> _Parts:
    # A message inside a message is a forward as attachment: only the tolerant parser goes into it.
    if b"message/rfc822" in raw or re.search(rb"charset\s*=\s*\"?(?:unicode-1-1-)?utf-?7", raw, re.IGNORECASE):
        return _tolerant(raw)
    if not _utf8(raw[: raw.find(b"\n\r\n") if b"\n\r\n" in raw[:65536] else raw.find(b"\n\n")]):
        return _tolerant(raw)
    try:
        fast = fast_mail_parser.parse_email(raw)
    except fast_mail_parser.ParseError:
        return _tolerant(raw)
    headers: dict[str, list[str]] = {}
    for name, values in fast.headers.items():
        headers.setdefault(name.lower(), []).extend(values)
    parts = _Parts(headers, tuple(fast.text_plain[:MOST_PARTS]), tuple(fast.text_html[:MOST_PARTS]))
    if _GARBLED in "".join([*headers.get("subject", ()), *headers.get("from", ()), *parts.plain, *parts.html]):
        return _tolerant(raw)
    return parts


def _utf8(head: bytes) -> bool:
    """Whether the fast parser reads these header bytes right: it takes raw bytes that are not UTF-8 for Latin-1."""
    try:
        head.decode()
    except UnicodeDecodeError:
        return False
    return True


def _tolerant(raw: bytes) -> _Parts:
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    headers: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        headers.setdefault(name.lower(), []).append(_decoded_header(value))
    plain: list[str] = []
    html: list[str] = []
    notes: list[str] = []
    inner: Message | None = None
    for number, part in enumerate(message.walk()):
        if number >= MOST_PARTS:
            notes.append(f"only the first {MOST_PARTS} parts were read")
            break
        kind = part.get_content_type()
        if kind == "message/rfc822" and inner is None:
            payload = part.get_payload()
            first = payload[0] if isinstance(payload, list) and payload else None
            inner = first if isinstance(first, Message) else None
        elif kind in {"text/plain", "text/html"} and part.get_content_disposition() != "attachment":
            text = _decoded_text(part, notes)
            (plain if kind == "text/plain" else html).append(text)
    if inner is not None:
        quoted = [f"{name}: {_decoded_header(str(inner[name]))}" for name in ("From", "Subject", "Date") if inner[name]]
        own, attached = (plain or html)[:1], (plain or html)[1:]
        text = "\n".join(attached or own)
        head = "" if not attached else "\n".join(own) + "\n"
        if attached and not plain:
            text = html_text.text_of(text)[0]
            head = html_text.text_of(head)[0] + "\n"
        plain, html = [f"{head}---------- Forwarded message ----------\n" + "\n".join(quoted) + "\n\n" + text], []
    return _Parts(headers, tuple(plain), tuple(html), tuple(notes))


def _decoded_text(part: Message, notes: list[str]) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    charset = (part.get_content_charset() or "").lower()
    if charset in _REFUSED_CHARSETS:
        notes.append("a part in utf-7 was not read")
        return ""
    return decoded(payload, charset)


def decoded(data: bytes, charset: str = "") -> str:
    """Bytes as text: as declared where that fits, else UTF-8, else GB 18030, else Windows-1252."""
    charset = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "ks_c_5601-1987": "cp949"}.get(
        charset, charset
    )
    for candidate in (charset, "utf-8", "gb18030"):
        if candidate:
            try:
                return data.decode(candidate)
            except (LookupError, ValueError):  # unknown; or does not fit, or a name no codec can have
                continue
    return data.decode("cp1252", "replace")


def _decoded_header(value: str) -> str:
    """A header with its encoded-words decoded (RFC 2047), adjacent ones of one charset joined first."""
    chunks: list[tuple[bytes, str]] = []
    try:
        pieces = decode_header(value)
    except (ValueError, LookupError, MessageError):
        return decoded(value.encode("utf-8", "surrogateescape"))
    for piece, charset in pieces:
        data = piece.encode("utf-8", "surrogateescape") if isinstance(piece, str) else piece
        name = (charset or "").lower()
        if chunks and chunks[-1][1] == name:
            chunks[-1] = (chunks[-1][0] + data, name)
        else:
            chunks.append((data, name))
    return " ".join("".join(decoded(data, name) for data, name in chunks).split())


def _assemble(parts: _Parts, digest: str, size_bytes: int) -> Mail:
    def first(name: str) -> str:
        values = parts.headers.get(name, ())
        return " ".join(values[0].split()) if values else ""

    plain = html_text.tidy("\n".join(parts.plain)[:MOST_TEXT])
    links: tuple[tuple[str, str], ...] = ()
    notes = list(parts.notes)
    text = plain
    if parts.html:
        rich, links, hidden = html_text.text_of("\n".join(parts.html))
        if hidden:
            notes.append("the HTML hides text; it was left out")
        # The plain part is often a stub ("please view in a browser"): the longer one is what a person reads.
        if len(rich) > len(plain) * 0.8 or not plain:
            text = rich[:MOST_TEXT]
    return Mail(
        digest=digest,
        subject=first("subject")[:1000],
        text=text,
        sender=parse_address(first("from")) if first("from") else Address(),
        reply_to=parse_address(first("reply-to")) if first("reply-to") else Address(),
        sent_at=_moment(first("date")),
        message_id=(_ID.findall(first("message-id")) or [""])[0],
        thread=tuple(dict.fromkeys(_ID.findall(first("in-reply-to") + " " + first("references"))))[-50:],
        authentication=tuple(" ".join(v.split()) for v in parts.headers.get("authentication-results", ())[:10]),
        links=links,
        bulk=bool(first("list-unsubscribe")) or first("precedence").lower() in {"bulk", "list"},
        size_bytes=size_bytes,
        notes=tuple(notes),
    )


def _moment(value: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    try:
        return aware.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
