"""How far each folder has been read. The cursor moves only in the transaction that stores what it vouches for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from triage.store.moments import maybe_moment, stored
from triage.types import Batch

if TYPE_CHECKING:
    from sqlite_utils import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where the reading of one folder stands."""

    account: str
    folder: str
    uidvalidity: int
    last_uid: int  # everything up to it is stored
    history_through: int  # UIDs up to this one were there before the daemon first looked
    history_told: bool  # the one summary alert of the history was queued
    last_success_at: datetime | None
    failing_since: datetime | None
    last_error: str
    told_failing: bool


def of(db: Database, account: str, folder: str) -> Cursor | None:
    """The folder's cursor, or None if it was never looked at."""
    rows = list(db.query("SELECT * FROM mailboxes WHERE account = ? AND folder = ?", [account, folder]))
    return _cursor(rows[0]) if rows else None


def every(db: Database) -> list[Cursor]:
    """All cursors, by account and folder."""
    return [_cursor(row) for row in db.query("SELECT * FROM mailboxes ORDER BY account, folder")]


def begin(db: Database, account: str, folder: str, uidvalidity: int, *, last_uid: int, history_through: int) -> None:
    """Start a folder, or start it anew after its UIDVALIDITY changed (RFC 3501, section 2.3.1.1).

    last_uid: messages up to it are too old to be read.
    """
    db.execute(
        """INSERT INTO mailboxes (account, folder, uidvalidity, last_uid, history_through) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (account, folder) DO UPDATE SET uidvalidity = excluded.uidvalidity,
           last_uid = excluded.last_uid, history_through = excluded.history_through""",
        (account, folder, uidvalidity, last_uid, history_through),
    )


def advance(db: Database, batch: Batch) -> None:
    """Move the cursor behind a batch that was stored in the same transaction; it never moves back."""
    db.execute(
        "UPDATE mailboxes SET last_uid = max(last_uid, ?) WHERE account = ? AND folder = ? AND uidvalidity = ?",
        (batch.last_uid, batch.account, batch.folder, batch.uidvalidity),
    )


def history_told(db: Database, account: str, folder: str) -> None:
    """Remember that the history of a folder was summed up."""
    db.execute("UPDATE mailboxes SET history_told = 1 WHERE account = ? AND folder = ?", (account, folder))


def succeeded(db: Database, account: str, folder: str, now: datetime) -> None:
    """The folder was read to its end."""
    db.execute(
        """UPDATE mailboxes SET last_success_at = ?, failing_since = NULL, last_error = NULL, told_failing = 0,
           last_uid = max(last_uid, history_through) WHERE account = ? AND folder = ?""",
        (stored(now), account, folder),
    )


def failed(db: Database, account: str, folder: str, reason: str, now: datetime) -> None:
    """The folder could not be read. A folder that was never reached gets its row here."""
    db.execute(
        """INSERT INTO mailboxes (account, folder, uidvalidity, failing_since, last_error) VALUES (?, ?, 0, ?, ?)
           ON CONFLICT (account, folder) DO UPDATE SET
           failing_since = coalesce(failing_since, excluded.failing_since), last_error = excluded.last_error""",
        (account, folder, stored(now), reason),
    )


def told_failing(db: Database, account: str, folder: str) -> None:
    """Remember that the owner was told."""
    db.execute("UPDATE mailboxes SET told_failing = 1 WHERE account = ? AND folder = ?", (account, folder))


def _cursor(row: dict[str, object]) -> Cursor:
    return Cursor(
        account=str(row["account"]),
        folder=str(row["folder"]),
        uidvalidity=int(str(row["uidvalidity"])),
        last_uid=int(str(row["last_uid"])),
        history_through=int(str(row["history_through"])),
        history_told=bool(row["history_told"]),
        last_success_at=maybe_moment(row["last_success_at"]),  # type: ignore[arg-type]
        failing_since=maybe_moment(row["failing_since"]),  # type: ignore[arg-type]
        last_error=str(row["last_error"] or ""),
        told_failing=bool(row["told_failing"]),
    )
