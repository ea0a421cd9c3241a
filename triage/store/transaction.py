"""One step, one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database


@contextmanager
def transaction(db: Database) -> Iterator[None]:
    """One whole step: all that it writes is stored, or nothing is.

    Takes the write lock at the start: a step that reads before it writes would otherwise fail at once with
    "database is locked" when another process wrote in between, whatever the busy timeout.
    """
    db.conn.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.conn.execute("COMMIT")
    except BaseException:
        if db.conn.in_transaction:  # SQLite itself rolls back when the disk is full
            db.conn.execute("ROLLBACK")
        raise
