"""What is wrong with the service itself, so that it is told once when it begins and once when it is well again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from triage.store.moments import moment, stored

if TYPE_CHECKING:
    from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that lasts until it is mended."""

    topic: str  # "disk", "model", "silence:shop"
    kind: str  # disk_low, model_down, mailbox_silent
    since: datetime
    detail: Mapping[str, Any]


def begin(db: Database, topic: str, kind: str, detail: Mapping[str, Any], now: datetime) -> bool:
    """Remember a trouble; whether it is new."""
    done = db.execute(
        "INSERT OR IGNORE INTO troubles (topic, kind, since, detail) VALUES (?, ?, ?, ?)",
        (topic, kind, stored(now), json.dumps(detail, ensure_ascii=False)),
    )
    return done.rowcount > 0


def end(db: Database, topic: str) -> Trouble | None:
    """Forget a trouble; what it was, or None if there was none."""
    found = next((trouble for trouble in listed(db) if trouble.topic == topic), None)
    if found:
        db.execute("DELETE FROM troubles WHERE topic = ?", (topic,))
    return found


def listed(db: Database) -> list[Trouble]:
    """All that last, the oldest first."""
    return [
        Trouble(row["topic"], row["kind"], moment(row["since"]), json.loads(row["detail"]))
        for row in db.query("SELECT * FROM troubles ORDER BY since, topic")
    ]
