"""What goes out together: updates of one matter, and many like alerts, become one message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from triage.store.moments import moment, stored

if TYPE_CHECKING:
    from sqlite_utils import Database

#: Of a row that is still to be delivered.
WAITING = "delivered_at IS NULL AND gave_up_at IS NULL"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an alert stands in the queue of a target."""

    bundle: str  # rows with the same one are one message
    due_at: datetime
    rank: int


def placed(db: Database, target: str, topic: str, alike: str, wanted: Place, within: timedelta, now: datetime) -> Place:
    """Where a new alert goes.

    - To what waits about the same topic: one message says both; at once if the new one cannot wait.
    - An alert that cannot wait (rank 0) goes alone, when it is due.
    - Was the topic told within the window, it waits for the window's end; what comes meanwhile joins it.
    - The same for alerts that are alike: the first goes at once, those that follow within the window are one message.
    """
    own = Place(topic, wanted.due_at, wanted.rank)
    waiting = db.execute(
        f"SELECT bundle, due_at, rank, attempts FROM alerts WHERE target = ? AND topic = ? AND {WAITING} LIMIT 1",
        [target, topic],
    ).fetchone()
    if waiting:
        return _joined(db, target, own, Place(waiting[0], moment(waiting[1]), waiting[2]), failing=waiting[3] > 0)
    if wanted.rank == 0 or not within:
        return own
    told = db.execute(
        "SELECT max(delivered_at) FROM alerts WHERE target = ? AND topic = ? AND delivered_at > ?",
        [target, topic, stored(now - within)],
    ).fetchone()[0]
    if told:
        return Place(topic, max(wanted.due_at, moment(told) + within), wanted.rank)
    return _with_others(db, target, alike, own, within, now) if alike else own


def _joined(db: Database, target: str, own: Place, there: Place, *, failing: bool) -> Place:
    """Into the message that waits about the topic; for what cannot wait, the topic leaves its group."""
    if own.rank > 0 or (own.due_at >= there.due_at and there.rank == 0):
        return there
    joined = Place(there.bundle, there.due_at if failing else min(own.due_at, there.due_at), own.rank)
    if there.bundle != own.bundle:
        joined = Place(own.bundle, joined.due_at, joined.rank)
    db.execute(
        f"UPDATE alerts SET bundle = ?, due_at = ?, rank = ? WHERE target = ? AND topic = ? AND {WAITING}",
        (joined.bundle, stored(joined.due_at), joined.rank, target, own.bundle),
    )
    return joined


def _with_others(db: Database, target: str, alike: str, own: Place, within: timedelta, now: datetime) -> Place:
    row = db.execute(
        """SELECT id, bundle, due_at, rank, created_at, delivered_at, gave_up_at, topic FROM alerts
           WHERE target = ? AND alike = ? AND created_at > ? AND rank > 0 ORDER BY id DESC LIMIT 1""",
        [target, alike, stored(now - within)],
    ).fetchone()
    if row is None:
        return own
    number, bundle, due_at, rank, created_at, delivered_at, gave_up_at, topic = row
    group = f"like:{number}"
    if delivered_at or gave_up_at:
        return Place(group, max(own.due_at, moment(created_at) + within), own.rank)
    if bundle == topic:  # it waits alone as yet
        db.execute(
            f"UPDATE alerts SET bundle = ? WHERE target = ? AND bundle = ? AND {WAITING}", (group, target, bundle)
        )
        bundle = group
    return Place(bundle, moment(due_at), rank)
