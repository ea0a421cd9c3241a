"""By when the platform wants an answer: limits and dates that stand with a verb of answering."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import dateparser

from triage.types import Deadline

_SEARCHED = 12_000
#: No platform gives a year to answer; a date further away is the date of a law or a document.
_FURTHEST = timedelta(days=200)

_WORDS = {
    "one": 1, "two": 2, "three": 3, "five": 5, "seven": 7, "ten": 10, "fourteen": 14, "thirty": 30, "sixty": 60,
    "zwei": 2, "drei": 3, "fünf": 5, "sieben": 7, "zehn": 10, "vierzehn": 14, "dreißig": 30,
    "deux": 2, "trois": 3, "cinq": 5, "sept": 7, "dix": 10, "quatorze": 14, "trente": 30,
    "dos": 2, "tres": 3, "cinco": 5, "siete": 7, "diez": 10, "treinta": 30, "due": 2, "tre": 3, "cinque": 5, "sette": 7, "dieci": 10,
    "一": 1, "两": 2, "三": 3, "五": 5, "七": 7, "十": 10,
}  # fmt: skip
_N = r"(?P<n>\d{1,3}|" + "|".join(sorted(_WORDS, key=len, reverse=True)) + r")\s*(?:\(\d+\)\s*)?"
_HOURS = r"(?P<hours>hours?|hrs?|h\b|stunden?|heures?|horas?|ore\b|小时|个小时|時間|godzin|uur|saat|timmar)"
_DAYS = (
    r"(?P<business>(?:business|working|werk|arbeits|jours? ouvrés|ouvrable|个?工作|個?工作|営業|hábiles|lavorativ|robocz)[\s-]*)?"
    r"(?P<days>(?:calendar\s+)?days?|(?:kalender|werk|arbeits)?tagen?|tage|jours?|d[ií]as?|giorni|个?自然日|个?工作日|個?工作日|天|日(?!期)|"
    r"営業日|dni|dagen|werkdagen|gün|dagar|dias)(?P<after>\s+(?:ouvrés|ouvrables|hábiles|úteis|lavorativi|roboczych))?"
)
_SPAN = _N + r"(?:" + _HOURS + "|" + _DAYS + r"|(?P<weeks>weeks?|wochen?|semaines?|semanas?|settimane|周|週間))"
_RELATIVE = re.compile(
    r"(?:within(?: the next)?|in the next|no later than|not later than|you have|have|innerhalb(?: von| der nächsten)?|binnen|"
    r"dans (?:un délai de|les)|sous|d'ici|dispose[zr] de|en un plazo (?:máximo )?de|en el plazo de|dentro de(?: los próximos)?|en las próximas|"
    r"tiene|entro|in un termine di|hai|请(?:您)?(?:务必)?(?:在|于)|须在|需在|应在|必须在|将于|您有|在(?:收到[^,,。]{0,20})?|于|"
    r"w ciągu|binnen|em até|no prazo de|prazo de|inom)\s*(?:the\s+)?(?:next\s+)?(?:未来|接下来的?)?\s*" + _SPAN
    + r"(?P<tail>[^.。!!\n]{0,60})",
    re.IGNORECASE,
)  # fmt: skip
_TRAILING = re.compile(
    _N + r"(?:" + _HOURS.replace("hours>", "hours>") + "|" + _DAYS + r")\s*(?P<tail>以内|内|之内|以內|內|içinde)",
    re.IGNORECASE,
)
_DATE_TEXT = (
    r"(?:\d{4}\s*[-/.年]\s*\d{1,2}\s*[-/.月]\s*\d{1,2}\s*日?|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{1,2}月\d{1,2}日|"
    r"\d{1,2}\.?\s+(?:de\s+)?[A-Za-zéûäöüçãí]{3,10}\.?,?(?:\s+(?:de\s+|del\s+)?\d{4})?|[A-Z][a-z]{2,8}\.?\s+\d{1,2}(?:st|nd|rd|th)?,?(?:\s+\d{4})?)"
)
_CLOCK = r"(?:[\s,T]*(?:at|um|à|a las|alle|às)?\s*(?P<clock>\d{1,2}[:.点]\d{2}))?(?:\s*(?P<meridian>[ap]\.?m\.?))?(?:\s*(?P<zone>\(?(?:UTC|GMT|PST|PDT|EST|EDT|CET|CEST|JST|北京时间|日本時間)\)?))?"
_ABSOLUTE = (
    re.compile(
        r"(?:by|before|until|no later than|not later than|deadline(?: is)?:?|due(?: date)?:?|on or before|bis(?: zum| spätestens)?(?: zum)?|"
        r"spätestens(?: am| bis)?|vor dem|avant le|au plus tard le|jusqu'au|d'ici le|antes del?|hasta el|a más tardar el|fecha límite:?|"
        r"entro(?: e non oltre)?(?: il)?|prima del|scadenza:?|截止(?:日期|时间|到|至)?\s*[::为]?|请(?:您)?(?:务必)?(?:在|于)|须在|需在|应在|期限[::はは]?\s*|"
        r"最晚|最迟|不晚于|до|até(?: o dia)?|uiterlijk(?: op)?|vóór|do dnia|najpóźniej do|senast)\s*(?:the\s+|le\s+|el\s+|il\s+|den\s+|[A-Z][a-z]+day,?\s+)?"
        r"(?P<date>" + _DATE_TEXT + ")" + _CLOCK + r"(?P<tail>[^.。\n]{0,40})",
    ),
    re.compile(
        r"(?P<date>"
        + _DATE_TEXT
        + r")"
        + _CLOCK
        + r"\s*(?:\([^)]{1,12}\))?\s*(?P<tail>まで|前|之前|以前|tarihine kadar)"
    ),
)

#: What stands near a number of days that is no limit for the seller: ages of documents, holds of money, the platform's
#: own time to answer, windows of a metric.
_NOT_A_LIMIT = re.compile(
    r"issued|dated|last \d|past \d|previous|preceding|invoices? (?:from|of)|records|held|hold|withheld|reserve|funds|we will (?:review|respond|reply|get back)|"
    r"usually|business days to review|review (?:takes|may take|your)|receive a (?:response|reply)|refund|return window|"
    r"remain on|stays on|ship(?:ped)? within|deliver|customers? can|"
    r"ausgestellt|letzten|vergangenen|einbehalten|rücksende|wir (?:melden|antworten|prüfen)|derniers|dernières|datant|retenus|conservés|nous (?:vous répondrons|examinerons)|"
    r"últimos|emitid|retenid|le responderemos|revisaremos|ultimi|emess|trattenut|ti risponderemo|"
    r"最近|过去|近\d|内开具|内出具|开具|资金|冻结|放款|扣留|我们将在|审核时间|审核需|将在\d|预计|以内に発行|過去|直近|発行|留保|通常|当社は|回答いたします|発送|签发|有效期",
    re.IGNORECASE,
)
#: Words behind a limit that belong to it.
_CLOSING = {"以内", "内", "之内", "以內", "內", "içinde", "まで", "前", "之前", "以前", "tarihine kadar"}
_ZONES = {
    "UTC": "UTC", "GMT": "UTC", "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "EST": "America/New_York",
    "EDT": "America/New_York", "CET": "Europe/Berlin", "CEST": "Europe/Berlin", "JST": "Asia/Tokyo",
    "北京时间": "Asia/Shanghai", "日本時間": "Asia/Tokyo",
}  # fmt: skip


def deadline(text: str, received_at: datetime, zone: ZoneInfo, language: str = "en") -> Deadline | None:
    """The moment by which the platform wants an answer, or None if the text sets none.

    Relative limits ("within 72 hours", "7 个工作日内") count from received_at; a date without a time means the end of that
    day in zone, the account's time zone. The earliest limit wins when several are named.
    """
    text = text[:_SEARCHED]
    found = [*_relative(text, received_at), *_absolute(text, received_at, zone, language)]
    return min(found, key=lambda limit: limit.at) if found else None


def _relative(text: str, received_at: datetime) -> list[Deadline]:
    found = []
    for pattern in (_RELATIVE, _TRAILING):
        for match in pattern.finditer(text):
            if _says_otherwise(text, match.start(), match.end()):
                continue
            number = _WORDS.get(match["n"].lower()) or int(match["n"]) if match["n"] else 0
            groups = match.groupdict()
            if groups["hours"]:
                at = received_at + timedelta(hours=number)
            elif groups.get("weeks"):
                at = received_at + timedelta(weeks=number)
            elif (
                groups["business"]
                or groups["after"]
                or re.search(r"werk|arbeits|工作|営業", groups["days"], re.IGNORECASE)
            ):
                at = _after_business_days(received_at, number)
            else:
                at = received_at + timedelta(days=number)
            if timedelta(0) < at - received_at <= _FURTHEST:
                found.append(Deadline(at.astimezone(UTC), _quoted(match)))
    return found


def _absolute(text: str, received_at: datetime, zone: ZoneInfo, language: str) -> list[Deadline]:
    found = []
    for pattern in _ABSOLUTE:
        for match in pattern.finditer(text):
            if _says_otherwise(text, match.start(), match.start()):
                continue
            named = _ZONES.get((match["zone"] or "").strip("()"))
            day = _day(match["date"], received_at, language)
            if day is None:
                continue
            clock = _clock(match["clock"], match["meridian"])
            at = datetime.combine(day.date(), clock or time(23, 59), ZoneInfo(named) if named else zone)
            if timedelta(0) < at - received_at <= _FURTHEST:
                found.append(Deadline(at.astimezone(UTC), _quoted(match)))
    return found


def _day(text: str, received_at: datetime, language: str) -> datetime | None:
    cjk = re.fullmatch(r"(?:(\d{4})\s*年\s*)?(\d{1,2})\s*月\s*(\d{1,2})\s*日", text)
    if cjk:
        return _next(int(cjk[1] or 0), int(cjk[2]), int(cjk[3]), received_at)
    languages = [language] if language in {"de", "fr", "es", "it", "zh", "ja", "pl", "nl", "pt", "tr", "sv"} else []
    order = "MDY" if language == "en" and "." not in text else "DMY"
    if re.match(r"\d{4}", text):
        order = "YMD"
    settings = {
        "RELATIVE_BASE": received_at.replace(tzinfo=None),
        "PREFER_DATES_FROM": "future",
        "DATE_ORDER": order,
        "PARSERS": ["absolute-time"],
        "REQUIRE_PARTS": ["day", "month"],
    }
    try:
        day: datetime | None = dateparser.parse(text, languages=[*languages, "en"], settings=settings)
    except (ValueError, OverflowError):
        return None
    return day


def _next(year: int, month: int, day: int, after: datetime) -> datetime | None:
    """A day as numbers; without a year, the next one there is."""
    try:
        found = datetime(year or after.year, month, day, tzinfo=UTC)
        return found if year or found.date() >= after.date() else found.replace(year=after.year + 1)
    except ValueError:
        return None


def _clock(text: str | None, meridian: str | None) -> time | None:
    if not text:
        return None
    hour, minute = (int(part) for part in re.split(r"[:.点]", text))
    if meridian and meridian.lower().startswith("p") and hour < 12:
        hour += 12
    return time(hour % 24, min(minute, 59)) if hour <= 24 else None


def _says_otherwise(text: str, start: int, end: int) -> bool:
    """Whether the clause around a number says that it is not the seller's limit."""
    before = re.split(r"[.。;;\n]", text[max(0, start - 60) : start])[-1]
    after = re.split(r"[.。;;\n]", text[end : end + 40])[0] if end > start else ""
    # "invoices of the last 365 days within 72 hours": words in front of another number speak of that one.
    before = re.split(r"\d+\s*\S+", before)[-1] if end > start else before
    return bool(_NOT_A_LIMIT.search(before + text[start:end] + after))


def _after_business_days(start: datetime, days: int) -> datetime:
    at = start
    while days > 0:
        at += timedelta(days=1)
        days -= at.weekday() < 5
    return at


def _quoted(match: re.Match[str]) -> str:
    """The words of a limit, without what was only read to judge them."""
    words = match[0]
    if match["tail"] and match["tail"].strip() not in _CLOSING:
        words = words.removesuffix(match["tail"])
    return " ".join(words.split())[:120]
