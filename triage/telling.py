"""Who is told what: an event or a trouble becomes alerts in the outbox, in the transaction of its caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from triage.alerts import outbox, reminders, routes
from triage.alerts.outbox import LATE, ORDINARY, PRESSING, Way
from triage.cases import queries
from triage.config import Person, Settings
from triage.labels import SEVERITY, SenderVerdict, Stage
from triage.types import Case, CaseEvent

if TYPE_CHECKING:
    from sqlite_utils import Database

#: A case of this severity waits for nothing and nobody: the business stands still.
_STANDSTILL = SEVERITY[Stage.SUSPENDED]


def tell_case(db: Database, event: CaseEvent, settings: Settings, now: datetime) -> None:
    """Something happened to a case: whoever its route names is told."""
    case = queries.existing(db, event.case_id)
    kind = "case_opened" if event.kind == "opened" else "case_advanced"
    people = routes.recipients_of(settings, case, now)
    if case.sender is SenderVerdict.FORGED:
        outbox.queue(
            db, _ways(people, settings, now), "phishing", f"event:{event.id}", now=now, case=case.id,
            alike=f"phishing:{case.account}", within=settings.alerting.group,
        )  # fmt: skip
        return
    new = kind == "case_opened" or "stage" in event.detail.get("is", {})
    outbox.queue(
        db,
        _ways(people, settings, now, case),
        kind,
        f"event:{event.id}",
        now=now,
        case=case.id,
        alike=f"{case.account}:{case.platform}:{case.cause}:{case.stage}",
        within=settings.alerting.group,
        rank=PRESSING if new and case.severity >= _STANDSTILL else ORDINARY,
    )


def remind(db: Database, settings: Settings, now: datetime) -> int:
    """Queue every reminder that is due and was not queued before; how many."""
    count = 0
    soon = (now - reminders.TOO_OLD, now + max(settings.alerting.remind_before, default=reminders.TOO_OLD))
    for case in queries.unanswered(db, open_since=now - reminders.horizon(settings), due=soon):
        for planned in reminders.due(case, settings, now):
            if outbox.was_queued(db, planned.key):
                continue
            detail = {"why": planned.why, "account": case.account}
            outbox.queue(
                db, _ways(planned.to, settings, now, case), "reminder", planned.key, now=now, case=case.id,
                detail=detail, rank=PRESSING,
            )  # fmt: skip
            count += 1
    return count


def tell_owner(
    db: Database, account: str, kind: str, key: str, settings: Settings, now: datetime, *, topic: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Something about an account or, without one, the service itself: whoever looks after it is told."""
    people = routes.owners(settings, account) if account else settings.recipients
    outbox.queue(
        db, _ways(people, settings, now), kind, key, now=now, topic=topic, detail=detail, alike=kind,
        within=settings.alerting.group,
    )  # fmt: skip


def tell_person(
    db: Database, person: Person, kind: str, key: str, now: datetime, detail: Mapping[str, Any] | None = None
) -> None:
    """One person, in the first of their ways."""
    outbox.queue(db, person.targets[:1], kind, key, now=now, detail=detail, rank=LATE)


def tell_others(
    db: Database, target: str, kind: str, key: str, settings: Settings, now: datetime, detail: Mapping[str, Any]
) -> None:
    """Something is wrong, or well again, with one target: the others are told."""
    others = [other.name for other in settings.targets if other.name != target]
    outbox.queue(
        db, others, kind, key, now=now, topic=f"target:{target}", detail=detail, within=settings.alerting.group
    )


def _ways(people: Sequence[Person], settings: Settings, now: datetime, case: Case | None = None) -> list[Way]:
    """Each target once, when its owner may be disturbed: at once by what cannot wait."""
    found: dict[str, Way] = {}
    for person in people:
        until = routes.quiet_until(person, settings, now)
        disturbs = until > now and case is not None and _cannot_wait(case, until)
        for target in person.targets:
            way = Way(target=target, due_at=now, rank=PRESSING) if disturbs else Way(target=target, due_at=until)
            found.setdefault(target, way)
    return list(found.values())


def _cannot_wait(case: Case, until: datetime) -> bool:
    return case.severity >= _STANDSTILL or (case.deadline is not None and case.deadline.at <= until)
