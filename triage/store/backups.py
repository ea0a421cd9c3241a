"""Copies of the database: made while it is in use, checked, named by their time; and the way back.

A copy is read as of one moment (SQLite's online backup in one step), so nobody has to wait for it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from triage.errors import StoreError, UsageError
from triage.store.connection import store_errors
from triage.store.migrations import MIGRATIONS

_NAME = "triage-{:%Y%m%d-%H%M%S}.sqlite"
#: A copy needs its own size, and the service some space to go on.
_ROOM = 1.5
_FORM = "triage-%Y%m%d-%H%M%S.sqlite"


def damage(path: Path) -> str:
    """What is wrong with a database file, in SQLite's words; empty if nothing is."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            found = [str(row[0]) for row in db.execute("PRAGMA quick_check(3)")]
    except sqlite3.DatabaseError as error:
        if "locked" in str(error) or "unable to open" in str(error):
            return ""  # opening it says so better
        return str(error)
    return "" if found == ["ok"] else "; ".join(" ".join(line.split()) for line in found)[:200]


def back_up(database: Path, to: Path) -> None:
    """Copy a database that may be in use into a file that must not be there yet, and check the copy.

    Raises:
        StoreError: it cannot be read or written, or is damaged; then there is no such file.
        UsageError: the file is there already.
    """
    if to.exists():
        raise UsageError(f"{to}: is there already; name another file")
    half = to.with_name(f".{to.name}.half")
    try:
        to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(half, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
        if shutil.disk_usage(to.parent).free < database.stat().st_size * _ROOM:
            raise StoreError(
                f"{to.parent}: too little space for a copy of the database; free some, or keep fewer copies"
            )
        with (
            store_errors(database),
            closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as source,
            closing(sqlite3.connect(half)) as copy,
        ):
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, to be carried anywhere
        if fault := damage(half):
            raise StoreError(
                f"{database}: the copy is damaged ({fault}); look at the disk, and at: triage restore --help"
            )
        _lasting(half)
        half.rename(to)
    except OSError as error:
        raise StoreError(f"{to}: cannot be written: {error.strerror}") from error
    finally:
        half.unlink(missing_ok=True)


def back_up_into(database: Path, folder: Path, now: datetime, keep: int) -> Path:
    """A further copy in a folder of them; of more than ``keep`` the oldest go.

    Raises:
        StoreError: as back_up().
    """
    made = folder / _NAME.format(now.astimezone(UTC))
    if not made.exists():
        back_up(database, made)
    for _, old in listed(folder)[keep:]:
        old.unlink(missing_ok=True)
    return made


def listed(folder: Path) -> list[tuple[datetime, Path]]:
    """The copies in a folder and when each was made, the newest first."""
    found = []
    for path in folder.glob("triage-*.sqlite") if folder.is_dir() else ():
        try:
            found.append((datetime.strptime(path.name, _FORM).replace(tzinfo=UTC), path))
        except ValueError:
            continue  # a copy that a person named
    return sorted(found, reverse=True)


def restore(database: Path, copy: Path, now: datetime) -> Path | None:
    """Put a copy in the database's place; where the one before is kept, None if there was none.

    Nobody else may have the database open (store.lock). At no instant is there no database.

    Raises:
        StoreError: the copy is damaged, of a newer version or no database of ours; nothing was changed.
    """
    if not copy.is_file():
        raise UsageError(f"{copy}: there is no such file")
    if fault := damage(copy):
        raise StoreError(f"{copy}: damaged ({fault}); choose another one")
    with store_errors(copy), closing(sqlite3.connect(f"file:{copy}?mode=ro", uri=True)) as db:
        try:
            steps = {row[0] for row in db.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = 'triage'")}
        except sqlite3.OperationalError:
            steps = set()
    if not steps:
        raise StoreError(f"{copy}: is no database of Triage; nothing was changed")
    if unknown := steps - {m.name for m in MIGRATIONS._migrations}:
        raise StoreError(f"{copy}: written by a newer version of Triage ({max(unknown)}); upgrade first")
    fresh = database.with_name(f".{database.name}.restored")
    try:
        database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh.unlink(missing_ok=True)
        with closing(sqlite3.connect(copy)) as source, closing(sqlite3.connect(fresh)) as target:
            source.backup(target)
        fresh.chmod(0o600)
        _lasting(fresh)
        before = _aside(database, now) if database.exists() else None
        fresh.replace(database)
        _lasting(database.parent)
    except OSError as error:
        raise StoreError(f"{database}: cannot be written: {error.strerror}") from error
    return before


def _aside(database: Path, now: datetime) -> Path:
    """Keep the database under another name as well, with what its write-ahead log holds."""
    before = database.with_name(f"{database.name}.before-restore-{now.astimezone(UTC):%Y%m%d-%H%M%S}")
    for end in ("-wal", "-shm"):  # a log beside the restored file would be taken for its own
        log = database.with_name(database.name + end)
        if log.exists():
            log.rename(before.with_name(before.name + end))
    os.link(database, before)
    return before


def _lasting(path: Path) -> None:
    """On the disk, not only on its way there."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
