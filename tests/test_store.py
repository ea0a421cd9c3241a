import sqlite3
import threading

import pytest

from triage.errors import StoreError
from triage.store.connection import connect
from triage.store.migrations import LATEST, MIGRATIONS
from triage.store.transaction import transaction


def test_a_failed_step_leaves_nothing(db):
    with pytest.raises(ValueError, match="boom"), transaction(db):
        db.execute("INSERT INTO mailboxes (account, folder, uidvalidity) VALUES ('a', 'b', 1)")
        raise ValueError("boom")
    assert db["mailboxes"].count == 0


def test_two_writers_wait_for_each_other(tmp_path):
    path = tmp_path / "t.sqlite"
    connect(path).close()

    def work():
        db = connect(path)
        for _ in range(50):
            with transaction(db):
                count = db.execute("SELECT count(*) FROM mailboxes").fetchone()[0]
                db.execute("INSERT INTO mailboxes (account, folder, uidvalidity) VALUES (?, 'x', 1)", [str(count)])
        db.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db = connect(path)
    assert db["mailboxes"].count == 150  # each writer saw all that was there before it
    db.close()


def test_a_database_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "t.sqlite"
    db = connect(path)
    MIGRATIONS._record_applied(db, "9999_future")
    db.close()
    with pytest.raises(StoreError, match="newer version of Triage"):
        connect(path)


def test_a_damaged_file_is_said_and_left_alone(tmp_path):
    path = tmp_path / "t.sqlite"
    path.write_bytes(b"this is no database at all, but long enough" * 50)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="damaged"):
        connect(path)
    assert path.read_bytes() == before


def test_a_migration_that_fails_in_the_middle_leaves_the_old_schema(tmp_path, monkeypatch):
    def broken(db):
        db.execute("CREATE TABLE half (x)")
        raise sqlite3.OperationalError("disk I/O error")

    path = tmp_path / "t.sqlite"
    connect(path).close()
    monkeypatch.setattr(MIGRATIONS, "_migrations", [*MIGRATIONS._migrations, MIGRATIONS._Migration("0002_x", broken)])
    monkeypatch.setattr("triage.store.connection.LATEST", "0002_x")
    with pytest.raises(StoreError):
        connect(path)
    plain = sqlite3.connect(path)
    assert plain.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone() == (0,)
    plain.close()


def test_the_database_is_the_owners_alone(db, settings):
    assert settings.database.stat().st_mode & 0o077 == 0
    assert LATEST in {m.name for m in MIGRATIONS.applied(db)}


def test_a_full_disk_stores_nothing_of_a_step_and_says_so(tmp_path):
    db = connect(tmp_path / "t.sqlite")
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages + 2}")  # what SQLite does when the disk is full
    from triage.store.connection import store_errors

    with pytest.raises(StoreError, match=r"full; free some space"), store_errors("x"), transaction(db):
        for n in range(1000):
            db.execute("INSERT INTO mailboxes (account, folder, uidvalidity) VALUES (?, ?, 1)", [str(n), "x" * 500])
    assert db["mailboxes"].count == 0
    db.close()
