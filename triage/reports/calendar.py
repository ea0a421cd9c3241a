"""Deadlines as a calendar (iCalendar, RFC 5545; its name and refresh by RFC 7986), each with reminders."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import icalendar

from triage.advice.playbook import playbooks
from triage.advice.steps import practice_of
from triage.advising import advised
from triage.alerts.render import quoted
from triage.cases import history, queries
from triage.config import Settings
from triage.labels import CAUSE_NAMES, ENDED, PLATFORM_NAMES, STAGE_NAMES, SenderVerdict, Status
from triage.types import Case

if TYPE_CHECKING:
    from sqlite_utils import Database

#: How long before a deadline a calendar reminds. The last one leaves time to send what is ready.
REMINDERS = (timedelta(hours=24), timedelta(hours=3))
#: A deadline takes no time; programs show an event without length badly.
_LENGTH = timedelta(minutes=30)
#: How often a program that subscribed should look again.
_REFRESH = timedelta(minutes=15)
_MOST_STEPS = 5
_WORDS = {
    "en": {"name": "Triage: deadlines", "due": "answer due", "assumed": "usual limit, the mail names none", "text": "limit", "steps": "next steps", "case": "case"},
    "zh": {"name": "Triage 期限", "due": "回复截止", "assumed": "通常期限,邮件未写明", "text": "原文", "steps": "下一步", "case": "案件"},
}  # fmt: skip


def deadlines(
    db: Database, settings: Settings, now: datetime, *, language: str, accounts: Collection[str] | None = None
) -> bytes:
    """The calendar of all cases that have or had a deadline this quarter: UTF-8, lines ended by CRLF.

    accounts: only of these; None for all.

    An event keeps its UID for ever, so that a program which subscribed moves it instead of adding another; that of a case
    which has ended is cancelled; once an answer is submitted its reminders are gone.
    """
    say = _WORDS[language]
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Triage//deadlines//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", say["name"])
    calendar.add("name", say["name"])
    calendar.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
    recent = now - timedelta(days=90)
    for case in queries.listed(db, everything=True, accounts=accounts, now=now, limit=10_000):
        told = case.deadline and case.deadline.at >= recent and case.sender is not SenderVerdict.FORGED
        if told:
            calendar.add_component(_event(db, case, settings, now, language))
    return bytes(calendar.to_ical())


def _event(db: Database, case: Case, settings: Settings, now: datetime, language: str) -> icalendar.Event:
    assert case.deadline is not None
    say = _WORDS[language]
    over = case.status in ENDED
    mark = "~ " if case.deadline.assumed else ""
    title = f"{mark}{PLATFORM_NAMES[case.platform]} {case.store or case.account}: {STAGE_NAMES[language][case.stage]} - {CAUSE_NAMES[language][case.cause]}"
    event = icalendar.Event()
    event.add("uid", f"case-{case.id}-{case.opened_at:%Y%m%d%H%M%S}@triage")
    event.add("dtstamp", case.updated_at)
    event.add("last-modified", case.updated_at)
    event.add("sequence", len(history.of_case(db, case.id)))
    event.add("dtstart", case.deadline.at)
    event.add("dtend", case.deadline.at + _LENGTH)
    event.add("summary", f"{title} ({say['due']})")
    event.add("description", _description(db, case, settings, now, language))
    event.add("status", "CANCELLED" if over else "CONFIRMED")
    event.add("transp", "TRANSPARENT")  # nobody is busy because something is due
    event.add("priority", 1 if case.severity >= 4 else 5)
    event.add("categories", [CAUSE_NAMES[language][case.cause]])
    for before in () if over or case.status is Status.SUBMITTED else REMINDERS:
        alarm = icalendar.Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", title)
        alarm.add("trigger", -before)
        event.add_component(alarm)
    return event


def _description(db: Database, case: Case, settings: Settings, now: datetime, language: str) -> str:
    assert case.deadline is not None
    say, books = _WORDS[language], playbooks(settings.playbooks)
    practice, _ = practice_of(case, language, books)
    why = say["assumed"] if case.deadline.assumed else f'{say["text"]}: "{quoted(case.deadline.text, trusted=False)}"'
    steps = advised(db, case, settings, language, now).steps if case.status not in ENDED else ()
    lines = [why, books.general.grades[practice].say(language)]
    if steps:
        lines.append(f"{say['steps']}:")
        lines += [f"{number}. {task.text}" for number, task in enumerate(steps[:_MOST_STEPS], 1)]
    return "\n".join([*lines, f"{say['case']} {case.id}: triage case {case.id}"])
