"""A notice that was passed on: who wrote it first, when, and what; and who passed it on, in which way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

from triage.mail.addresses import parse_address
from triage.mail.quoting import Header, bare, header_at, is_forward, is_reply, signs
from triage.types import Address, Forwarded, Mail

#: A forwarder's own words above the notice are a few lines; a header block further down is quoted history.
_SEARCHED_LINES = 60
#: Who writes more than this above a quoted mail writes a mail of his own.
_OWN_WORDS = 600
#: A forward of a forward of a forward.
_DEEPEST = 6
#: Left to itself the date reader loads every language there is.
_LANGUAGES = ["en", "zh", "zh-Hant", "ja", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "tr", "ko", "ru"]
#: "Mon, Nov 23, 2026 at 9:00 AM": words that the date reader stumbles over.
_BETWEEN = re.compile(
    r"\s(?:at|um|à|a las|alle|às|om|o godz\.?|kl\.?|saat)\s|[((（]\s*[一-鿿A-Za-z.曜]{1,4}\s*[))）]|星期.|周[一二三四五六日]",
    re.IGNORECASE,
)


def unwrapped(mail: Mail, zone: ZoneInfo, *, from_platform: bool) -> Mail:
    """The original message of an inline forward, ``forwarded`` saying who passed it on; any other mail unchanged.

    zone: the receiver's time zone; the quoted date of a colleague's mail program stands in it.
    from_platform: a platform quotes what it answers, and forwards nothing.
    """
    found = mail
    for _ in range(_DEEPEST if not from_platform else 0):
        inner = _original(found, zone)
        if inner is None:
            break
        found = inner
    return found


def inside(outer: Mail, inner: Sequence[Mail]) -> Mail:
    """What was passed on as an attachment: the first of the mails inside, with the texts of the others behind its own."""
    first = inner[0]
    more = [f"{each.sender.email}\n{each.subject}\n\n{each.text}" for each in inner[1:]]
    by = Forwarded(outer.sender, "attached", outer.sent_at, outer.text[:500])
    notes = (*outer.notes, *first.notes, *((f"{len(inner)} mails were attached",) if more else ()))
    return replace(
        outer,
        subject=first.subject or bare(outer.subject),
        text="\n\n".join([first.text, *more]),
        history=first.history,
        footer=first.footer,
        sender=first.sender,
        reply_to=first.reply_to,
        sent_at=first.sent_at,
        links=(*first.links, *(link for each in inner[1:] for link in each.links)),
        traits=first.traits,
        attachments=first.attachments,
        forwarded=by,
        bulk=first.bulk,
        notes=notes,
    )


def passed_on(headers: dict[str, str], sent_at: datetime | None) -> Forwarded | None:
    """Who passed a mail on without touching its text, by the headers that forwarders add.

    headers: resent-from (RFC 5322, 3.6.6), x-forwarded-for and x-forwarded-to as Gmail and others write them.
    """
    if headers.get("resent-from"):
        return Forwarded(parse_address(headers["resent-from"]), "resent", sent_at)
    by = headers.get("x-forwarded-for") or headers.get("x-forwarded-to")
    if by:
        return Forwarded(Address("", by.replace(",", " ").split()[0].strip("<>").lower()[:320]), "automatic", sent_at)
    return None


def _original(mail: Mail, zone: ZoneInfo) -> Mail | None:
    """The mail with its outermost wrapping taken off; None if there is none."""
    if "header" not in signs(mail.text):
        return None
    lines = mail.text.split("\n")
    block = _block(lines, mail)
    if block is None:
        return None
    sender = parse_address(block.sender)
    own = "\n".join(lines[: block.start]).strip()
    body = "\n".join(_unmarked(lines[block.end :], lines[block.start : block.end])).strip()
    if not body or (not sender.email and not sender.name):
        return None
    return replace(
        mail,
        sender=sender,
        reply_to=Address(),
        subject=bare(block.subject) if is_forward(block.subject) else block.subject or bare(mail.subject),
        text=body,
        history="",
        footer="",
        sent_at=read_date(block.date, zone) or mail.sent_at,
        forwarded=mail.forwarded or Forwarded(mail.sender, "inline", mail.sent_at, own[:500]),
    )


def _block(lines: Sequence[str], mail: Mail) -> Header | None:
    """The header of what was passed on, or None for a mail with quoted history or without any."""
    forward = is_forward(mail.subject)
    own = 0
    for at, line in enumerate(lines[:_SEARCHED_LINES]):
        if line.strip():
            block = header_at(lines, at)
            if block and _is_forward(block, mail, own, forward=forward):
                return block
            own += len(line)
    return None


def _is_forward(block: Header, mail: Mail, own: int, *, forward: bool) -> bool:
    if block.mark == "forwarded":
        return True
    if own > _OWN_WORDS and not forward:
        return False
    if forward or own == 0:
        return True
    # Without any mark: an answer says so in its subject, and quotes the one it answers.
    return not is_reply(mail.subject) and not mail.thread and parse_address(block.sender).email != mail.sender.email


def _unmarked(lines: Sequence[str], head: Sequence[str]) -> list[str]:
    """The body without the mark of quotation, where the header above it has one too."""
    if not any(line.lstrip().startswith(">") for line in head if line.strip()):
        return list(lines)
    return [re.sub(r"^\s?> ?", "", line) for line in lines]


def read_date(text: str, zone: ZoneInfo) -> datetime | None:
    """A date as mail programs write it for people, in any of the languages; in zone where it names none.

    Returns None for what is no date; the reader is asked for absolute dates only, so that nothing is guessed.
    """
    import dateparser

    text = " ".join(text.replace("\u202f", " ").split())[:120]
    if not any(character.isdigit() for character in text):
        return None
    try:
        found: datetime | None = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        settings = {"PARSERS": ["absolute-time"], "REQUIRE_PARTS": ["day", "month", "year"], "DATE_ORDER": _order(text)}
        try:
            found = dateparser.parse(_BETWEEN.sub(" ", text), languages=_LANGUAGES, settings=settings)
        except (ValueError, OverflowError, TypeError):
            return None
    if found is None or not 2000 <= found.year <= 2100:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def _order(text: str) -> str:
    if re.match(r"\d{4}", text):
        return "YMD"
    return "MDY" if re.search(r"\d/\d", text) and re.search(r"\b[AP]M\b", text) else "DMY"
