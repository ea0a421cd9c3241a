"""The outbox: one row for each alert and target. A row is marked delivered only after the target took it.

Rows that share a bundle go out as one message. What waits about one topic - a case, a mailbox - is always in one
bundle, so that nothing about it can be overtaken.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from triage.alerts.grouping import WAITING, Place, placed
from triage.store.moments import maybe_moment, moment, stored

if TYPE_CHECKING:
    from sqlite_utils import Database

FIRST_PAUSE = timedelta(seconds=15)
#: Reached at the ninth failure. Platforms give 24 hours at the least; an alert must not sleep through them.
LONGEST_PAUSE = timedelta(hours=1)
#: Alerts in one message; the list shows fewer, and more would not be read.
MOST_IN_ONE = 100
#: In this order they leave when many wait: what cannot wait, everything else, digests.
PRESSING, ORDINARY, LATE = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """An alert on its way to one target."""

    id: int
    target: str
    kind: str  # case_opened, case_advanced, phishing, reminder, digest, history, mailbox_down ...: see words.toml
    topic: str  # what it is about: "case:17", "mailbox:shop/INBOX"
    alike: str  # alerts with the same words here are like each other; "" for none
    bundle: str
    rank: int
    case_id: int | None
    detail: Mapping[str, Any]
    created_at: datetime
    due_at: datetime
    attempts: int
    last_error: str
    delivered_at: datetime | None
    gave_up_at: datetime | None
    key: str

    @property
    def state(self) -> str:
        """delivered, given_up, failing or waiting."""
        if self.delivered_at:
            return "delivered"
        if self.gave_up_at:
            return "given_up"
        return "failing" if self.attempts else "waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A target, and when it may have an alert at the earliest."""

    target: str
    due_at: datetime
    rank: int | None = None  # of the alert there, if another than elsewhere


