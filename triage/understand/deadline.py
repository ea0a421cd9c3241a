"""By when the platform wants an answer: of all lengths of time and days in a text, those that bind the seller."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from triage.business_days import after_business_days
from triage.types import Deadline
from triage.understand.dates import Day, days
from triage.understand.wording import Wording, starts, wording

_SEARCHED = 12_000
#: No platform gives a year to answer; a date further away is the date of a law or a document.
_FURTHEST = timedelta(days=200)
#: Characters before a place in which what governs it stands.
_LEFT, _RIGHT = 90, 60
#: "the last", "vergangenen" stands directly before its number.
_AGE = 24

_CLAUSE_END = re.compile(r"[。!?！？;；\n•]|\.(?=\s|$)(?<!\d\.)(?<![ap]\.m\.)|\.(?=\s+[A-ZÄÖÜÀ-Þ])")
#: What the seller does within a limit, also where the platform's own time stands behind it in the same sentence.
_ANSWERING = re.compile(
    r"appeal|respond|reply|submit|send|provide|申诉|申訴|回复|提交|补充|处理|einspruch|antwort|einreich|répond|appel|envoy|apel|respond|enví|ricorso|rispond|inv|提出|異議|返信|回答",
    re.IGNORECASE,
)
_THE_END = re.compile(r"\bend of|\bfin (?:de|du)|\bende\b|\bfine (?:di|del)|close of", re.IGNORECASE)
_FROM_DAY = re.compile(
    r"^\s*(?:of|from|after|following|starting(?: on| from)?|beginning(?: on)?|ab(?: dem)?|nach dem|seit dem|vom|à compter du|à partir du|depuis le|desde el|a partir del?|dal|"
    r"a decorrere dal|a partire dal|from the)\s*(?:the\s)?$",
    re.IGNORECASE,
)
_SINCE_DAY = re.compile(r"^\s*(?:之日)?(?:起|开始|开始计算|起算|起计|から|より|后|後)(?:的)?[\s,，]*$")
#: A notice names a dozen lengths of time. What names more than so many is a table, or an attack.
_MOST_SPANS = 500


def deadline(text: str, received_at: datetime, zone: ZoneInfo) -> Deadline | None:
    """The moment by which the platform wants an answer, or None if the text sets none.

    received_at: the mail's own date; limits like "within 72 hours" and "7 个工作日内" count from it, business days
    without weekends. zone: of a day for which the text names none. A day without a time ends with its last minute;
    "before" a day ends with its first. Of several the earliest that is not past; of a day that may be two, the earlier.
    """
    text = text[:_SEARCHED]
    at = starts(text)
    named = days(text, at, received_at, zone)
    found = [*_spans(text, at, received_at, zone, named), *_days(text, received_at, zone, named)]
    return min(found, key=lambda limit: limit.at) if found else None


def _spans(text: str, starts: Sequence[int], base: datetime, zone: ZoneInfo, named: list[Day]) -> Iterator[Deadline]:
    """Lengths of time that are limits, from the text's own date or from a day it names."""
    say = wording()
    behind = tried = 0
    for place in starts:
        match = say.span.match(text, place) if place >= behind else None
        if match is None:
            continue
        behind, tried = match.end(), tried + 1
        if tried > _MOST_SPANS:
            return
        left = text[max(0, match.start() - _LEFT) : match.start()]
        right = text[match.end() : match.end() + _RIGHT]
        within = say.within.match(right)
        later = say.later_after.match(right)
        cue = _limit_cue(
            say, text, match.start(), match.end(), left, within=within is not None, later=later is not None
        )
        if cue is None or _speaks_of_others(say, text, match.start(), match.end(), cue):
            continue
        number = int(match["n"]) if match["n"] else say.numbers.get(match["word"].lower(), 0)
        number *= int(match["times"] or 1)
        start = _start(text, match, named, base, zone)
        at = _later(start, number, match)
        if number and timedelta(0) < at - base <= _FURTHEST:
            end = match.end() + (within.end() if within else 0)
            yield Deadline(at.astimezone(UTC), _quoted(text, cue, end))


def _days(text: str, base: datetime, zone: ZoneInfo, named: list[Day]) -> Iterator[Deadline]:
    """Days that are limits."""
    say = wording()
    for day in named:
        left, right = text[max(0, day.start - _LEFT) : day.start], text[day.end : day.end + 24]
        too_late, in_time = say.then_exclusive.match(right), say.then_inclusive.match(right)
        then, exclusive = too_late or in_time, too_late is not None
        cue = say.by_before.search(left) or _label(say, left)
        low = left.lower()
        before = say.exclusive_before.search(left) if any(word in low for word in say.exclusive_words) else None
        if before and (cue is None or before.start() >= cue.start()):
            cue, exclusive = before, _THE_END.search(before[0]) is None
        threatened = None
        if cue is None and not then and not day.relative and (threatened := say.when_before.search(left)):
            threatened = threatened if say.threat.search(_clause(text, day.start, day.end)) else None
        cue = cue or threatened
        if cue is None and not then:
            continue
        start = max(0, day.start - _LEFT) + cue.start() if cue else day.start
        if _speaks_of_others(say, text, day.start, day.end, start, span=False):
            continue
        for meant in day.days:
            at = day.at(zone, day=meant, exclusive=exclusive and in_time is None)
            if timedelta(0) < at - base <= _FURTHEST:
                yield Deadline(at, _quoted(text, start, day.end + (then.end() if then else 0)))
                break


