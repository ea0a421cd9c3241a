"""An alert as text: short title, facts a person needs at once, first steps. Mail content is quoted, never interpreted."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from triage.labels import CAUSE_NAMES, PLATFORM_NAMES, STAGE_NAMES, Cause, SenderVerdict, Stage
from triage.types import Advice, Case

_FIRST_STEPS = 3
_SUBJECT = 160
#: Ideographs need no blank between value and remark.
_COLON = {"en": ": ", "zh": ":"}


@dataclass(frozen=True, slots=True)
class Text:
    """What a target shows."""

    title: str
    body: str


def case_text(
    kind: str,
    case: Case,
    advice: Advice,
    *,
    language: str,
    zone: ZoneInfo,
    now: datetime,
    subject: str,
    finding: str = "",
    reason: str = "",
) -> Text:
    """An alert about a case, as of now. subject: of the mail that led to it."""
    say = words(language)
    colon = _COLON[language]
    platform = PLATFORM_NAMES[case.platform]
    stage, cause = STAGE_NAMES[language][case.stage], CAUSE_NAMES[language][case.cause]
    where = case.store or case.account
    headline = (
        f"{platform} {where}{colon}{stage} - {cause}"
        if case.cause is not Cause.NONE
        else f"{platform} {where}{colon}{cause}?"
    )
    lines = []
    if case.sender is SenderVerdict.FORGED:
        lines.append(say["forged"].format(finding=finding or "-"))
    elif case.sender is SenderVerdict.UNPROVEN:
        lines.append(say["unproven"])
    elif case.sender is SenderVerdict.FORWARDED:
        lines.append(say["forwarded"])
    lines.append(f"{say['store']}{colon}{case.store or case.account} ({platform})")
    lines.append(f"{say['what']}{colon}{stage} - {quoted(subject, trusted=case.sender is SenderVerdict.PROVEN)}")
    sure = say["sure"].format(percent=f"{case.confidence:.0%}")
    also = "; " + say["also"].format(causes=", ".join(CAUSE_NAMES[language][c] for c in case.also)) if case.also else ""
    lines.append(f"{say['cause']}{colon}{cause} ({sure}{also})")
    if case.needs_review:
        lines.append(say["review"].format(reason=reason or "-"))
    if case.stage is not Stage.REINSTATED:
        lines.append(f"{say['deadline']}{colon}{_deadline(case, advice, say, zone, now)}")
        grade = say["trade"].format(grade=advice.trade_grade)
        lines.append(f"{say['appeal']}{colon}{advice.practice_text} ({grade})")
    lines.append(f"{say['steps']}{colon}".rstrip())
    lines.extend(f"{number}. {step}" for number, step in enumerate(advice.steps[:_FIRST_STEPS], 1))
    lines.append(say["case"].format(id=case.id))
    return Text(f"[{say[kind]}] {headline}", "\n".join(lines))


def plain_text(kind: str, detail: dict[str, Any], language: str) -> Text:
    """An alert about the daemon itself."""
    say = words(language)
    safe = {
        name: quoted(str(value), trusted=False) if isinstance(value, str) else value for name, value in detail.items()
    }
    return Text(say[kind].format(**safe), say[f"{kind}_body"].format(**safe))


def quoted(text: str, *, trusted: bool) -> str:
    """A stranger's words on one line, without control characters; links defanged unless the sender is proven."""
    clean = "".join(" " if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"} else c for c in text)
    clean = " ".join(clean.split())
    if len(clean) > _SUBJECT:
        clean = clean[: _SUBJECT - 1] + "…"
    return clean if trusted else defanged(clean)


def defanged(text: str) -> str:
    """Links that no program makes clickable."""
    text = re.sub(r"(?i)\bhttp(s?)://", r"hxxp\1://", text)
    return re.sub(
        r"(?i)\b((?:[a-z0-9-]+\.)+)([a-z]{2,})\b(?=[/:?]|$|\s)", lambda m: m[1].replace(".", "[.]") + m[2], text
    )


def remaining(span: timedelta, language: str) -> str:
    """Time left in the two largest units: "2 d 4 h", "2 天 4 小时"."""
    say = words(language)
    minutes = int(span.total_seconds()) // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "days"), (hours, "hours"), (rest, "minutes")]
    first = next((i for i, (n, _) in enumerate(parts) if n), 2)
    return " ".join(say[unit].format(n=n) for n, unit in parts[first : first + 2] if n or unit == parts[first][1])


def _deadline(case: Case, advice: Advice, say: dict[str, str], zone: ZoneInfo, now: datetime) -> str:
    if case.deadline is None:
        return say["no_deadline"].format(usual=advice.usual_limit)
    left = case.deadline.at - now
    rest = say["left"].format(time=remaining(left, advice.language)) if left > timedelta(0) else say["over"]
    local = case.deadline.at.astimezone(zone)
    words_read = quoted(case.deadline.text, trusted=False)
    return f'{local:%Y-%m-%d %H:%M} {zone.key} ({rest}; "{words_read}")'


@lru_cache(maxsize=1)
def _tables() -> dict[str, dict[str, str]]:
    return tomllib.loads((files("triage.alerts") / "words.toml").read_text(encoding="utf-8"))


def words(language: str) -> dict[str, str]:
    """The words of one language."""
    return _tables()[language]
