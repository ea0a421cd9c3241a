"""How each target does: since when it fails, until when it is left alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from triage.alerts.outbox import LONGEST_PAUSE, pause
from triage.store.moments import maybe_moment, moment, stored

if TYPE_CHECKING:
    from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class Standing:
    """One target's row."""

    known_since: datetime
    failures: int  # in a row
    failing_since: datetime | None
    paused_until: datetime | None
    last_error: str
    told_failing: bool
    last_success_at: datetime | None


def known(db: Database, target: str, now: datetime) -> Standing:
    """A target's standing; one seen for the first time is known from now on."""
    sql = "SELECT * FROM targets WHERE name = ?"
    row = next(iter(db.query(sql, [target])), None)
    if row is None:
        db.execute("INSERT OR IGNORE INTO targets (name, known_since) VALUES (?, ?)", (target, stored(now)))
        row = next(iter(db.query(sql, [target])))
    return Standing(
        moment(row["known_since"]),
        row["failures"],
        maybe_moment(row["failing_since"]),
        maybe_moment(row["paused_until"]),
        row["last_error"] or "",
        bool(row["told_failing"]),
        maybe_moment(row["last_success_at"]),
    )


def succeeded(db: Database, target: str, now: datetime, *, pause: timedelta = timedelta(0)) -> None:
    """It took a message, and wants no other one for a while. pause: how long."""
    db.execute(
        """UPDATE targets SET failures = 0, failing_since = NULL, paused_until = ?, last_error = NULL,
           told_failing = 0, last_success_at = ? WHERE name = ?""",
        (stored(now + pause) if pause else None, stored(now), target),
    )


def failed(
    db: Database, target: str, reason: str, *, spread: float, now: datetime, until: datetime | None = None
) -> None:
    """It is not there, or takes nothing just now. until: when it said it will."""
    failures = known(db, target, now).failures + 1
    again = until or now + pause(failures, spread)
    db.execute(
        """UPDATE targets SET failures = ?, failing_since = coalesce(failing_since, ?), paused_until = ?, last_error = ?
           WHERE name = ?""",
        (failures, stored(now), stored(again), reason[:300], target),
    )


def told_failing(db: Database, target: str) -> None:
    """The others know that it fails."""
    db.execute("UPDATE targets SET told_failing = 1 WHERE name = ?", (target,))


def try_now(db: Database, target: str) -> None:
    """A person wants it tried again at once."""
    db.execute("UPDATE targets SET paused_until = NULL WHERE name = ?", (target,))


def clock_was_set(db: Database, now: datetime) -> None:
    """No pause is longer than the longest; one that seems to be was begun when the clock was ahead."""
    limit = stored(now + LONGEST_PAUSE)
    db.execute("UPDATE targets SET paused_until = NULL WHERE paused_until > ?", (limit,))
