"""One step, one transaction."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database


class _Turns:
    """A lock that is taken in the order in which it was asked for.

    SQLite's own way of waiting is to look again after a while, up to a tenth of a second: whoever writes batch after batch
    leaves the others no gap to find. Between processes it is still SQLite's way.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._taken = False

    def __enter__(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            turn = threading.Event()
            self._waiting.append(turn)
        turn.wait()

    def __exit__(self, *_: object) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False


#: A process works on one database.
_turns = _Turns()


@contextmanager
def transaction(db: Database) -> Iterator[None]:
    """One whole step: all that it writes is stored, or nothing is.

    Takes the write lock at the start: a step that reads before it writes would otherwise fail at once with
    "database is locked" when another process wrote in between, whatever the busy timeout.
    """
    with _turns:
        db.conn.execute("BEGIN IMMEDIATE")
        try:
            yield
            db.conn.execute("COMMIT")
        except BaseException:
            if db.conn.in_transaction:  # SQLite itself rolls back when the disk is full
                db.conn.execute("ROLLBACK")
            raise
