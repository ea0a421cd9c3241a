"""What is no longer kept: old matters by themselves, a person's data when asked for. It is gone from the file, not only hidden."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from triage.labels import ENDED
from triage.store.moments import maybe_moment, stored
from triage.store.transaction import transaction

if TYPE_CHECKING:
    from sqlite_utils import Database

#: So many rows go in one transaction: nobody waits long behind it.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Found:
    """What would be forgotten."""

    cases: tuple[int, ...] = ()  # with their mails, history, notes, corrections and alerts
    messages: tuple[int, ...] = ()  # rows of mail that belongs to no case
    put_aside: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.cases or self.messages or self.put_aside)


def of_account(db: Database, account: str) -> Found:
    """Everything of a mailbox."""
    return Found(
        _numbers(db, "SELECT id FROM cases WHERE account = ?", account),
        _numbers(db, "SELECT id FROM messages WHERE account = ? AND case_id IS NULL", account),
        _numbers(db, "SELECT id FROM quarantine WHERE account = ?", account),
    )


def of_case(db: Database, case: int) -> Found:
    """One case."""
    return Found(_numbers(db, "SELECT id FROM cases WHERE id = ?", case))


def of_sender(db: Database, address: str) -> Found:
    """What an address has sent; of cases, those in which nobody else has."""
    return Found(
        _numbers(
            db,
            """SELECT case_id FROM messages WHERE case_id IS NOT NULL GROUP BY case_id
               HAVING sum(sender = :who) > 0 AND sum(sender <> :who) = 0""",
            {"who": address.lower()},
        ),
        _numbers(db, "SELECT id FROM messages WHERE case_id IS NULL AND sender = ?", address.lower()),
    )


def older_than(db: Database, keep: timedelta, now: datetime) -> Found:
    """Cases that ended so long ago, and ordinary mail of that age. Open cases stay, however old.

    A clock that is wrong by years must not cost the history: what counts is the newest mail, if that is older than now.
    """
    newest = maybe_moment(db.execute("SELECT max(received_at) FROM messages").fetchone()[0])
    if newest is None:
        return Found()
    before = stored(min(now, newest) - keep)
    ended = ", ".join(f"'{status}'" for status in ENDED)
    return Found(
        _numbers(db, f"SELECT id FROM cases WHERE status IN ({ended}) AND updated_at < ?", before),
        _numbers(db, "SELECT id FROM messages WHERE case_id IS NULL AND received_at < ?", before),
    )


def forget(db: Database, found: Found) -> None:
    """Delete it, in steps that each leave a whole database; in the file, what was deleted is overwritten."""
    db.execute("PRAGMA secure_delete = ON")
    for some in _parts(found.cases):
        _forget_cases(db, some)
    for some in _parts(found.messages):
        with transaction(db):
            _delete(db, "corrections", "message_id", some)
            _delete(db, "messages", "id", some)
    for some in _parts(found.put_aside):
        with transaction(db):
            _delete(db, "quarantine", "id", some)
    db.execute("INSERT INTO texts (texts) VALUES ('optimize')")  # the index keeps deleted words until it is merged
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the log holds what was there before


def forget_account(db: Database, account: str) -> None:
    """of_account() and where its reading stood: if it is configured again, it begins anew."""
    forget(db, of_account(db, account))
    with transaction(db):
        for table in ("mailboxes", "receiving_servers"):
            db.execute(f"DELETE FROM {table} WHERE account = ?", (account,))


def _forget_cases(db: Database, cases: Sequence[int]) -> None:
    with transaction(db):
        # What was merged into one of them is part of it.
        cases = (*cases, *_numbers(db, f"SELECT id FROM cases WHERE merged_into IN ({_marks(cases)})", *cases))
        messages = _numbers(db, f"SELECT id FROM messages WHERE case_id IN ({_marks(cases)})", *cases)
        events = _numbers(db, f"SELECT id FROM case_events WHERE case_id IN ({_marks(cases)})", *cases)
        for kind, refs in (("mail", messages), ("note", events)):
            db.execute(f"DELETE FROM texts WHERE kind = ? AND ref IN ({_marks(refs)})", (kind, *refs))
        _delete(db, "corrections", "message_id", messages)
        _delete(db, "corrections", "event_id", events)
        for table, column in (
            ("drafts", "case_id"), ("alerts", "case_id"), ("case_links", "case_id"), ("case_links", "other_id"), ("case_refs", "case_id"),
            ("case_events", "case_id"), ("messages", "case_id"),
        ):  # fmt: skip
            _delete(db, table, column, cases)
        _delete(db, "cases", "id", cases)


def _delete(db: Database, table: str, column: str, values: Sequence[int]) -> None:
    db.execute(f"DELETE FROM {table} WHERE {column} IN ({_marks(values)})", tuple(values))


def _numbers(db: Database, sql: str, *values: object) -> tuple[int, ...]:
    given = values[0] if len(values) == 1 and isinstance(values[0], dict) else values
    return tuple(int(row[0]) for row in db.execute(sql, given).fetchall())


def _marks(values: Sequence[int]) -> str:
    return ", ".join("?" * len(values))


def _parts(numbers: Sequence[int]) -> Iterable[Sequence[int]]:
    return (numbers[at : at + _AT_ONCE] for at in range(0, len(numbers), _AT_ONCE))
