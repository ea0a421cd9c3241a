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

from triage.findings import authentic, sentence, trusted
from triage.labels import CAUSE_NAMES, PLATFORM_NAMES, STAGE_NAMES, Cause, SenderVerdict, Stage
from triage.types import Advice, Case, Decision

_FIRST_STEPS = 3
_SUBJECT = 160
#: Of what gives a forged mail away.
_MOST_FINDINGS = 5
#: From this weight on a doubt about a sender is told with a warning.
_WORTH_SAYING = 0.3
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
    decision: Decision | None = None,
    reason: str = "",
) -> Text:
    """An alert about a case, as of now. subject: of the mail that led to it; decision: what it was understood to be."""
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
    believed = trusted(case.sender, decision.sender_findings if decision else ())
    lines = _about_sender(case, decision, say, language)
    lines.append(f"{say['store']}{colon}{case.store or case.account} ({platform})")
    lines.append(f"{say['what']}{colon}{stage} - {quoted(subject, trusted=believed)}")
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
    lines.extend(f"{number}. {step.text}" for number, step in enumerate(advice.steps[:_FIRST_STEPS], 1))
    lines.append(say["case"].format(id=case.id))
    return Text(f"[{say[kind]}] {headline}", "\n".join(lines))


def phishing_text(
    case: Case, advice: Advice, *, language: str, subject: str, sender: str, decision: Decision | None
) -> Text:
    """An alert about a forged mail: what it pretends, what gives it away, where it wants to lead, what to do."""
    say = words(language)
    colon = _COLON[language]
    title = say["phishing_headline"].format(store=case.store or case.account, platform=PLATFORM_NAMES[case.platform])
    pretends = say["phishing_pretends"].format(
        stage=STAGE_NAMES[language][case.stage], cause=CAUSE_NAMES[language][case.cause]
    )
    findings = [found for found in decision.sender_findings if found.weight > 0] if decision else []
    links = [each.value for each in decision.facts.answer_to if each.kind != "menu"] if decision else []
    lines = [
        f"{say['what']}{colon}{quoted(subject, trusted=False)}",
        pretends,
        f"{say['phishing_from']}{colon}{quoted(sender, trusted=False)}",
        f"{say['phishing_findings']}{colon}".rstrip(),
        *(f"- {quoted(sentence(found, language), trusted=False)}" for found in findings[:_MOST_FINDINGS]),
    ]
    if links:
        lines += [
            f"{say['phishing_links']}{colon}".rstrip(),
            *(f"- {quoted(link, trusted=False)}" for link in links[:3]),
        ]
    lines.append(f"{say['phishing_steps']}{colon}".rstrip())
    lines.extend(f"{number}. {step.text}" for number, step in enumerate(advice.steps, 1))
    lines.append(say["case"].format(id=case.id))
    return Text(f"[{say['phishing']}] {title}", "\n".join(lines))


def _about_sender(case: Case, decision: Decision | None, say: dict[str, str], language: str) -> list[str]:
    """What a reader must know of the sender before anything else; nothing if it is proven."""
    findings = decision.sender_findings if decision else ()
    if case.sender is SenderVerdict.FORWARDED:
        by = decision.forwarded.by.email or decision.forwarded.by.name if decision and decision.forwarded else "?"
        known = say["forwarded_proven"] if authentic(findings) else say["forwarded"]
        lines = [known.format(by=quoted(by, trusted=True))]
    elif case.sender is SenderVerdict.UNPROVEN:
        lines = [say["unproven"]]
    else:
        return []
    against = [found for found in findings if found.weight >= _WORTH_SAYING]
    if against and not authentic(findings):
        lines.append(say["caution"].format(finding=quoted(sentence(against[0], language), trusted=False)))
    return lines


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
    if case.deadline.assumed:
        why = say["assumed"].format(rule=case.deadline.text)
    else:
        why = f'"{quoted(case.deadline.text, trusted=False)}"'
    return f"{local:%Y-%m-%d %H:%M} {zone.key} ({rest}; {why})"


@lru_cache(maxsize=1)
def _tables() -> dict[str, dict[str, str]]:
    return tomllib.loads((files("triage.alerts") / "words.toml").read_text(encoding="utf-8"))


def words(language: str) -> dict[str, str]:
    """The words of one language."""
    return _tables()[language]
