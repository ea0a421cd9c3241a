"""Opening the database: one connection a thread, WAL, every library error as a StoreError."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlite_utils import Database

from triage.errors import StoreError
from triage.store.migrations import LATEST, MIGRATIONS
from triage.store.transaction import transaction

#: How long a writer waits for another one. The longest step, a batch of 100 mails, takes a tenth of a second.
BUSY_TIMEOUT_MS = 30_000


@contextmanager
def store_errors(path: Path | str) -> Iterator[None]:
    """sqlite3's errors as one line a person can act on."""
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        if "full" in text:
            advice = "free some space; nothing is lost, the mails come again"
        elif "malformed" in text or "not a database" in text:
            advice = "the file is damaged; move it away and restore a backup"
        elif "locked" in text or "busy" in text:
            advice = "another program holds it; try again"
        elif "unable to open" in text or "readonly" in text:
            advice = "check that the folder exists and may be written to"
        else:
            advice = "nothing of this step was stored"
        raise StoreError(f"{path}: {text}; {advice}") from error


def connect(path: Path, *, create: bool = True) -> Database:
    """The database, brought to the newest schema. Close it with ``db.close()``.

    Raises:
        StoreError: it cannot be opened, is damaged, or was written by a newer version.
    """
    if not create and not path.exists():
        raise StoreError(f"{path}: there is no database yet; run: triage run --once")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreError(f"{path.parent}: cannot be created: {error.strerror}") from error
    with store_errors(path):
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)
        try:
            _write_ahead(connection)
            # A power cut must not take an alert with it that a cursor already vouches for.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            db = Database(connection)
            _migrate(db, path)
        except BaseException:
            connection.close()
            raise
    path.chmod(0o600)
    return db


def _write_ahead(connection: sqlite3.Connection) -> None:
    """WAL mode. Changing to it does not wait for others that are just doing the same: SQLite says "locked" at once."""
    until = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)


@contextmanager
def opened(path: Path, *, create: bool = True) -> Iterator[Database]:
    """connect() that closes behind itself."""
    with closing(connect(path, create=create)) as db, store_errors(path):
        yield db


def _migrate(db: Database, path: Path) -> None:
    applied = {m.name for m in MIGRATIONS.applied(db)}
    if LATEST in applied:
        unknown = applied - {m.name for m in MIGRATIONS._migrations}
        if unknown:
            raise StoreError(
                f"{path}: written by a newer version of Triage ({max(unknown)}); upgrade, or restore a backup"
            )
        return
    # Two processes may start at once: the write lock makes the second one wait and find the work done.
    with transaction(db):
        MIGRATIONS.ensure_migrations_table(db)
    for migration in MIGRATIONS.pending(db):
        with transaction(db):
            if migration.name not in {m.name for m in MIGRATIONS.applied(db)}:
                migration.fn(db)
                MIGRATIONS._record_applied(db, migration.name)
