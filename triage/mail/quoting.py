"""The parts of a mail's text: what is new in it, the history it quotes, and the signature and legal lines below."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from triage.phrases import Finder

#: A header block has its fields within so many lines; long lists of receivers wrap.
_BLOCK_LINES = 16
#: An attribution ("On ... wrote:") fills at most so many characters, and may be broken into three lines.
_ATTRIBUTION = 400
#: A signature or legal paragraph that is longer than this is something else.
_FOOTER_LINES = 60
_FOOTER_CHARACTERS = 6_000
#: Of a text this is looked at; what comes behind is product lists.
_SEARCHED_LINES = 3_000

_RULE = re.compile(r"^[\s>*|]*[-_=~—–]{2,}")
_QUOTED = re.compile(r"^\s?>")
_SIGNATURE = re.compile(r"^(?:--|—|-- )\s*$")
#: One of these stands in every attribution; the patterns themselves are slow.
_SAID = re.compile(
    r"wrote|schrieb|geschrieben|écri|escrib|escrito|scritto|escrev|schreef|napisał|pisze|skrev|yazdı|写道|寫道|書きました|のメール|작성|"
    r"пишет|писал|\d.*<[^<>@\s]+@[^<>\s]+>",
    re.IGNORECASE,
)
#: A cell's end between a field and its value comes from header blocks that are tables.
_VALUE = r"[\s*]*[:：][\s*|]*(?P<value>.*?)[\s*;；|]*$"


@dataclass(frozen=True, slots=True)
class Header:
    """A header as it stands in a text: what a mail program writes above what it quotes."""

    start: int  # number of the line it begins at, its mark included
    end: int  # number of the first line behind it
    sender: str = ""
    subject: str = ""
    date: str = ""
    mark: str = ""  # forwarded, original, or "" for none


@dataclass(frozen=True, slots=True)
class Split:
    """A text in three."""

    new: str
    history: str = ""
    footer: str = ""


def split(text: str) -> Split:
    """What is new in a text, the history quoted below, and the footer of the new part.

    The new part is empty only if the text is: a mail that quotes and says nothing itself speaks through its quotation.
    """
    seen = signs(text)
    if not seen:
        return Split(text)
    lines = text.split("\n")
    at = _history_begins(lines) if seen - {"footer"} else len(lines)
    new, footer = _without_footer(lines[:at]) if "footer" in seen else (lines[:at], [])
    if not "".join(new).strip():
        new, footer, at = lines, [], len(lines)
    return Split("\n".join(new).strip(), unquoted(lines[at:]).strip(), "\n".join(footer).strip())


def signs(text: str) -> frozenset[str]:
    """What a text may hold, by one pass over it: quoted (lines with a mark before them), header, said, footer.

    Most mails have nothing of it, and are spared the patterns, line by line.
    """
    low = text.lower()
    found = {kind for _, _, kind in _finder().found(low)}
    if "\n>" in low or low.startswith(">") or "\n >" in low:
        found.add("quoted")
    if "\n--" in low or "\n—" in low:
        found.add("footer")
    return frozenset(found)


def header_at(lines: Sequence[str], start: int) -> Header | None:
    """The header block that begins at a line, with or without a mark above it; None if none does."""
    words = _words()
    mark, at = "", start
    found = words.mark.match(lines[start]) if len(lines[start]) < 200 else None
    if found:
        mark = "forwarded" if found["forwarded"] else "original"
        at += 1
    elif _RULE.match(lines[start]) and len(lines[start].strip(" >*|-_=~—–")) == 0:
        at += 1
    fields: dict[str, str] = {}
    first = last = -1
    while at < len(lines) and at < start + _BLOCK_LINES:
        line = lines[at]
        field = words.field.match(line) if len(line) < 2000 else None
        if field:
            name = next(name for name in ("sender", "subject", "date", "other") if field[name])
            value = field["value"].strip()
            if not value and at + 1 < len(lines) and not words.field.match(lines[at + 1]):
                at += 1  # the value stands below its field
                value = lines[at].strip(" >*|;")
            fields.setdefault(name, value)
            first = at if first < 0 else first
            last = at
        elif line.strip(" >*|") and (first >= 0 or mark == ""):
            if first < 0 or not _continues(line, fields):
                break
        elif first >= 0 and len(fields) >= 2:
            break
        at += 1
    if "sender" not in fields or len(fields) < 2 or (not mark and len(fields) < 3 and "subject" not in fields):
        return None
    return Header(start, last + 1, fields["sender"], fields.get("subject", ""), fields.get("date", ""), mark)


def unquoted(lines: Sequence[str]) -> str:
    """Lines without the marks of quotation before them, if most have one."""
    marked = sum(1 for line in lines if _QUOTED.match(line))
    if marked * 2 < sum(1 for line in lines if line.strip()):
        return "\n".join(lines)
    return "\n".join(re.sub(r"^(?:\s?>)+ ?", "", line) for line in lines)


def is_reply(subject: str) -> bool:
    """Whether a subject begins as an answer's does, in any of the languages."""
    return bool(_words().reply.match(subject))


def is_forward(subject: str) -> bool:
    """Whether a subject begins as a forwarded mail's does."""
    return bool(_words().forward.match(subject))


def bare(subject: str) -> str:
    """A subject without the marks of answers and forwards before it."""
    before = None
    while before != subject:
        before = subject
        subject = _words().forward.sub("", _words().reply.sub("", subject)).strip()
    return subject


def _continues(line: str, fields: dict[str, str]) -> bool:
    """Whether a line without a field goes on with a list of receivers."""
    return "@" in line and len(line) < 1000 and bool(fields)


