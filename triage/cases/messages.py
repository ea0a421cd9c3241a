"""One row for every message ever seen: what it was, who decided, and for warnings the original."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from triage.cases.decisions import packed, unpacked
from triage.store.moments import moment, stored
from triage.types import Batch, Decision, Mail, RawMessage

if TYPE_CHECKING:
    from sqlite_utils import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message as stored."""

    id: int
    account: str
    folder: str
    uidvalidity: int
    uid: int
    message_id: str
    received_at: datetime
    sender: str
    subject: str
    outcome: str  # warning, review, ordinary, duplicate, quarantined
    decision: Decision | None
    model: str
    case_id: int | None


def insert(
    db: Database,
    batch: Batch,
    message: RawMessage,
    *,
    digest: str,
    outcome: str,
    mail: Mail | None = None,
    decision: Decision | None = None,
    case_id: int | None = None,
) -> int:
    """Store what became of a message, once; its row's id. The original is kept for what a case is made of."""
    keep = decision is not None and decision.kept and outcome != "duplicate"
    row = db.execute(
        """INSERT OR IGNORE INTO messages (account, folder, uidvalidity, uid, message_id, digest, received_at, sender,
           subject, outcome, decision, model, case_id, original) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           RETURNING id""",
        (
            batch.account,
            batch.folder,
            batch.uidvalidity,
            message.uid,
            mail.message_id if mail else "",
            digest,
            stored(message.received_at),
            mail.sender.email if mail else "",
            mail.subject if mail else "",
            outcome,
            packed(decision) if keep and decision else None,
            decision.model if decision else "",
            case_id,
            zlib.compress(message.raw, 6) if keep else None,
        ),
    ).fetchone()
    return int(row[0]) if row else 0


def insert_ordinary(db: Database, batch: Batch, found: Sequence[tuple[RawMessage, Mail, Decision]]) -> None:
    """Store that some messages of a batch are ordinary, or copies of what is stored already: in one statement, since nearly
    all mail is. What was stored before stays as it is."""
    db.conn.executemany(
        """INSERT OR IGNORE INTO messages (account, folder, uidvalidity, uid, message_id, digest, received_at, sender,
           subject, outcome, decision, model, case_id, original)
           SELECT :account, :folder, :uidvalidity, :uid, :message_id, :digest, :received_at, :sender, :subject,
                  iif(twin.id IS NULL, 'ordinary', 'duplicate'), NULL, :model, twin.case_id, NULL
           FROM (SELECT 1) LEFT JOIN (SELECT id, case_id FROM messages
                                      WHERE account = :account AND digest = :digest ORDER BY id LIMIT 1) AS twin""",
        [
            {
                "account": batch.account,
                "folder": batch.folder,
                "uidvalidity": batch.uidvalidity,
                "uid": message.uid,
                "message_id": mail.message_id,
                "digest": mail.digest,
                "received_at": stored(message.received_at),
                "sender": mail.sender.email,
                "subject": mail.subject,
                "model": decision.model,
            }
            for message, mail, decision in found
        ],
    )


def forget_quarantined(db: Database, account: str, folder: str, uidvalidity: int, uid: int) -> None:
    """Of a message that was put aside: as if it had not come yet."""
    db.execute(
        "DELETE FROM messages WHERE account = ? AND folder = ? AND uidvalidity = ? AND uid = ? AND outcome = 'quarantined'",
        (account, folder, uidvalidity, uid),
    )


def seen(db: Database, batch: Batch, uid: int) -> bool:
    """Whether this very message was stored before."""
    found = db.execute(
        "SELECT 1 FROM messages WHERE account = ? AND folder = ? AND uidvalidity = ? AND uid = ?",
        (batch.account, batch.folder, batch.uidvalidity, uid),
    ).fetchone()
    return found is not None


def number(db: Database, account: str, folder: str, uidvalidity: int, uid: int) -> int | None:
    """The id of a stored message by its place in the mailbox, or None."""
    found = db.execute(
        "SELECT id FROM messages WHERE account = ? AND folder = ? AND uidvalidity = ? AND uid = ?",
        (account, folder, uidvalidity, uid),
    ).fetchone()
    return int(found[0]) if found else None


def twin(db: Database, account: str, digest: str) -> tuple[int, int | None] | None:
    """The first stored copy of the very same bytes, as (id, case): in another folder, or before a new UIDVALIDITY.

    The digest decides, not the Message-ID: anybody can copy that one.
    """
    row = db.execute(
        "SELECT id, case_id FROM messages WHERE account = ? AND digest = ? ORDER BY id LIMIT 1", (account, digest)
    ).fetchone()
    return (int(row[0]), row[1]) if row else None


def get(db: Database, message: int) -> StoredMessage | None:
    """One message, or None."""
    rows = list(db.query("SELECT * FROM messages WHERE id = ?", [message]))
    return _message(rows[0]) if rows else None


def of_case(db: Database, case: int) -> list[StoredMessage]:
    """A case's messages in the order they were stored."""
    return [_message(row) for row in db.query("SELECT * FROM messages WHERE case_id = ? ORDER BY id", [case])]


def arrivals(db: Database, account: str, *, since: datetime) -> list[datetime]:
    """When an account's messages since a moment came, the oldest first."""
    rows = db.execute(
        "SELECT received_at FROM messages WHERE account = ? AND received_at >= ? ORDER BY received_at",
        [account, stored(since)],
    ).fetchall()
    return [moment(row[0]) for row in rows]


def original(db: Database, message: int) -> bytes | None:
    """The raw bytes of a message, where they were kept."""
    row = db.execute("SELECT original FROM messages WHERE id = ?", [message]).fetchone()
    return unpacked_original(row[0]) if row and row[0] is not None else None


def packed_originals(db: Database, messages: Sequence[int]) -> dict[int, bytes]:
    """The originals of those of some messages that were kept, by message, as they are stored."""
    marks = ", ".join("?" * len(messages))
    found = db.execute(
        f"SELECT id, original FROM messages WHERE id IN ({marks}) AND original IS NOT NULL",  # noqa: S608 - marks only
        list(messages),
    )
    return dict(found.fetchall())


def unpacked_original(packed: bytes) -> bytes:
    """The raw bytes of an original as it is stored."""
    return zlib.decompress(packed)


def keep_original(db: Database, message: int, raw: bytes) -> None:
    """Add the original of a message that was thought ordinary when it came."""
    db.execute("UPDATE messages SET original = ? WHERE id = ?", (zlib.compress(raw, 6), message))


def _message(row: Mapping[str, Any]) -> StoredMessage:
    return StoredMessage(
        id=row["id"],
        account=row["account"],
        folder=row["folder"],
        uidvalidity=row["uidvalidity"],
        uid=row["uid"],
        message_id=row["message_id"],
        received_at=moment(row["received_at"]),
        sender=row["sender"],
        subject=row["subject"],
        outcome=row["outcome"],
        decision=unpacked(row["decision"]) if row["decision"] else None,
        model=row["model"],
        case_id=row["case_id"],
    )
