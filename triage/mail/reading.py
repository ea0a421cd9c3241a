"""Raw bytes, however broken, to a Mail: parsed, its text put together, a forward unwrapped, the sender judged."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

from triage.labels import Platform
from triage.mail import forwarding, html, sender, tnef
from triage.mail.addresses import parse_address
from triage.mail.calendar import text_of as calendar_text
from triage.mail.domains import platform_of
from triage.mail.parsing import Parts, head_end, parsed
from triage.mail.quoting import split
from triage.types import Address, Mail, Seal, Stamp, Unreadable

#: No notice is as long; what stands behind it is quoted history, legal text or an attack.
MOST_TEXT = 200_000
#: Mails inside mails inside mails: what is deeper is left out.
_DEEPEST = 4
#: Shorter text beside an attached mail, image or PDF says nothing itself.
_NEXT_TO_NOTHING = 40
#: Who writes more than this beside an attached mail writes a mail of his own.
_OWN_WORDS = 1_500

_UTC = ZoneInfo("UTC")
_HEADER = re.compile(rb"(?:From |>)?[!-9;-~]+[ \t]*(?:\r?\n[ \t]+)?:|From ")
_ID = re.compile(r"<[^<>\s]{1,500}>")
_TRACE = re.compile(rb"^(?:(received)|(authentication-results))[ \t]*:", re.IGNORECASE | re.MULTILINE)
_BY = re.compile(r"\bby\s+([\w.-]+)")
_INSTANCE, _SEALER = re.compile(r"\bi\s*=\s*(\d+)"), re.compile(r"\bd\s*=\s*([\w.-]+)")


@dataclass(frozen=True, slots=True)
class Recipient:
    """What is known of whoever receives a mail."""

    auth_server: str = ""  # authserv-id whose results count (RFC 8601), configured or learned; "" for not known
    forwarders: tuple[str, ...] = ()  # own addresses and domains that pass mail on
    zone: ZoneInfo = _UTC  # of a date that a colleague's mail program quotes without one
    signatures: Callable[[bytes], tuple[str, ...]] | None = None  # domains whose DKIM signature holds; None: not asked


def read(raw: bytes, recipient: Recipient = Recipient(), *, size_bytes: int | None = None) -> Mail | Unreadable:
    """One message as a person would read it, with a verdict on who sent it.

    size_bytes: the message's real size where only its beginning was fetched.
    Never raises: what cannot be read at all comes back as Unreadable.
    """
    mail = opened(raw, recipient.zone, size_bytes=size_bytes)
    if isinstance(mail, Unreadable):
        return mail
    try:
        return placed(mail, recipient, raw)
    except Exception as error:
        return Unreadable(mail.digest, f"the sender cannot be judged: {type(error).__name__}")


def opened(raw: bytes, zone: ZoneInfo = _UTC, *, size_bytes: int | None = None) -> Mail | Unreadable:
    """The same without a verdict on the sender."""
    digest = hashlib.sha256(raw).hexdigest()
    if not _HEADER.match(raw.lstrip()[:998]):
        return Unreadable(digest, "not a mail: it does not begin with a header line")
    try:
        mail = _mail(raw, zone, 0, digest, len(raw) if size_bytes is None else size_bytes)
    except Exception as error:
        return Unreadable(digest, f"cannot be read: {type(error).__name__}")
    if size_bytes is not None and size_bytes > len(raw):
        return replace(mail, notes=(*mail.notes, f"only the first {len(raw)} of {size_bytes} bytes were read"))
    return mail


def from_fields(
    *, sender: str = "", subject: str = "", body: str = "", received_at: datetime | None = None, zone: ZoneInfo = _UTC
) -> Mail:
    """A Mail from what is left of one: a row of training or evaluation data, a pasted notice."""
    bare = Mail(
        digest=hashlib.sha256(f"{sender}\0{subject}\0{body}".encode("utf-8", "surrogatepass")).hexdigest(),
        subject=subject.strip(),
        text=html.tidy(body[:MOST_TEXT]),
        sender=parse_address(sender),
        sent_at=received_at,
        size_bytes=len(body),
    )
    return placed(_parted(bare, zone), Recipient(zone=zone))


def placed(mail: Mail, recipient: Recipient, raw: bytes = b"") -> Mail:
    """The mail with its origin judged."""
    if recipient.signatures is not None and raw and sender.wants_signatures(mail, recipient.auth_server):
        domains = recipient.signatures(raw)
    else:
        domains = ()
    return replace(mail, origin=sender.origin(mail, recipient.auth_server, recipient.forwarders, domains))


def _mail(raw: bytes, zone: ZoneInfo, depth: int, digest: str = "", size_bytes: int = 0) -> Mail:
    parts = parsed(raw)
    mail = _parted(_assembled(parts, raw, digest, size_bytes), zone)
    if parts.messages and depth < _DEEPEST and _is_wrapping(mail, parts):
        inner = [_mail(each, zone, depth + 1) for each in parts.messages[:20]]
        speaking = [each for each in inner if each.text or each.subject]
        speaking.sort(key=lambda each: platform_of(each.sender.domain)[0] is Platform.NONE)
        if speaking:
            return forwarding.inside(mail, speaking)
    return mail


def _parted(mail: Mail, zone: ZoneInfo) -> Mail:
    """The mail with a forward unwrapped, and its text divided into what is new, history and footer."""
    owner, relay = platform_of(mail.sender.domain)
    from_platform = owner is not Platform.NONE and not relay
    mail = forwarding.unwrapped(mail, zone, from_platform=from_platform)
    parts = split(mail.text)
    if parts.new == mail.text or (parts.history and len(parts.new) < _NEXT_TO_NOTHING):
        return mail  # nothing to part; or it speaks through what it quotes
    return replace(mail, text=parts.new, history=parts.history, footer=parts.footer)


def _is_wrapping(mail: Mail, parts: Parts) -> bool:
    """Whether a mail is there for the mails inside it; a platform's own mail and a report of a bounce are not."""
    if mail.forwarded and mail.forwarded.how == "inline":
        return False
    report = parts.first("content-type").lower().startswith("multipart/report")
    platform, _ = platform_of(mail.sender.domain)
    return not report and platform is Platform.NONE and len(mail.text) <= _OWN_WORDS


