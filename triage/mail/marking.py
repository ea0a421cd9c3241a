"""What the configuration asks to be done with warnings in the mailbox: remembered with the warning, done once, then forgotten.

Marking twice is marking once, and a message that was moved is no longer there to be moved: so a crash between doing and
noting it changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from triage.types import Batch

if TYPE_CHECKING:
    from sqlite_utils import Database


def add(db: Database, batch: Batch, uid: int) -> None:
    """A message is to be marked, in the transaction that stores it."""
    db.execute(
        "INSERT OR IGNORE INTO to_mark (account, folder, uidvalidity, uid) VALUES (?, ?, ?, ?)",
        (batch.account, batch.folder, batch.uidvalidity, uid),
    )


def due(db: Database, account: str, folder: str, uidvalidity: int) -> list[int]:
    """UIDs of a folder that are still to be marked."""
    rows = db.execute(
        "SELECT uid FROM to_mark WHERE account = ? AND folder = ? AND uidvalidity = ? ORDER BY uid LIMIT 500",
        [account, folder, uidvalidity],
    )
    return [int(row[0]) for row in rows.fetchall()]


def done(db: Database, account: str, folder: str, uidvalidity: int, uids: list[int]) -> None:
    """They were; those of an earlier UIDVALIDITY can no longer be."""
    db.execute(
        "DELETE FROM to_mark WHERE account = ? AND folder = ? AND (uidvalidity <> ? OR uid <= ?)",
        (account, folder, uidvalidity, max(uids)),
    )