def queue(
    db: Database,
    targets: Iterable[str | Way],
    kind: str,
    key: str,
    *,
    now: datetime,
    case: int | None = None,
    topic: str = "",
    detail: Mapping[str, Any] | None = None,
    alike: str = "",
    within: timedelta = timedelta(0),
    rank: int = ORDINARY,
) -> None:
    """Put an alert into the outbox for each target. The same key goes to the same target once.

    topic: what it is about, by default its case; alike, within: see grouping; targets that are only names may have it
    at once.
    """
    about = topic or (f"case:{case}" if case is not None else f"alert:{key}")
    for each in targets:
        way = each if isinstance(each, Way) else Way(target=each, due_at=now)
        if db.execute("SELECT 1 FROM alerts WHERE target = ? AND dedupe_key = ?", (way.target, key)).fetchone():
            continue
        place = placed(
            db, way.target, about, alike, Place("", way.due_at, rank if way.rank is None else way.rank), within, now
        )
        db.execute(
            """INSERT INTO alerts (target, dedupe_key, kind, case_id, detail, created_at, due_at, topic, alike, bundle,
                                   rank) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (way.target, key, kind, case, json.dumps(detail or {}, ensure_ascii=False), stored(now),
             stored(place.due_at), about, alike, place.bundle, place.rank),
        )  # fmt: skip


def next_message(db: Database, target: str, now: datetime) -> list[Queued]:
    """The alerts a target should get next, as one message, the oldest first; nothing if none is due."""
    for rank in (PRESSING, ORDINARY, LATE):
        row = db.execute(
            f"""SELECT bundle FROM alerts WHERE target = ? AND rank = ? AND due_at <= ? AND {WAITING}
                ORDER BY due_at, id LIMIT 1""",
            [target, rank, stored(now)],
        ).fetchone()
        if row:
            rows = db.query(
                f"SELECT * FROM alerts WHERE target = ? AND bundle = ? AND {WAITING} ORDER BY id LIMIT {MOST_IN_ONE}",
                [target, row[0]],
            )
            return [_queued(each) for each in rows]
    return []


def due(db: Database, target: str, now: datetime, limit: int = 50) -> list[Queued]:
    """Alerts a target should get now, the oldest first."""
    rows = db.query(
        f"SELECT * FROM alerts WHERE target = ? AND due_at <= ? AND {WAITING} ORDER BY id LIMIT ?",
        [target, stored(now), limit],
    )
    return [_queued(row) for row in rows]


def delivered(db: Database, alerts: Sequence[Queued], now: datetime) -> None:
    """The target took them."""
    db.conn.executemany(
        "UPDATE alerts SET delivered_at = ?, attempts = attempts + 1, last_error = NULL WHERE id = ?",
        [(stored(now), alert.id) for alert in alerts],
    )


def failed(
    db: Database, alerts: Sequence[Queued], reason: str, *, tries: int, spread: float, now: datetime
) -> list[Queued]:
    """The target did not take them. Returns those for which this was the last try.

    All that wait in the bundle wait together, with the oldest's pause: what joined it must not come before.
    """
    attempts = max(alert.attempts for alert in alerts) + 1
    again = stored(now + pause(attempts, spread))
    last = [alert for alert in alerts if alert.attempts + 1 >= tries]
    db.conn.executemany(
        "UPDATE alerts SET attempts = attempts + 1, last_error = ?, gave_up_at = ? WHERE id = ?",
        [(reason[:300], stored(now) if alert in last else None, alert.id) for alert in alerts],
    )
    db.execute(
        f"UPDATE alerts SET due_at = ? WHERE target = ? AND bundle = ? AND {WAITING}",
        (again, alerts[0].target, alerts[0].bundle),
    )
    return last


def withdraw(db: Database, case: int, now: datetime, *, why: str, kind: str | None = None) -> None:
    """What is still waiting about a case, or only one kind of it, is no longer true and will not be sent."""
    db.execute(
        f"UPDATE alerts SET gave_up_at = ?, last_error = ? WHERE case_id = ? AND (? IS NULL OR kind = ?) AND {WAITING}",
        (stored(now), f"withdrawn: {why}", case, kind, kind),
    )


def retry(db: Database, alert: int, now: datetime) -> bool:
    """Try an alert again now, with all its tries before it, and what waits about the same topic with it; whether there
    is such an alert that was not delivered."""
    known = get(db, alert)
    if known is None or known.delivered_at is not None:
        return False
    db.execute("UPDATE alerts SET gave_up_at = NULL WHERE id = ?", (alert,))
    db.execute(
        f"UPDATE alerts SET due_at = ?, attempts = 0, bundle = topic WHERE target = ? AND topic = ? AND {WAITING}",
        (stored(now), known.target, known.topic),
    )
    return True


def drop(db: Database, alert: int, by: str, now: datetime) -> bool:
    """Send an alert no more; whether it was waiting."""
    changed = db.execute(
        f"UPDATE alerts SET gave_up_at = ?, last_error = ? WHERE id = ? AND {WAITING}",
        (stored(now), f"dropped by {by}"[:300], alert),
    )
    return changed.rowcount > 0


def pause(failures: int, spread: float) -> timedelta:
    """How long to leave a target alone after so many failures in a row (1, 2, ...).

    Doubles from FIRST_PAUSE to LONGEST_PAUSE; spread, a number in [0, 1) that the caller draws, adds up to a
    half, so that targets which fell together do not come back together.
    """
    exact = min(FIRST_PAUSE * (1 << min(failures - 1, 32)), LONGEST_PAUSE)
    return exact * (1 + spread / 2)


def get(db: Database, alert: int) -> Queued | None:
    """One alert, or None."""
    rows = list(db.query("SELECT * FROM alerts WHERE id = ?", [alert]))
    return _queued(rows[0]) if rows else None


def of_case(db: Database, case: int) -> list[Queued]:
    """Alerts about a case, oldest first."""
    return [_queued(row) for row in db.query("SELECT * FROM alerts WHERE case_id = ? ORDER BY id", [case])]


def listed(db: Database, *, state: str = "open", target: str | None = None, limit: int = 200) -> list[Queued]:
    """Alerts in one state, the newest last: open (waiting or failing), failing, given_up, delivered, all."""
    wheres = {
        "open": WAITING,
        "failing": f"{WAITING} AND attempts > 0",
        "given_up": "gave_up_at IS NOT NULL",
        "delivered": "delivered_at IS NOT NULL",
        "all": "1",
    }
    rows = db.query(
        f"SELECT * FROM alerts WHERE {wheres[state]} AND (? IS NULL OR target = ?) ORDER BY id DESC LIMIT ?",
        [target, target, limit],
    )
    return [_queued(row) for row in rows][::-1]


def was_queued(db: Database, key: str) -> bool:
    """Whether an alert of this key was ever put in for any target."""
    return db.execute("SELECT 1 FROM alerts WHERE dedupe_key = ? LIMIT 1", [key]).fetchone() is not None


def waiting(db: Database, target: str | None = None) -> int:
    """How many are still to be delivered, to one target or all."""
    sql = f"SELECT count(*) FROM alerts WHERE {WAITING} AND (? IS NULL OR target = ?)"
    return int(db.execute(sql, [target, target]).fetchone()[0])


def given_up(db: Database) -> int:
    """How many were given up by the service itself; what a person dropped or what was withdrawn is none."""
    sql = "SELECT count(*) FROM alerts WHERE gave_up_at IS NOT NULL AND last_error NOT GLOB ? AND last_error NOT GLOB ?"
    return int(db.execute(sql, ["withdrawn:*", "dropped by *"]).fetchone()[0])


def _queued(row: Mapping[str, Any]) -> Queued:
    return Queued(
        id=row["id"],
        target=row["target"],
        kind=row["kind"],
        topic=row["topic"],
        alike=row["alike"],
        bundle=row["bundle"],
        rank=row["rank"],
        case_id=row["case_id"],
        detail=json.loads(row["detail"]),
        created_at=moment(row["created_at"]),
        due_at=moment(row["due_at"]),
        attempts=row["attempts"],
        last_error=row["last_error"] or "",
        delivered_at=maybe_moment(row["delivered_at"]),
        gave_up_at=maybe_moment(row["gave_up_at"]),
        key=row["dedupe_key"],
    )


def clock_was_set(db: Database, now: datetime) -> None:
    """Alerts that were made when the clock was ahead are due at once: nobody knows when they were meant to leave."""
    db.execute(
        """UPDATE alerts SET created_at = :now, due_at = min(due_at, :now)
           WHERE delivered_at IS NULL AND gave_up_at IS NULL AND created_at > :now""",
        {"now": stored(now)},
    )