def _limit_cue(say: Wording, text: str, start: int, end: int, left: str, *, within: bool, later: bool) -> int | None:
    """Where the words begin that make a length of time a limit; None if nothing does."""
    offset = max(0, start - _LEFT)
    if say.age_before.search(left, max(0, len(left) - _AGE)):
        return None
    label = _label(say, left)
    if label:
        return offset + label.start()
    limit = say.limit_before.search(left)
    weak = say.weak_before.search(left, limit.start()) if limit else say.weak_before.search(left)
    # Small words that may mean anything ("in", "en", "has") need a purpose behind them or a threat around them.
    small = limit and weak and weak.span("cue") == limit.span("cue")
    if limit and not (small and not say.purpose_after.match(text[end : end + 14])):
        return offset + limit.start()
    if within:
        return offset + limit.start() if limit else start
    if later and say.threat.search(re.split("[。;；\n]", text[end : end + 34])[0]):
        return start
    if weak:
        clause = _clause(text, start, end)
        if say.threat.search(clause) or say.binding.search(clause):
            return offset + weak.start()
    return None


def _speaks_of_others(say: Wording, text: str, start: int, end: int, cue: int, *, span: bool = True) -> bool:
    """Whether the clause around a limit says that it is not the seller's: the platform's own time, a paper's age, a parcel."""
    before = _before(text, cue)
    # "invoices of the last 365 days within 72 hours": words in front of another number speak of that one.
    before = re.split(r"\d+\s*[^\s\d,，。]+", before)[-1]
    after = text[end : end + _RIGHT]
    stop = _CLAUSE_END.search(after)
    after = re.split(r"\d", after[: stop.start()] if stop else after)[0]
    if say.always.search(f"{before} {text[cue:end]}{after[:8]}"):
        return True
    if span and (say.paper_before.search(before) or say.paper_after.match(after)):
        return True
    bound = _last(say.binding, before)
    acts = _last(say.platform_acts, before + text[cue:start])
    if (
        acts
        and (bound is None or bound.start() < acts.start())
        and not say.threat.search(before[acts.start() : acts.start() + 40])
    ):
        return True
    if bound is None and not say.binding.search(text[cue:start]):
        follows = say.platform_acts.search(after)
        if (
            follows
            and follows.start() <= 22
            and not _ANSWERING.search(after[: follows.start()])
            and not say.threat.search(after[follows.start() : follows.start() + 24])
        ):
            return True
        own_words = f"{before} {text[cue:start]} {after}"
        if say.other.search(own_words) and not say.binding.search(after) and not say.threat.search(own_words):
            return True
    return False


def _label(say: Wording, left: str) -> re.Match[str] | None:
    """A label like "Deadline:" that ends where a limit begins."""
    low = left.lower()
    return say.label_before.search(left) if any(word in low for word in say.label_words) else None


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return max(pattern.finditer(text), key=lambda match: match.start(), default=None)


def _start(text: str, match: re.Match[str], named: list[Day], base: datetime, zone: ZoneInfo) -> datetime:
    """From when a length of time counts: the day that stands beside it, else the text's own date."""
    for day in named:
        if 0 <= day.start - match.end() <= 30 and _FROM_DAY.match(text[match.end() : day.start].lstrip("内,， ")):
            return day.at(zone, day=day.days[0], exclusive=True) if day.days[0] != base.date() else base
        if 0 <= match.start() - day.end <= 8 and _SINCE_DAY.match(text[day.end : match.start()].replace("的", "")):
            return day.at(zone, day=day.days[0], exclusive=True)
    return base


def _later(start: datetime, number: int, match: re.Match[str]) -> datetime:
    if match["hours"]:
        return start + timedelta(hours=number)
    if match["business"]:
        return after_business_days(start, number)
    if match["weeks"]:
        return start + timedelta(weeks=number)
    if match["months"]:
        # The shortest month: a limit that is read too early does no harm.
        return start + timedelta(days=28 if number == 1 else 30 * number - 2)
    return start + timedelta(days=number)


def _before(text: str, at: int) -> str:
    """The words of the clause in front of a place."""
    left = text[max(0, at - 110) : at]
    ends = list(_CLAUSE_END.finditer(left))
    return left[ends[-1].end() :] if ends else left


def _clause(text: str, start: int, end: int) -> str:
    right = text[end : end + 110]
    stop = _CLAUSE_END.search(right)
    return _before(text, start) + text[start:end] + (right[: stop.start()] if stop else right)


def _quoted(text: str, start: int, end: int) -> str:
    """The words of a limit."""
    return " ".join(text[start:end].split()).strip(" :：,，.")[:120]
