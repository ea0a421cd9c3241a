"""The outbox: one row for each alert and target. A row is marked delivered only after the target took it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from triage.store.moments import maybe_moment, moment, stored

if TYPE_CHECKING:
    from sqlite_utils import Database

FIRST_PAUSE = timedelta(seconds=15)
#: Reached at the ninth failure. Platforms give 24 hours at the least; an alert must not sleep through them.
LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """An alert on its way to one target."""

    id: int
    target: str
    kind: str  # case_opened, case_advanced, history, mailbox_down, mailbox_up, quarantined, target_failed, test
    case_id: int | None
    detail: Mapping[str, Any]
    created_at: datetime
    due_at: datetime
    attempts: int
    last_error: str
    delivered_at: datetime | None
    gave_up_at: datetime | None


def queue(
    db: Database,
    targets: Iterable[str],
    kind: str,
    key: str,
    *,
    now: datetime,
    case: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Put an alert into the outbox for each target. The same key goes to the same target once."""
    db.conn.executemany(
        """INSERT OR IGNORE INTO alerts (target, dedupe_key, kind, case_id, detail, created_at, due_at)
           VALUES (?, ?, ?, ?, ?, ?, ?)""",
        [
            (target, key, kind, case, json.dumps(detail or {}, ensure_ascii=False), stored(now), stored(now))
            for target in targets
        ],
    )


def due(db: Database, target: str, now: datetime, limit: int = 50) -> list[Queued]:
    """Alerts a target should get now, the oldest first."""
    rows = db.query(
        """SELECT * FROM alerts WHERE target = ? AND due_at <= ? AND delivered_at IS NULL AND gave_up_at IS NULL
           ORDER BY id LIMIT ?""",
        [target, stored(now), limit],
    )
    return [_queued(row) for row in rows]


def delivered(db: Database, alert: int, now: datetime) -> None:
    """The target took it."""
    db.execute(
        "UPDATE alerts SET delivered_at = ?, attempts = attempts + 1, last_error = NULL WHERE id = ?",
        (stored(now), alert),
    )


def failed(db: Database, alert: Queued, reason: str, *, tries: int, spread: float, now: datetime) -> bool:
    """The target did not take it. Returns whether this was the last try."""
    attempts = alert.attempts + 1
    last = attempts >= tries
    db.execute(
        "UPDATE alerts SET attempts = ?, last_error = ?, due_at = ?, gave_up_at = ? WHERE id = ?",
        (attempts, reason[:300], stored(now + pause(attempts, spread)), stored(now) if last else None, alert.id),
    )
    return last


def withdraw(db: Database, case: int, now: datetime) -> None:
    """What is still waiting about a case is no longer true and will not be sent."""
    db.execute(
        """UPDATE alerts SET gave_up_at = ?, last_error = 'withdrawn: the case is no warning'
           WHERE case_id = ? AND delivered_at IS NULL AND gave_up_at IS NULL""",
        (stored(now), case),
    )


def pause(failures: int, spread: float) -> timedelta:
    """How long to leave a target alone after so many failures in a row (1, 2, ...).

    Doubles from FIRST_PAUSE to LONGEST_PAUSE; spread, a number in [0, 1) that the caller draws, adds up to a
    half, so that targets which fell together do not come back together.
    """
    exact = min(FIRST_PAUSE * (1 << min(failures - 1, 32)), LONGEST_PAUSE)
    return exact * (1 + spread / 2)


def of_case(db: Database, case: int) -> list[Queued]:
    """Alerts about a case, oldest first."""
    return [_queued(row) for row in db.query("SELECT * FROM alerts WHERE case_id = ? ORDER BY id", [case])]


def waiting(db: Database) -> int:
    """How many are still to be delivered."""
    return int(
        db.execute("SELECT count(*) FROM alerts WHERE delivered_at IS NULL AND gave_up_at IS NULL").fetchone()[0]
    )


def _queued(row: Mapping[str, Any]) -> Queued:
    return Queued(
        id=row["id"],
        target=row["target"],
        kind=row["kind"],
        case_id=row["case_id"],
        detail=json.loads(row["detail"]),
        created_at=moment(row["created_at"]),
        due_at=moment(row["due_at"]),
        attempts=row["attempts"],
        last_error=row["last_error"] or "",
        delivered_at=maybe_moment(row["delivered_at"]),
        gave_up_at=maybe_moment(row["gave_up_at"]),
    )