def _history_begins(lines: Sequence[str]) -> int:
    """The number of the first line of quoted history; the number of lines if nothing is quoted."""
    words = _words()
    for at, line in enumerate(lines[:_SEARCHED_LINES]):
        if not line.strip():
            continue
        if line.rstrip(" *").endswith((":", "：", "<", ">")) and (first := _attribution(lines, at)) is not None:
            return first
        if words.hint.search(line) and (_RULE.match(line) or words.mark.match(line) or words.sender.match(line)):
            found = header_at(lines, at)
            if found and (found.mark or at == 0 or not lines[at - 1].strip() or _RULE.match(lines[at - 1])):
                return at
        if _QUOTED.match(line) and _all_quoted(lines, at):
            return at
    return len(lines)


def _attribution(lines: Sequence[str], at: int) -> int | None:
    """Where the sentence begins that says who wrote what follows, if it ends at a line; it may be broken into three."""
    for first in (at, at - 1, at - 2):
        if first < 0:
            break
        text = " ".join(part.strip(" >*") for part in lines[first : at + 1])
        if len(text) <= _ATTRIBUTION and _SAID.search(text) and _words().wrote.match(text):
            return first
    return None


def _all_quoted(lines: Sequence[str], at: int) -> bool:
    """Whether everything from a line on is quoted, but for a few words between; an answer may stand between quotations."""
    rest = [line for line in lines[at:] if line.strip()]
    marked = sum(1 for line in rest if _QUOTED.match(line))
    return marked >= 2 and marked >= 0.9 * len(rest)


def _without_footer(lines: list[str]) -> tuple[list[str], list[str]]:
    """The lines of a text, and those of the signature and legal paragraphs below it."""
    words = _words()
    first = max(0, len(lines) - _FOOTER_LINES)
    for at in range(first, len(lines)):
        line = lines[at].strip()
        if not line or not "".join(lines[:at]).strip():
            continue
        ends = _SIGNATURE.match(lines[at]) or words.device.match(line) or words.legal.match(line)
        if ends and sum(map(len, lines[at:])) <= _FOOTER_CHARACTERS:
            return lines[:at], lines[at:]
    return lines, []


@lru_cache(maxsize=1)
def _finder() -> Finder[str]:
    kinds: dict[str, str] = {}
    for row in _table().values():
        for kind, words in (("header", row["from"]), ("footer", f"{row['device']}|{row['legal']}")):
            for word in words.lower().split("|"):
                for ending in (":", "：", " :", " ：", "*:", ":*") if kind == "header" else ("",):
                    kinds[word + ending] = kind
        for mark in f"{row['forwarded']}|{row['original']}".lower().split("|"):
            kinds[mark.partition("who")[0].strip()] = "header"
    for word in ("wrote", "schrieb", "geschrieben", "écrit", "escribi", "escrito", "scritto", "escreveu", "schreef", "napisał", "pisze",
                 "skrev", "yazdı", "写道", "寫道", "書きました", "のメール", "작성", "пишет", "писал", ">:"):  # fmt: skip
        kinds[word] = "said"
    return Finder(kinds)


@dataclass(frozen=True, slots=True)
class _Words:
    field: re.Pattern[str]
    sender: re.Pattern[str]
    mark: re.Pattern[str]
    hint: re.Pattern[str]
    forward: re.Pattern[str]
    reply: re.Pattern[str]
    wrote: re.Pattern[str]
    device: re.Pattern[str]
    legal: re.Pattern[str]


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, str]]:
    return tomllib.loads((files("triage.mail") / "quoting.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _words() -> _Words:
    table = _table()

    def any_of(*kinds: str) -> str:
        words = {word.strip() for row in table.values() for kind in kinds for word in row[kind].split("|")}
        longest_first = sorted(words, key=len, reverse=True)
        return "|".join(_loosely(word) for word in longest_first)

    def pattern(body: str) -> re.Pattern[str]:
        return re.compile(body, re.IGNORECASE)

    fields = "|".join(
        f"(?P<{name}>{any_of(kind)})"
        for name, kind in (("sender", "from"), ("subject", "subject"), ("date", "date"), ("other", "other"))
    )
    return _Words(
        field=pattern(rf"^[\s>*|]*(?:{fields}){_VALUE}"),
        sender=pattern(rf"^[\s>*|]*(?:{any_of('from')}|{any_of('subject', 'date')})[\s*]*[:：]"),
        mark=pattern(
            rf"^[\s>*|_=~—–-]*(?:(?P<forwarded>{any_of('forwarded')})|(?P<original>{any_of('original')}))[\s:：*|_=~—–-]*$"
        ),
        hint=re.compile(r"[:：_—-]"),
        forward=pattern(rf"^\s*(?:{any_of('forward')})\s*(?:\[\d+\])?\s*[:：]\s*"),
        reply=pattern(rf"^\s*(?:{any_of('reply')})\s*(?:\[\d+\]|\(\d+\))?\s*[:：]\s*"),
        wrote=pattern(rf"^[\s>*]*(?:{any_of('wrote')})\s*[:：]?\s*$"),
        device=pattern(rf"^(?:{any_of('device')})"),
        legal=pattern(rf"^[\s*_|©-]*(?:{any_of('legal')})"),
    )


def _loosely(word: str) -> str:
    """A phrase as a pattern: any blanks, any comma; WHO and WHEN stand for anything, WHEN with a number in it."""
    pattern = re.escape(word).replace(r"\ ", r"\s+").replace(",", r"\s?[,，、]\s*").replace(r"\s*\s+", r"\s*")
    return pattern.replace("WHO", ".{1,100}?").replace("WHEN", r"(?=[^:]{0,80}\d).{4,120}?")
