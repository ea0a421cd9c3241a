"""The morning's digest: what somebody has to do today and this week, what is new, and what is wrong with the service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from triage.alerts import outbox, render, routes, standing, troubles
from triage.alerts.text import Part, Text
from triage.cases import queries
from triage.config import Person, Settings
from triage.labels import CAUSE_NAMES, PLATFORM_NAMES, STAGE_NAMES, SenderVerdict, Status
from triage.mail import cursor
from triage.telling import tell_person
from triage.types import Case

if TYPE_CHECKING:
    from sqlite_utils import Database

#: A digest that could not be made in time is not made up for at noon.
_LATE = timedelta(hours=3)
_MOST = 15
#: The answer is not with the platform yet.
_TO_ANSWER = frozenset({Status.OPEN, Status.ACKNOWLEDGED, Status.PREPARING})


def queue_digests(db: Database, settings: Settings, now: datetime) -> int:
    """Queue the digest of everybody whose hour has come today and who has none yet; how many."""
    count = 0
    for person in settings.recipients:
        hour = settings.alerting.digest if person.digest is None else person.digest
        if not hour:
            continue
        local = now.astimezone(routes.zone_of(person, settings))
        at = local.replace(hour=hour.hour, minute=hour.minute, second=0, microsecond=0)
        key = f"digest:{person.name}:{local:%Y-%m-%d}"
        known_since = standing.known(db, person.targets[0], now).known_since
        if at <= local < at + _LATE and known_since < at and not outbox.was_queued(db, key):
            tell_person(db, person, "digest", key, now, {"person": person.name})
            count += 1
    return count


def digest(db: Database, name: str, language: str, settings: Settings, now: datetime) -> tuple[Text, dict[str, Any]]:
    """A person's digest as of now, as text and as data."""
    say = render.words(language)
    person = next((each for each in settings.recipients if each.name == name), None)
    cases = _cases_of(db, person, settings, now) if person else []
    zone = routes.zone_of(person, settings) if person else settings.zone
    tonight = now.astimezone(zone).replace(hour=23, minute=59, second=59, microsecond=0)
    to_answer = [case for case in cases if case.deadline and case.status in _TO_ANSWER]
    # What is overdue by a day or two can still be worth an answer; what is older is history.
    today = [case for case in to_answer if _due(case, now - timedelta(days=2), tonight)]
    week = [case for case in to_answer if _due(case, tonight, tonight + timedelta(days=6))]
    new = [case for case in cases if case.opened_at > now - timedelta(days=1) and not case.history]
    elsewhere = {case.id for case in (*today, *week)}
    review = [case for case in cases if case.needs_review and case.status is Status.OPEN]
    wrong = list(_troubles(db, settings, language, now))
    sections = (
        ("digest_today", [_line(case, language, settings, now) for case in today], 0),
        ("digest_troubles", wrong, 1),
        ("digest_week", [_line(case, language, settings, now) for case in week], 2),
        ("digest_new", [_line(case, language, settings, now) for case in new if case.id not in elsewhere], 3),
        ("digest_review", [_line(case, language, settings, now) for case in review], 4),
    )
    parts = [_section(say, label, lines, spare, language) for label, lines, spare in sections if lines]
    if not wrong:
        parts.append(Part((_sign_of_life(db, settings, say, language, now),), spare=5))
    busy = today or week or new
    title = say["digest"].format(today=len(today), week=len(week), new=len(new)) if busy else say["digest_quiet"]
    facts = {
        "person": name,
        "due_today": [case.id for case in today],
        "due_this_week": [case.id for case in week],
        "new": [case.id for case in new],
        "review": [case.id for case in review],
        "troubles": wrong,
    }
    return Text(title, tuple(parts)), facts


def _cases_of(db: Database, person: Person, settings: Settings, now: datetime) -> list[Case]:
    """Cases that have not ended and are somebody's: given to them, or theirs by the routes."""
    return [
        case
        for case in queries.listed(db, now=now, limit=2000)
        if case.sender is not SenderVerdict.FORGED
        and (
            case.assignee == person.name
            or any(each.name == person.name for each in routes.recipients_of(settings, case, case.opened_at))
        )
    ]


def _due(case: Case, after: datetime, until: datetime) -> bool:
    return case.deadline is not None and after < case.deadline.at <= until


def _line(case: Case, language: str, settings: Settings, now: datetime) -> str:
    say = render.words(language)
    name = f"{PLATFORM_NAMES[case.platform]} {case.store or case.account}"
    words = [f"#{case.id} {name}: {STAGE_NAMES[language][case.stage]} - {CAUSE_NAMES[language][case.cause]}"]
    if case.deadline and case.status in _TO_ANSWER:
        left = case.deadline.at - now
        local = case.deadline.at.astimezone(settings.zone_for(case.account))
        rest = say["left"].format(time=render.remaining(left, language)) if left > timedelta(0) else say["overdue"]
        words.append(f"{local:%m-%d %H:%M} ({rest})")
    if case.assignee:
        words.append(case.assignee)
    return ", ".join(words)


def _troubles(db: Database, settings: Settings, language: str, now: datetime) -> Iterator[str]:
    """What does not work, a line each."""
    for row in cursor.every(db):
        if row.failing_since and settings.watches(row.account, row.folder):
            yield f"{row.account} ({row.folder}): {row.last_error}"
    for target in settings.targets:
        known = standing.known(db, target.name, now)
        if known.failing_since:
            yield f"{target.name}: {known.last_error}"
    for each in troubles.listed(db):
        yield render.plain_text(each.kind, dict(each.detail), language).title


def _section(say: dict[str, str], label: str, lines: Sequence[str], spare: int, language: str) -> Part:
    shown = tuple(render.quoted(line, trusted=True) for line in lines[:_MOST])
    more = (say["more"].format(count=len(lines) - _MOST),) if len(lines) > _MOST else ()
    return Part((*shown, *more), f"{say[label]}{render.COLON[language]}", "bullets", spare=spare)


def _sign_of_life(db: Database, settings: Settings, say: dict[str, str], language: str, now: datetime) -> str:
    read = [row.last_success_at for row in cursor.every(db) if row.last_success_at]
    if not read:
        return say["digest_nobody"]
    return say["digest_well"].format(
        mailboxes=len(settings.accounts), last=f"{max(read).astimezone(settings.zone):%Y-%m-%d %H:%M}"
    )
