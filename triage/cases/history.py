"""The append-only history of every case. Nothing in a case changes without an event; a change happens here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from triage.labels import Status
from triage.store.moments import moment, stored
from triage.types import CaseEvent, Deadline

if TYPE_CHECKING:
    from sqlite_utils import Database

#: Who acts when no person does.
DAEMON = "triage"
_COLUMNS = frozenset(
    [
        "platform",
        "store",
        "cause",
        "also",
        "stage",
        "status",
        "severity",
        "confidence",
        "needs_review",
        "sender",
        "deadline_at",
        "deadline_text",
        "deadline_assumed",
        "assignee",
        "attempts",
        "final",
        "marketplaces",
        "money",
        "merged_into",
        "title",
        "open_since",
        "snoozed_until",
        "likeness",
        "language",
    ]
)


def deadline_columns(deadline: Deadline | None) -> dict[str, Any]:
    """A case's columns of its deadline, or of none."""
    return {
        "deadline_at": stored(deadline.at) if deadline else None,
        "deadline_text": deadline.text if deadline else None,
        "deadline_assumed": int(deadline.assumed) if deadline else 0,
    }


def open_case(
    db: Database, columns: Mapping[str, Any], detail: Mapping[str, Any], *, by: str, now: datetime
) -> CaseEvent:
    """A new case with these columns, and the event that says so."""
    values = {**columns, "opened_at": stored(now), "updated_at": stored(now), "open_since": stored(now)}
    names, marks = ", ".join(values), ", ".join("?" * len(values))  # names are the callers' own, never a mail's
    row = db.execute(f"INSERT INTO cases ({names}) VALUES ({marks}) RETURNING id", (*values.values(),)).fetchone()  # noqa: S608
    return append(db, int(row[0]), "opened", detail, by=by, now=now)


def change(
    db: Database,
    case: int,
    kind: str,
    changes: Mapping[str, Any],
    *,
    by: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> CaseEvent:
    """Change columns of a case and record it, with what was there before, so that it can be undone."""
    unknown = set(changes) - _COLUMNS
    assert not unknown, f"no such columns: {unknown}"
    row = next(iter(db.query("SELECT * FROM cases WHERE id = ?", [case])))
    real: dict[str, Any] = {name: value for name, value in changes.items() if row[name] != value}
    if real.get("status") == Status.OPEN:
        real["open_since"] = stored(now)  # from now on somebody is waited for again
    sets = "".join(f"{name} = ?, " for name in real)  # names come from _COLUMNS
    db.execute(f"UPDATE cases SET {sets}updated_at = ? WHERE id = ?", (*real.values(), stored(now), case))  # noqa: S608
    content = {**(detail or {}), "was": {name: row[name] for name in real}, "is": real}
    return append(db, case, kind, content, by=by, now=now)


def append(db: Database, case: int, kind: str, detail: Mapping[str, Any], *, by: str, now: datetime) -> CaseEvent:
    """Record that something happened to a case."""
    row = db.execute(
        "INSERT INTO case_events (case_id, at, by, kind, detail) VALUES (?, ?, ?, ?, ?) RETURNING id",
        (case, stored(now), by, kind, json.dumps(detail, ensure_ascii=False)),
    ).fetchone()
    return CaseEvent(id=int(row[0]), case_id=case, at=now, by=by, kind=kind, detail=detail)


def of_case(db: Database, case: int) -> list[CaseEvent]:
    """Everything that happened to a case, oldest first."""
    return [_event(row) for row in db.query("SELECT * FROM case_events WHERE case_id = ? ORDER BY id", [case])]


def of_others(db: Database, case: int, by: str, *, after: int) -> list[CaseEvent]:
    """What everybody but one did to a case after an event, oldest first."""
    rows = db.query("SELECT * FROM case_events WHERE case_id = ? AND id > ? AND by <> ? ORDER BY id", [case, after, by])
    return [_event(row) for row in rows]


def ticked(db: Database, case: int) -> dict[str, CaseEvent]:
    """What is done in a case, without reading all of a long history."""
    kinds = "('ticked', 'unticked', 'undone')"
    rows = db.query(f"SELECT * FROM case_events WHERE case_id = ? AND kind IN {kinds} ORDER BY id", [case])  # noqa: S608
    return ticks([_event(row) for row in rows])


def _event(row: Mapping[str, Any]) -> CaseEvent:
    return CaseEvent(
        id=row["id"],
        case_id=row["case_id"],
        at=moment(row["at"]),
        by=row["by"],
        kind=row["kind"],
        detail=json.loads(row["detail"]),
    )


def undone(events: Iterable[CaseEvent]) -> set[int]:
    """The events that were taken back."""
    return {int(event.detail["event"]) for event in events if event.kind == "undone"}


def ticks(events: Sequence[CaseEvent]) -> dict[str, CaseEvent]:
    """What is done, by the name of the step or piece of evidence: the event that said so."""
    gone, done = undone(events), {}
    for event in events:
        if event.id not in gone and event.kind == "ticked":
            done[str(event.detail["item"])] = event
        elif event.id not in gone and event.kind == "unticked":
            done.pop(str(event.detail["item"]), None)
    return done