def _assembled(parts: Parts, raw: bytes, digest: str, size_bytes: int) -> Mail:
    first = parts.first
    text, page, notes = _text(parts)
    senders = parts.headers.get("from", ())
    author = parse_address(" ".join(senders[0].split())) if senders else Address()
    sent_at = _moment(first("date"))
    stamps, received_by = _trace(parts, raw)
    headers = parts.headers
    return Mail(
        digest=digest,
        subject=first("subject")[:1000],
        text=text,
        sender=author,
        reply_to=parse_address(first("reply-to")) if "reply-to" in headers else Address(),
        sent_at=sent_at,
        message_id=(_ID.findall(first("message-id")) or [""])[0] if "message-id" in headers else "",
        thread=_thread(parts) if "references" in headers or "in-reply-to" in headers else (),
        authentication=stamps,
        received_by=received_by,
        seals=_seals(parts) if "arc-seal" in headers else (),
        links=page.links if page else (),
        attachments=parts.attachments,
        traits=_traits(parts, text, page, author),
        forwarded=forwarding.passed_on({n: first(n) for n in _PASSED_ON if n in headers}, sent_at),
        bulk="list-unsubscribe" in headers or first("precedence").lower() in {"bulk", "list"},
        size_bytes=size_bytes,
        notes=notes,
    )


_PASSED_ON = ("resent-from", "x-forwarded-for", "x-forwarded-to")


