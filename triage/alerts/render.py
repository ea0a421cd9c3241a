"""An alert as text: short title, facts a person needs at once, first steps. Mail content is quoted, never interpreted."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from triage.alerts.text import Part, Text
from triage.findings import authentic, sentence, trusted
from triage.labels import CAUSE_NAMES, PLATFORM_NAMES, STAGE_NAMES, Cause, SenderVerdict, Stage
from triage.types import Advice, Case, Decision

_FIRST_STEPS = 3
_SUBJECT = 160
#: Of many alerts in one message.
_MOST_IN_A_LIST = 10
#: Of what gives a forged mail away.
_MOST_FINDINGS = 5
#: From this weight on a doubt about a sender is told with a warning.
_WORTH_SAYING = 0.3
#: Ideographs need no blank between value and remark.
COLON = {"en": ": ", "zh": "："}
SEMICOLON = {"en": "; ", "zh": "；"}


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
    first: tuple[Part, ...] = (),
    more: tuple[Part, ...] = (),
) -> Text:
    """An alert about a case, as of now. subject: of the mail that led to it; decision: what it was understood to be;
    first, more: what
    belongs above and below."""
    say = words(language)
    colon = COLON[language]
    platform = PLATFORM_NAMES[case.platform]
    stage, cause = STAGE_NAMES[language][case.stage], CAUSE_NAMES[language][case.cause]
    where = case.store or case.account
    headline = (
        f"{platform} {where}{colon}{stage} - {cause}"
        if case.cause is not Cause.NONE
        else f"{platform} {where}{colon}{cause}?"
    )
    believed = trusted(case.sender, decision.sender_findings if decision else ())
    sure = say["sure"].format(percent=f"{case.confidence:.0%}")
    also = (
        SEMICOLON[language] + say["also"].format(causes=", ".join(CAUSE_NAMES[language][c] for c in case.also))
        if case.also
        else ""
    )
    parts = [
        *first,
        *(Part((line,), spare=1) for line in _about_sender(case, decision, say, language)),
        Part((f"{case.store or case.account}{bracketed(platform, language)}",), f"{say['store']}{colon}", spare=3),
        Part((f"{stage} - {quoted(subject, trusted=believed)}",), f"{say['what']}{colon}"),
        Part((f"{cause}{bracketed(sure + also, language)}",), f"{say['cause']}{colon}"),
    ]
    if case.needs_review:
        parts.append(Part((say["review"].format(reason=reason or "-"),), spare=1))
    if case.stage is not Stage.REINSTATED:
        grade = say["trade"].format(grade=advice.trade_grade)
        parts += [
            Part((_deadline(case, advice, say, zone, now),), f"{say['deadline']}{colon}", spare=0),
            Part((f"{advice.practice_text}{bracketed(grade, language)}",), f"{say['appeal']}{colon}", spare=4),
        ]
    steps = tuple(step.text for step in advice.steps[:_FIRST_STEPS])
    parts += [
        *([Part(steps, f"{say['steps']}{colon}", "numbers", spare=5)] if steps else []),
        Part((say["case"].format(id=case.id),), spare=1),
    ]
    return Text(f"[{say[kind]}] {headline}", (*parts, *more))


def phishing_text(
    case: Case, advice: Advice, *, language: str, subject: str, sender: str, decision: Decision | None
) -> Text:
    """An alert about a forged mail: what it pretends, what gives it away, where it wants to lead, what to do."""
    say = words(language)
    colon = COLON[language]
    title = say["phishing_headline"].format(store=case.store or case.account, platform=PLATFORM_NAMES[case.platform])
    pretends = say["phishing_pretends"].format(
        stage=STAGE_NAMES[language][case.stage], cause=CAUSE_NAMES[language][case.cause]
    )
    findings = [found for found in decision.sender_findings if found.weight > 0] if decision else []
    links = [each.value for each in decision.facts.answer_to if each.kind != "menu"] if decision else []
    given_away = tuple(quoted(sentence(found, language), trusted=False) for found in findings[:_MOST_FINDINGS])
    steps = tuple(step.text for step in advice.steps)
    parts = [
        Part((quoted(subject, trusted=False),), f"{say['what']}{colon}", spare=1),
        Part((pretends,), spare=1),
        Part((quoted(sender, trusted=False),), f"{say['phishing_from']}{colon}"),
        *([Part(given_away, f"{say['phishing_findings']}{colon}", "bullets", spare=4)] if given_away else []),
    ]
    if links:
        shown = tuple(quoted(link, trusted=False) for link in links[:3])
        parts.append(Part(shown, f"{say['phishing_links']}{colon}", "bullets", spare=5))
    parts += [
        *([Part(steps, f"{say['phishing_steps']}{colon}", "numbers", spare=3)] if steps else []),
        Part((say["case"].format(id=case.id),), spare=1),
    ]
    return Text(f"[{say['phishing']}] {title}", tuple(parts))


def together(texts: Sequence[Text], facts: Sequence[Mapping[str, Any]], language: str) -> Text:
    """Many alerts in one message: how many, and a list of them. facts: each as data."""
    say = words(language)
    headlines = {text.title for text in texts}
    lines = [_in_a_list(text, each, alike=len(headlines) == 1) for text, each in zip(texts, facts, strict=True)]
    count = len(texts)
    title = (
        say["together"].format(count=count, headline=texts[0].title)
        if len(headlines) == 1
        else say["together_mixed"].format(count=count)
    )
    parts = [Part(tuple(lines[:_MOST_IN_A_LIST]), style="bullets", spare=1)]
    if count > _MOST_IN_A_LIST:
        parts.append(Part((say["more"].format(count=count - _MOST_IN_A_LIST),), spare=0))
    return Text(title, tuple(parts))


def in_a_row(texts: Sequence[Text]) -> Text:
    """Some alerts about one thing, one after the other; the last one says how things stand."""
    parts = [Part((text.title,), spare=1) for text in texts[:-1]]
    return Text(texts[-1].title, (*parts, *texts[-1].parts))


def reminded(why: str, waited: timedelta, language: str) -> tuple[Part, ...]:
    """Why a reminder is sent."""
    say = words(language)
    return (Part((say[f"reminded_{why}"].format(time=remaining(waited, language)),), spare=1),)


def to_acknowledge(url: str, language: str, *, by_reply: bool) -> tuple[Part, ...]:
    """How somebody says that they take care. url: empty for no link."""
    say = words(language)
    link = (Part((url,), f"{say['acknowledge']}{COLON[language]}", link=url, spare=1),) if url else ()
    return (*link, *((Part((say["reply"],), spare=1),) if by_reply else ()))


def _in_a_list(text: Text, facts: Mapping[str, Any], *, alike: bool) -> str:
    if "case" not in facts:
        first = text.parts[0].lines[0] if text.parts else ""
        return f"{text.title} - {first}" if first else text.title
    what = quoted(facts["subject"], trusted=False)
    return f"#{facts['case']} {what}" if alike else f"#{facts['case']} {text.title} - {what}"


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
    lines = say[f"{kind}_body"].format(**safe).split("\n")
    return Text(say[kind].format(**safe), tuple(Part((line,), spare=0) for line in lines))


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
    aside = bracketed(f"{rest}{SEMICOLON[advice.language]}{why}", advice.language)
    return f"{local:%Y-%m-%d %H:%M} {zone.key}{aside}"


@lru_cache(maxsize=1)
def _tables() -> dict[str, dict[str, str]]:
    return tomllib.loads((files("triage.alerts") / "words.toml").read_text(encoding="utf-8"))


def bracketed(aside: str, language: str) -> str:
    """A remark behind something."""
    return f"（{aside}）" if language == "zh" else f" ({aside})"


def words(language: str) -> dict[str, str]:
    """The words of one language."""
    return _tables()[language]
