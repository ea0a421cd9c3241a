"""Days and moments as people write them, found in a text: in seven languages and their neighbours, with clock and zone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from triage.understand.wording import DAY_WORDS, TOMORROW, wording

#: A working day ends here for those who write "close of business".
_CLOSE_OF_BUSINESS = time(17, 0)
END_OF_DAY = time(23, 59)
#: The first year of the Japanese era Reiwa is 2019.
_BEFORE_REIWA = 2018


@dataclass(frozen=True, slots=True)
class Day:
    """A day that a text names, and the time of day if it names one."""

    start: int  # where it stands, the clock and the zone included
    end: int
    days: tuple[date, ...]  # what it may mean, the earliest first: 03/12 is two days
    clock: time | None = None
    zone: ZoneInfo | timezone | None = None
    relative: bool = False  # today, tomorrow, Friday: counted from the text's own date

    def at(self, zone: ZoneInfo, *, day: date, exclusive: bool = False) -> datetime:
        """The last moment of it in UTC; for exclusive the first. zone: of a text that names none."""
        clock = self.clock or (time(0, 0) if exclusive else END_OF_DAY)
        return datetime.combine(day, clock, self.zone or zone).astimezone(UTC)


def days(text: str, starts: Sequence[int], base: datetime, zone: ZoneInfo) -> list[Day]:
    """Every day that is named, in the order of the text.

    starts: where one may begin, as wording.starts() finds them.
    base: when the text was written: a day without a year is the next one of that name, "tomorrow" the day after.
    """
    today = base.astimezone(zone).date()
    matches: list[re.Match[str]] = []
    for at in starts:
        if not matches or at >= matches[-1].end():
            match = _day().match(text, at)
            if match:
                matches.append(match)
    found: list[Day] = []
    for number, match in enumerate(matches):
        if match.lastgroup == "weekday" and _belongs_to_another(match, matches, number):
            continue
        meant = tuple(sorted(set(_meant(match, today))))
        if meant:
            found.append(_with_clock(text, match, meant))
    return found


def _belongs_to_another(match: re.Match[str], matches: list[re.Match[str]], number: int) -> bool:
    """Whether a weekday only stands beside the day it is: "Friday, 4 December", "12月4日(周五)"."""
    after = matches[number + 1].start() - match.end() if number + 1 < len(matches) else 99
    before = match.start() - matches[number - 1].end() if number else 99
    return after <= 8 or before <= 3


def _meant(match: re.Match[str], today: date) -> Iterator[date]:
    """The days that a match may mean; none for the 31st of February."""
    kind = match.lastgroup
    groups = match.groupdict()
    for year, month, day in _numbers(kind, groups, today):
        try:
            if year:
                yield date(year, month, day)
            else:
                named = date(today.year, month, day)
                # A day that has just passed is in the past; a day in spring, written in autumn, is the next spring's.
                yield named if (today - named).days < 120 else date(today.year + 1, month, day)
        except ValueError:
            continue


def _numbers(kind: str | None, groups: dict[str, str | None], today: date) -> Iterator[tuple[int, int, int]]:
    def number(name: str) -> int:
        return int(groups[name] or 0)

    match kind:
        case "iso":
            yield number("iy"), number("im"), number("id")
        case "reiwa":
            era = groups["ry"] or ""
            yield _BEFORE_REIWA + (1 if era == "元" else int(era)), number("rm"), number("rd")
        case "cjk":
            yield 0, number("cm"), number("cd")
        case "this_month":
            ahead = 1 if (groups["tm"] or "")[0] in "下次来" else 0
            month = (today.replace(day=1) + timedelta(days=32 * ahead)).replace(day=1)
            yield month.year, month.month, number("td")
        case "day_month":
            yield _year(groups["ay"]), wording().months[(groups["amon"] or "").lower()], number("ad")
        case "month_day":
            yield _year(groups["by"]), wording().months[(groups["bmon"] or "").lower()], number("bd")
        case "numeric":
            first, second, year = number("n1"), number("n2"), _year(groups["ny"])
            yield year, second, first
            if groups["sep"] != ".":
                yield year, first, second
        case "weekday":
            yield from _on_weekday(groups["wd"] or "", groups["wnext"] or "", today)
        case "word":
            later = 1 if (groups["word"] or "").lower() in TOMORROW else 0
            then = today + timedelta(days=later)
            yield then.year, then.month, then.day


def _on_weekday(name: str, which: str, today: date) -> Iterator[tuple[int, int, int]]:
    number = next((n for n, pattern in enumerate(wording().weekdays) if pattern.match(name)), None)
    if number is None:
        return
    ahead = (number - today.weekday()) % 7
    if "下" in which or "来" in which:
        ahead = number - today.weekday() + 7
    then = today + timedelta(days=ahead)
    yield then.year, then.month, then.day


def _year(text: str | None) -> int:
    number = int(text or 0)
    return 2000 + number if 0 < number < 100 else number


def _with_clock(text: str, match: re.Match[str], meant: tuple[date, ...]) -> Day:
    """A day with the clock and zone around it."""
    start, end, clock, zone = match.start(), match.end(), None, None
    after = _after().match(text, end)
    if after and after[0].strip():
        clock, zone = _clock(after), _zone(after["zone"])
        if clock is not None or zone is not None:
            end = after.end()
    before = _before().search(text, max(0, start - 60), start)
    if before and (before["clock"] or before["zone"]):
        if clock is None:
            clock = _clock(before)
        zone = zone or _zone(before["zone"]) or _zone(before["first_zone"])
        start = before.start()
    if clock is not None and zone is None:
        behind = _zone_behind().match(text, end)  # "5 p.m. before which you appeal (Pacific Time)"
        zone = _zone(behind["zone"]) if behind else None
    return Day(start, end, meant, clock, zone, relative=match.lastgroup in {"word", "weekday"})


def _clock(match: re.Match[str]) -> time | None:
    groups = match.groupdict()
    if groups["close"]:
        return _CLOSE_OF_BUSINESS
    if groups["noon"]:
        return time(12, 0)
    if groups["midnight"]:
        return time(0, 0)
    if not groups["h"]:
        return None
    hour, minute = int(groups["h"]), int(groups["mi"] or groups["mi2"] or 0)
    half = (groups["half"] or groups["mer"] or "").lower().replace(".", "").replace(" ", "")
    if half in {"pm", "下午", "晚上", "午後", "晚", "오후"} and hour < 12:
        hour += 12
    elif half in {"am", "凌晨", "午前", "上午", "早上"} and hour == 12:
        hour = 0
    if hour == 24:
        return END_OF_DAY
    return time(hour, minute) if hour < 24 and minute < 60 else None


@lru_cache(maxsize=256)
def _zone(name: str | None) -> ZoneInfo | timezone | None:
    if not name:
        return None
    offset = re.match(r"(?:utc|gmt)\s*([+\-−–])\s*(\d{1,2}):?(\d{2})?", name, re.IGNORECASE)
    if offset:
        hours, minutes = int(offset[2]), int(offset[3] or 0)
        if hours > 14 or minutes > 59:
            return None
        return timezone((1 if offset[1] == "+" else -1) * timedelta(hours=hours, minutes=minutes))
    return next((ZoneInfo(iana) for pattern, iana in wording().zones if pattern.match(name)), None)


@lru_cache(maxsize=1)
def _day() -> re.Pattern[str]:
    month, weekday = wording().month, wording().weekday
    words = "|".join(sorted(DAY_WORDS, key=len, reverse=True))
    return re.compile(
        rf"""(?P<iso>(?<!\d)(?P<iy>20\d\d)\s*[-/.年]\s*(?P<im>\d{{1,2}})\s*[-/.月]\s*(?P<id>\d{{1,2}})(?!\d)\s*日?)
        |(?P<reiwa>令和\s*(?P<ry>\d{{1,2}}|元)\s*年\s*(?P<rm>\d{{1,2}})\s*月\s*(?P<rd>\d{{1,2}})\s*日)
        |(?P<cjk>(?<!\d)(?P<cm>\d{{1,2}})\s*(?:月|월)\s*(?P<cd>\d{{1,2}})\s*(?:日|号|號|일))
        |(?P<this_month>(?P<tm>本月|这个月|當月|当月|今月|下月|下个月|次月|来月)\s*(?P<td>\d{{1,2}})\s*[日号號])
        |(?P<day_month>(?<!\d)(?P<ad>\d{{1,2}})(?:st|nd|rd|th|er|º|°|ª)?\.?[\s-]*(?:of\s+|de\s+|del\s+|d[’'])?(?P<amon>{month})(?![^\W\d_])\.?(?:,?[\s-]*(?:del?\s+)?(?P<ay>20\d\d))?)
        |(?P<month_day>(?<![^\W\d_])(?P<bmon>{month})(?![^\W\d_])\.?\s+(?:the\s+)?(?P<bd>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:])(?:,?\s*(?P<by>20\d\d))?)
        |(?P<numeric>(?<![\d.,/-])(?P<n1>\d{{1,2}})(?P<sep>[./-])(?P<n2>\d{{1,2}})(?:(?P=sep)(?P<ny>20\d\d|\d\d)(?!\d)|(?<=\d)(?=\.(?:\s|$))\.|(?![\d./%-])))
        |(?P<weekday>(?P<wnext>本|这|這|下|下个|来)?(?P<wd>{weekday}))
        |(?P<word>(?<![a-zà-ÿ])(?:{words})(?![a-zà-ÿ]))""",
        re.IGNORECASE | re.VERBOSE,
    )


_HOUR = (
    r"(?:(?P<half>上午|下午|晚上|早上|晚|凌晨|午前|午後|오후|오전)\s*)?"
    r"(?:(?P<h>\d{1,2})(?:[:：.]\s?(?P<mi>\d{2})(?:[:：]\d{2})?|\s?[h時时点點시](?P<mi2>\d{2})?(?:\s?分)?|(?=\s?[ap]\.?\s?m\b|\s?[ap]\.m\.|\s?uhr|\s?hrs?\b|\s?heures|\s?horas))"
    r"(?:\s*(?:uhr|h\b|hrs?\b|heures|horas)|\s*(?P<mer>[ap]\.?\s?m\b\.?))?"
    r"|(?P<noon>noon|mittags|midi|mediodía|mezzogiorno|正午|中午)|(?P<midnight>midnight|mitternacht|minuit|medianoche|mezzanotte|午夜|零点)"
    r"|(?P<close>(?:the )?(?:close of business|end of (?:the )?business(?: day)?|cob)))"
)


@lru_cache(maxsize=1)
def _after() -> re.Pattern[str]:
    """What may stand behind a day: its weekday, a clock, a zone."""
    weekday, zone = wording().weekday, wording().zone
    return re.compile(
        rf"(?:\s*[(（]\s*(?:{weekday}|[日月火水木金土一二三四五六])\s*[)）]|,?\s*(?:{weekday}))?(?:[\s,，T]|の|的){{0,4}}(?:(?:at|um|à|a las|a la|alle(?: ore)?|às|om|o godz\.?|kl\.?|saat|ore|até às|bis)\s+)?"
        rf"(?:{_HOUR})?(?:[\s,(（\[]*(?P<zone>{zone})\s*[)）\]]?)?",
        re.IGNORECASE,
    )


@lru_cache(maxsize=1)
def _zone_behind() -> re.Pattern[str]:
    """A zone in brackets a few words behind a clock."""
    return re.compile(rf"[^.。\n\d]{{0,18}}[(（]\s*(?P<zone>{wording().zone})\s*[)）]", re.IGNORECASE)


@lru_cache(maxsize=1)
def _before() -> re.Pattern[str]:
    """What may stand before a day: a clock, a zone, a weekday."""
    weekday, zone = wording().weekday, wording().zone
    return re.compile(
        rf"(?:(?P<first_zone>{zone})\s*)?(?:(?P<clock>{_HOUR})[\s,]*)?(?:[(（]?(?P<zone>{zone})[)）]?[\s,]*)?"
        rf"(?:(?:on|am|le|el|il|del|di|de|du|den|vom|of|uhr|,)\s*){{0,2}}(?:(?:{weekday}),?\s*(?:the\s|den\s|le\s|el\s|il\s)?)?$",
        re.IGNORECASE,
    )