def _text(parts: Parts) -> tuple[str, html.Page | None, tuple[str, ...]]:
    """The text a person would read, the page it comes from if from one, and what was wrong."""
    notes = list(parts.notes)
    plain, rich = parts.plain, parts.html
    if parts.tnef and not any(each.strip() for each in (*plain, *rich)):
        wrapped = [found for found in map(tnef.unwrapped, parts.tnef) if found]
        plain = tuple(found.plain for found in wrapped if found.plain)
        rich = tuple(found.html for found in wrapped if found.html)
        if any(found.rich_only for found in wrapped) or not (plain or rich):
            notes.append("the text is in a winmail.dat that cannot be read")
    text = html.tidy("\n".join(plain)[:MOST_TEXT]) if plain else ""
    page = None
    if rich:
        page = html.page("\n".join(rich) if len(rich) > 1 else rich[0])
        if page.hidden:
            notes.append("the HTML hides text; it was left out")
        # The plain part is often a stub ("please view in a browser"): the longer one is what a person reads.
        if len(page.text) > len(text) * 0.8 or not text:
            text = page.text[:MOST_TEXT]
    elif text[:200].lstrip()[:1] == "<" and re.search(r"</(?:p|div|td|body|html)>", text, re.IGNORECASE):
        page = html.page(text)  # HTML that is declared to be plain text
        text = page.text[:MOST_TEXT]
    if not text and parts.calendar:
        text = calendar_text(parts.calendar[0])[:MOST_TEXT]
    return text, page, tuple(notes)


def _traits(parts: Parts, text: str, page: html.Page | None, author: Address) -> frozenset[str]:
    found: set[str] = set()
    if page:
        found.update(
            name
            for name, is_so in (("hidden_text", page.hidden), ("form", page.form), ("script", page.script))
            if is_so
        )
    if len(text) < _NEXT_TO_NOTHING:
        kinds = [each.kind for each in parts.attachments]
        if any(kind == "application/pdf" for kind in kinds):
            found.add("pdf_only")
        elif (page and page.images) or any(kind.startswith("image/") for kind in kinds):
            found.add("image_only")
    if len(parts.headers.get("from", ())) > 1:
        found.add("two_senders")
    if not author.email:
        found.add("no_address")
    if _is_automatic(parts):
        found.add("automatic")
    return frozenset(found)


def _is_automatic(parts: Parts) -> bool:
    """Whether a program wrote it: an answer while somebody is away, a bounce (RFC 3834, 5 and RFC 3464)."""
    submitted = next(iter(parts.headers.get("auto-submitted", ())), "no").partition(";")[0].strip().lower()
    kind = next(iter(parts.headers.get("content-type", ())), "").strip().lower()
    return submitted != "no" or kind.startswith("multipart/report") or "x-autoreply" in parts.headers


def _trace(parts: Parts, raw: bytes) -> tuple[tuple[Stamp, ...], tuple[str, ...]]:
    """The authentication results with the number of Received headers above each, and who received the mail."""
    received = parts.headers.get("received", ())[:20]
    by = tuple((_BY.search(value) or [""])[1].lower() if _BY.search(value) else "" for value in received)
    values = parts.headers.get("authentication-results", ())[:10]
    if not values or not received:
        return tuple(Stamp(" ".join(value.split()), 0) for value in values), by
    end = head_end(raw)
    hops, at = [], 0
    for found in _TRACE.finditer(raw, 0, end + 1 if end >= 0 else len(raw)):
        if found[1]:
            at += 1
        else:
            hops.append(at)
    hops += [at] * (len(values) - len(hops))
    return tuple(Stamp(" ".join(value.split()), above) for value, above in zip(values, hops, strict=False)), by


def _seals(parts: Parts) -> tuple[Seal, ...]:
    """The ARC sets that are whole, the newest first (RFC 8617, 4.2)."""
    sealers = {int(m[1]): d[1].lower() for value in parts.headers["arc-seal"][:50]
               if (m := _INSTANCE.search(value)) and (d := _SEALER.search(value))}  # fmt: skip
    results = {int(m[1]): value for value in parts.headers.get("arc-authentication-results", ())[:50]
               if (m := _INSTANCE.search(value))}  # fmt: skip
    both = sorted(sealers.keys() & results.keys(), reverse=True)
    return tuple(Seal(n, sealers[n], " ".join(results[n].partition(";")[2].split())) for n in both)


def _thread(parts: Parts) -> tuple[str, ...]:
    named = _ID.findall(parts.first("in-reply-to") + " " + parts.first("references"))
    return tuple(dict.fromkeys(named))[-50:]


def _moment(value: str) -> datetime | None:
    try:
        parsed_date = parsedate_to_datetime(value)
        aware = parsed_date if parsed_date.tzinfo else parsed_date.replace(tzinfo=UTC)
        return aware.astimezone(UTC)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
