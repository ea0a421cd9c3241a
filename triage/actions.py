"""What a person does to a case. Each action is one function, one transaction, one event, and can be undone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from triage import regrouping
from triage.alerts import outbox
from triage.cases import history, matching, messages, search
from triage.cases.queries import existing
from triage.errors import UsageError
from triage.labels import ENDED, SEVERITY, Cause, Platform, SenderVerdict, Stage, Status
from triage.store.moments import stored
from triage.store.transaction import transaction
from triage.types import Case, CaseEvent

if TYPE_CHECKING:
    from sqlite_utils import Database

#: Events that undo() takes back.
_UNDOABLE = frozenset(
    {
        "acknowledged",
        "status",
        "assigned",
        "snoozed",
        "closed",
        "corrected",
        "redecided",
        "believed",
        "note",
        "draft",
        "ticked",
        "unticked",
        "merged",
        "split",
    }
)
#: What a person may say of a case with set_status(). Open, acknowledged and dismissed have actions of their own.
STATUSES = (Status.OPEN, Status.PREPARING, Status.SUBMITTED, Status.WAITING, Status.WON, Status.LOST)


def acknowledge(db: Database, case: int, *, by: str, now: datetime) -> CaseEvent:
    """Somebody has seen the case and takes care of it.

    Raises:
        UsageError: no such case, or it has ended.
    """
    with transaction(db):
        return acknowledged(db, case, by=by, now=now)


def acknowledged(db: Database, case: int, *, by: str, now: datetime) -> CaseEvent:
    """acknowledge() within the transaction of its caller; nobody is reminded any more.

    Raises:
        UsageError: as in acknowledge().
    """
    known = existing(db, case)
    if known.status in ENDED:
        raise UsageError(
            f"case {case} is {known.status}; to open it again: triage undo {case}", "ended", status=known.status
        )
    if known.status is Status.ACKNOWLEDGED:
        raise UsageError(f"case {case} is acknowledged already", "unchanged")
    outbox.withdraw(db, case, now, why=f"acknowledged by {by}", kind="reminder")
    return history.change(db, case, "acknowledged", {"status": Status.ACKNOWLEDGED.value}, by=by, now=now)


def set_status(db: Database, case: int, status: Status, *, by: str, now: datetime, note: str = "") -> CaseEvent:
    """Say how far the work on a case is. Submitted counts an attempt; open takes up again what had ended.

    Raises:
        UsageError: no such case, a status that has an action of its own, or it has this one already.
    """
    if status not in STATUSES:
        raise UsageError(f"{status} is no status to set; use one of: {', '.join(STATUSES)}")
    with transaction(db):
        known = existing(db, case)
        if known.merged_into is not None:
            raise UsageError(
                f"case {case} is merged into case {known.merged_into}; to take that back: triage undo {known.merged_into}",
                "merged",
                into=known.merged_into,
            )
        if known.status is status:
            raise UsageError(f"case {case} is {status} already", "unchanged")
        if known.status in ENDED and status is not Status.OPEN:
            raise UsageError(
                f"case {case} is {known.status}; take it up again first: triage mark {case} open",
                "ended",
                status=known.status,
            )
        changes: dict[str, Any] = {"status": status.value}
        if status is not Status.OPEN:
            outbox.withdraw(db, case, now, why=f"{status} by {by}", kind="reminder")
        if status is Status.SUBMITTED:
            changes["attempts"] = known.attempts + 1
        return history.change(db, case, "status", changes, by=by, now=now, detail={"note": note} if note else None)


def assign(db: Database, case: int, to: str, *, by: str, now: datetime) -> CaseEvent:
    """Say who has a case; nobody if empty.

    Raises:
        UsageError: no such case, it has ended, or that person has it already.
    """
    to = " ".join(to.split())
    with transaction(db):
        known = existing(db, case)
        if known.status in ENDED:
            raise UsageError(
                f"case {case} is {known.status}; take it up again first: triage mark {case} open",
                "ended",
                status=known.status,
            )
        if known.assignee == to:
            raise UsageError(f"case {case}: {to or 'nobody'} has it already", "unchanged")
        return history.change(db, case, "assigned", {"assignee": to}, by=by, now=now)


def snooze(db: Database, case: int, until: datetime | None, *, by: str, now: datetime) -> CaseEvent:
    """Put a case off: until then nobody is reminded that it is open; of its deadline everybody still is. None ends it.

    Raises:
        UsageError: no such case, it has ended, the moment is not between now and its deadline, or nothing would change.
    """
    with transaction(db):
        known = existing(db, case)
        if known.status in ENDED:
            raise UsageError(
                f"case {case} is {known.status}; there is nothing to put off", "ended", status=known.status
            )
        if until is not None and until <= now:
            raise UsageError(f"case {case} can only be put off until a moment to come", "past")
        if until is not None and known.deadline and until > known.deadline.at > now:
            raise UsageError(
                f"case {case} is due {stored(known.deadline.at)}; put it off until before that", "beyond_deadline"
            )
        if known.snoozed_until == until:
            raise UsageError(f"case {case} is {'put off until then already' if until else 'not put off'}", "unchanged")
        return history.change(db, case, "snoozed", {"snoozed_until": stored(until) if until else None}, by=by, now=now)


def tick(db: Database, case: int, item: str, *, done: bool = True, by: str, now: datetime) -> CaseEvent:
    """A step was done or a piece of evidence is there (or is not, after all). item: its name in the advice.

    Raises:
        UsageError: no such case, or it is so already.
    """
    with transaction(db):
        existing(db, case)
        if (item in history.ticked(db, case)) is done:
            raise UsageError(f'case {case}: "{item}" is {"ticked" if done else "not ticked"} already', "unchanged")
        return history.append(db, case, "ticked" if done else "unticked", {"item": item}, by=by, now=now)


def close(db: Database, case: int, *, by: str, now: datetime, note: str = "") -> CaseEvent:
    """The matter is over.

    Raises:
        UsageError: no such case, or it has ended already.
    """
    with transaction(db):
        known = existing(db, case)
        if known.status in ENDED:
            raise UsageError(f"case {case} is {known.status} already", "ended", status=known.status)
        detail = {"note": note} if note else None
        outbox.withdraw(db, case, now, why=f"closed by {by}", kind="reminder")
        return history.change(db, case, "closed", {"status": Status.CLOSED.value}, by=by, now=now, detail=detail)


def note(db: Database, case: int, text: str, *, by: str, now: datetime) -> CaseEvent:
    """Write something down with the case.

    Raises:
        UsageError: no such case, or an empty note.
    """
    if not text.strip():
        raise UsageError("the note is empty", "empty_note")
    with transaction(db):
        existing(db, case)
        event = history.append(db, case, "note", {"text": text.strip()}, by=by, now=now)
        search.add(db, "note", event.id, text)
        return event


def correct(
    db: Database,
    case: int,
    *,
    cause: Cause | None,
    stage: Stage | None,
    by: str,
    now: datetime,
    source: str = "command",
) -> CaseEvent:
    """Say what a case really is. All its messages are corrected with it, and the correction is kept for training.

    source: where it was said: command, review, mailbox.
    cause none: it is no warning; the case is dismissed and waiting alerts are withdrawn.

    Raises:
        UsageError: no such case, or nothing would change.
    """
    with transaction(db):
        return corrected(db, case, cause=cause, stage=stage, by=by, now=now, source=source)


def corrected(
    db: Database, case: int, *, cause: Cause | None, stage: Stage | None, by: str, now: datetime, source: str
) -> CaseEvent:
    """correct() within the transaction of its caller.

    Raises:
        UsageError: as in correct().
    """
    known = existing(db, case)
    new_cause = cause or known.cause
    new_stage = (
        Stage.NONE
        if new_cause is Cause.NONE
        else stage or (known.stage if known.stage is not Stage.NONE else Stage.WARNING)
    )
    if (new_cause, new_stage) == (known.cause, known.stage) and not known.needs_review:
        raise UsageError(f"case {case} is {known.cause}, {known.stage} already", "unchanged")
    changes: dict[str, Any] = {
        "cause": new_cause.value,
        "stage": new_stage.value,
        "severity": SEVERITY[new_stage],
        "confidence": 1.0,
        "needs_review": 0,
        "also": json.dumps([c.value for c in known.also if c is not new_cause and new_cause is not Cause.NONE]),
    }
    if new_cause is Cause.NONE:
        changes["status"] = Status.DISMISSED.value
        outbox.withdraw(db, case, now, why="the case is no warning")
    elif known.status is Status.DISMISSED:
        changes["status"] = Status.OPEN.value
    event = history.change(db, case, "corrected", changes, by=by, now=now)
    for message in messages.of_case(db, case):
        if message.outcome == "duplicate":  # another copy of one that is among them
            continue
        _remember(db, message.id, event.id, known, new_cause, new_stage, by, now, source)
    return event


def correct_message(
    db: Database, message: int, *, cause: Cause, stage: Stage | None, by: str, now: datetime, source: str = "command"
) -> CaseEvent:
    """Say what a message really is. A message that was thought ordinary becomes a case.

    Raises:
        UsageError: no such message, or it is ordinary mail already.
    """
    with transaction(db):
        return message_corrected(db, message, cause=cause, stage=stage, by=by, now=now, source=source)


def message_corrected(
    db: Database, message: int, *, cause: Cause, stage: Stage | None, by: str, now: datetime, source: str
) -> CaseEvent:
    """correct_message() within the transaction of its caller.

    Raises:
        UsageError: as in correct_message().
    """
    found = messages.get(db, message)
    if found is None:
        raise UsageError(f"there is no message {message}; see: triage messages")
    if found.case_id is not None:
        return corrected(db, found.case_id, cause=cause, stage=stage, by=by, now=now, source=source)
    if cause is Cause.NONE:
        raise UsageError(f"message {message} is no warning already")
    new_stage = stage or Stage.WARNING
    columns = {
        "account": found.account,
        "platform": Platform.OTHER.value,
        "store": "",
        "cause": cause.value,
        "stage": new_stage.value,
        "status": Status.OPEN.value,
        "severity": SEVERITY[new_stage],
        "confidence": 1.0,
        "needs_review": 0,
        "sender": SenderVerdict.UNPROVEN.value,
        "language": "und",
        "title": found.subject,
    }
    detail = {"subject": found.subject, "message": message}
    event = history.open_case(db, columns, detail, by=by, now=now)
    case = event.case_id
    db.execute("UPDATE messages SET case_id = ?, outcome = 'warning' WHERE id = ?", (case, message))
    known = existing(db, case)
    _remember(db, message, event.id, known, cause, new_stage, by, now, source)
    return event


def believe(db: Database, case: int, *, by: str, now: datetime) -> CaseEvent:
    """A mail that was taken for forged is the platform's after all: an ordinary case from now on, with its limit.

    Raises:
        UsageError: no such case, or it is not taken for forged.
    """
    with transaction(db):
        known = existing(db, case)
        if known.sender is not SenderVerdict.FORGED:
            raise UsageError(f"case {case} is not taken for forged", "not_forged")
        decided = [message.decision for message in messages.of_case(db, case) if message.decision is not None]
        limit = next((decision.deadline for decision in decided if decision.deadline), None)
        changes = {
            "sender": SenderVerdict.UNPROVEN.value,
            "severity": SEVERITY[known.stage],
            **history.deadline_columns(limit),
        }
        event = history.change(db, case, "believed", changes, by=by, now=now)
        for decision in decided:
            matching.remember(db, case, replace(decision, sender=SenderVerdict.UNPROVEN))
        return event


def undo(db: Database, case: int, *, by: str, now: datetime) -> CaseEvent:
    """Take back the last thing a person did to a case.

    Raises:
        UsageError: no such case, or nothing to take back.
    """
    with transaction(db):
        known = existing(db, case)
        events = history.of_case(db, case)
        undone = history.undone(events)
        by_people = [e for e in events if e.kind in _UNDOABLE and e.by != history.DAEMON and e.id not in undone]
        last = by_people[-1] if by_people else None
        if known.merged_into is not None:
            raise UsageError(
                f"case {case} is merged into case {known.merged_into}; to take that back: triage undo {known.merged_into}",
                "merged",
                into=known.merged_into,
            )
        if last is None:
            raise UsageError(f"case {case}: nobody has changed it, so there is nothing to take back", "nothing_to_undo")
        if last.kind in {"merged", "split"}:
            return regrouping.take_back(db, last, by=by, now=now)
        was: Mapping[str, Any] = last.detail.get("was", {})
        db.execute("UPDATE corrections SET undone_at = ? WHERE event_id = ?", (stored(now), last.id))
        detail = {"event": last.id, "undid": last.kind}
        if last.kind in {"corrected", "believed"} and any(m.decision for m in messages.of_case(db, case)):
            # Mails may have come since: the case is made of all of them, without the correction.
            status = {name: value for name, value in was.items() if name == "status"}
            return regrouping.made_anew(db, case, "undone", detail, by=by, now=now, more=status, without=last.id)
        return history.change(db, case, "undone", dict(was), by=by, now=now, detail=detail)


def _remember(
    db: Database, message: int, event: int, was: Case, cause: Cause, stage: Stage, by: str, now: datetime, source: str
) -> None:
    """Keep a correction as something to learn from."""
    from triage.learn import corrections  # reads a mail; what needs no correction does not wait for that

    made = db.execute(
        """INSERT INTO corrections (message_id, event_id, at, by, was, cause, stage, source)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id""",
        (
            message,
            event,
            stored(now),
            by,
            json.dumps({"cause": was.cause, "stage": was.stage}),
            cause.value,
            stage.value,
            source,
        ),
    ).fetchone()
    corrections.remember(db, made[0])
