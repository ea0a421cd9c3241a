"""What is sent about a case as long as nobody answers: again, to the next person, to all; and before the deadline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.alerts.routes import recipients_of
from triage.config import Person, Settings
from triage.labels import SenderVerdict, Status
from triage.store.moments import stored
from triage.types import Case

#: The service was down, or the case was there before: what was due longer ago is not made up for. The digest has it.
TOO_OLD = timedelta(hours=24)
#: Somebody has it, the answer is not with the platform yet.
_IN_HAND = frozenset({Status.ACKNOWLEDGED, Status.PREPARING})


@dataclass(frozen=True, slots=True)
class Planned:
    """One reminder of a case's plan."""

    at: datetime
    why: str  # unacknowledged, escalated, everybody, deadline
    to: tuple[Person, ...]
    left: timedelta | None  # before the deadline; None for the other kinds
    key: str  # the same reminder has the same key


def plan(case: Case, settings: Settings) -> list[Planned]:
    """Every reminder of a case as things stand, in order of time, past ones too.

    An open case of some severity: to the same people again, each time somebody further along the chain of ``next`` as
    well, in the end to all. A case whose answer is not with the platform: before its deadline; if it was acknowledged,
    to whoever has it. One that was put off: before its deadline all the same.
    """
    if case.sender is SenderVerdict.FORGED or case.merged_into is not None:
        return []
    since = case.open_since or case.opened_at
    levels = _levels(recipients_of(settings, case, since), settings)
    return sorted([*_unacknowledged(case, settings, since, levels), *_before_deadline(case, settings, since, levels)],
                  key=lambda planned: planned.at)  # fmt: skip


def due(case: Case, settings: Settings, now: datetime) -> list[Planned]:
    """The reminders to send now: of each kind the latest that is due, for the ones before it are said by it."""
    past = [planned for planned in plan(case, settings) if now - TOO_OLD < planned.at <= now]
    latest = {planned.left is None: planned for planned in past}
    return list(latest.values())


def horizon(settings: Settings) -> timedelta:
    """How long after the beginning the last reminder of an unacknowledged case is due, at most."""
    return settings.alerting.remind_after * (len(settings.people) + 3) + TOO_OLD


def _unacknowledged(
    case: Case, settings: Settings, since: datetime, levels: list[tuple[Person, ...]]
) -> Iterable[Planned]:
    every = settings.alerting.remind_after
    if not every or case.status is not Status.OPEN or case.history or case.severity < settings.alerting.remind_severity:
        return
    # Where it was put off, all begins anew when that ends.
    begun = max(since, case.snoozed_until - every) if case.snoozed_until else since
    for step, people in enumerate(levels):
        why = "unacknowledged" if step == 0 else "everybody" if step == len(levels) - 1 else "escalated"
        at = begun + every * (step + 1)
        yield Planned(at, why, people, None, f"reminder:{case.id}:{stored(begun)}:{step}")


def _before_deadline(
    case: Case, settings: Settings, since: datetime, levels: list[tuple[Person, ...]]
) -> Iterable[Planned]:
    if case.deadline is None or case.status not in {Status.OPEN, *_IN_HAND}:
        return
    holder = tuple(person for person in settings.recipients if person.name == case.assignee) or levels[0]
    for step, left in enumerate(settings.alerting.remind_before):
        at = case.deadline.at - left
        if at <= since:
            continue  # the first alert said it
        level = (
            levels[-1]
            if step == len(settings.alerting.remind_before) - 1 and step > 0
            else levels[min(step, len(levels) - 1)]
        )
        people = holder if case.status in _IN_HAND else level
        yield Planned(
            at, "deadline", people, left, f"deadline:{case.id}:{stored(case.deadline.at)}:{int(left.total_seconds())}"
        )


def _levels(first: tuple[Person, ...], settings: Settings) -> list[tuple[Person, ...]]:
    """Who is told at each step: the first ones, those and the next of each, and so on, at last all."""
    by_name = {person.name: person for person in settings.recipients}
    levels = [{person.name: person for person in first}]
    while True:
        told = levels[-1]
        further = {
            person.next: by_name[person.next] for person in told.values() if person.next and person.next not in told
        }
        if not further:
            break
        levels.append({**told, **further})
    if set(levels[-1]) != set(by_name):
        levels.append({**levels[-1], **{name: person for name, person in by_name.items() if name not in levels[-1]}})
    return [tuple(level.values()) for level in levels]
