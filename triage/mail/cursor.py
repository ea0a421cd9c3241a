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
    last_uid: int  # new mail up to it is stored
    history_through: int  # UIDs up to this one were there before the daemon first looked
    history_uid: int  # history up to it is stored
    history_told: bool  # the one summary alert of the history was queued
    backlog: int  # messages that were still to be read when last counted
    backlog_of: int  # ... of so many
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
    history_through: messages up to it were there before; 0 if everything counts as new.
    """
    db.execute(
        """INSERT INTO mailboxes (account, folder, uidvalidity, last_uid, history_through, history_uid)
           VALUES (:account, :folder, :uidvalidity, :last_uid, :history_through, :history_uid)
           ON CONFLICT (account, folder) DO UPDATE SET uidvalidity = excluded.uidvalidity,
           last_uid = excluded.last_uid, history_through = excluded.history_through, history_uid = excluded.history_uid""",
        {
            "account": account,
            "folder": folder,
            "uidvalidity": uidvalidity,
            "last_uid": max(last_uid, history_through),
            "history_through": history_through,
            "history_uid": min(last_uid, history_through),
        },
    )


def advance(db: Database, batch: Batch) -> None:
    """Move the cursor behind a batch that was stored in the same transaction; it never moves back."""
    db.execute(
        """UPDATE mailboxes SET backlog = max(backlog - :read, 0),
           last_uid = iif(:history, last_uid, max(last_uid, :uid)),
           history_uid = iif(:history, max(history_uid, :uid), history_uid)
           WHERE account = :account AND folder = :folder AND uidvalidity = :uidvalidity""",
        {
            "read": len(batch.messages),
            "history": batch.history,
            "uid": batch.last_uid,
            "account": batch.account,
            "folder": batch.folder,
            "uidvalidity": batch.uidvalidity,
        },
    )


def counted(db: Database, account: str, folder: str, backlog: int) -> None:
    """So many messages are still to be read; a smaller number than before is progress on the same pile."""
    db.execute(
        """UPDATE mailboxes SET backlog_of = iif(backlog = 0, :now, max(backlog_of, :now)), backlog = :now
           WHERE account = :account AND folder = :folder""",
        {"now": backlog, "account": account, "folder": folder},
    )


def history_told(db: Database, account: str, folder: str) -> None:
    """Remember that the history of a folder was summed up."""
    db.execute("UPDATE mailboxes SET history_told = 1 WHERE account = ? AND folder = ?", (account, folder))


def succeeded(db: Database, account: str, folder: str, now: datetime) -> None:
    """The folder was read to its end."""
    db.execute(
        """UPDATE mailboxes SET last_success_at = ?, failing_since = NULL, last_error = NULL, told_failing = 0,
           history_uid = history_through, backlog = 0, backlog_of = 0 WHERE account = ? AND folder = ?""",
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
        history_uid=int(str(row["history_uid"])),
        history_told=bool(row["history_told"]),
        backlog=int(str(row["backlog"])),
        backlog_of=int(str(row["backlog_of"])),
        last_success_at=maybe_moment(row["last_success_at"]),  # type: ignore[arg-type]
        failing_since=maybe_moment(row["failing_since"]),  # type: ignore[arg-type]
        last_error=str(row["last_error"] or ""),
        told_failing=bool(row["told_failing"]),
    )
