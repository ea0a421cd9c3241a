"""Messages nothing could be made of: kept whole, so that they block nothing and are not lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from triage.store.moments import moment, stored
from triage.types import Batch, RawMessage

if TYPE_CHECKING:
    from sqlite_utils import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """One message there."""

    id: int
    account: str
    folder: str
    uidvalidity: int
    uid: int
    received_at: datetime
    reason: str
    raw: bytes  # empty if the server did not give it


def listed(db: Database) -> list[SetAside]:
    """All of them, in the order in which they came."""
    return [_set_aside(row) for row in db.query("SELECT * FROM quarantine ORDER BY id")]


def get(db: Database, number: int) -> SetAside | None:
    """One of them."""
    return next((_set_aside(row) for row in db.query("SELECT * FROM quarantine WHERE id = ?", [number])), None)


def remove(db: Database, number: int) -> None:
    """Something was made of it."""
    db.execute("DELETE FROM quarantine WHERE id = ?", (number,))


def still(db: Database, number: int, reason: str) -> None:
    """It was tried again and still cannot be read."""
    db.execute("UPDATE quarantine SET reason = ? WHERE id = ?", (reason, number))


def keep(db: Database, batch: Batch, message: RawMessage, reason: str) -> None:
    """Put one message of a batch aside; a second time changes nothing."""
    db.execute(
        """INSERT OR IGNORE INTO quarantine (account, folder, uidvalidity, uid, received_at, reason, raw)
           VALUES (?, ?, ?, ?, ?, ?, ?)""",
        (
            batch.account,
            batch.folder,
            batch.uidvalidity,
            message.uid,
            stored(message.received_at),
            reason,
            message.raw,
        ),
    )


def count(db: Database) -> int:
    """How many messages are waiting there."""
    return int(db.execute("SELECT count(*) FROM quarantine").fetchone()[0])


def _set_aside(row: dict[str, Any]) -> SetAside:
    return SetAside(**{**row, "received_at": moment(row["received_at"])})
