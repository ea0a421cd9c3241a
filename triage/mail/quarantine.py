"""Messages nothing could be made of: kept whole, so that they block nothing and are not lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triage.store.moments import stored
from triage.types import Batch, RawMessage

if TYPE_CHECKING:
    from sqlite_utils import Database


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
