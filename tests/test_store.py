import sqlite3
import threading

import pytest

from tests.conftest import NOW
from triage.cases import messages, queries
from triage.errors import StoreError
from triage.findings import sentence
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


def test_many_that_open_a_new_database_together_all_get_it(tmp_path):
    for round_number in range(5):
        path, failed = tmp_path / f"{round_number}.sqlite", []

        def open_it(path=path, failed=failed):
            try:
                connect(path).close()
            except StoreError as error:
                failed.append(error)

        threads = [threading.Thread(target=open_it) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []


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
    monkeypatch.setattr(MIGRATIONS, "_migrations", [*MIGRATIONS._migrations, MIGRATIONS._Migration("9000_x", broken)])
    monkeypatch.setattr("triage.store.connection.LATEST", "9000_x")
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


def test_a_filled_database_of_an_earlier_version_is_upgraded_with_all_that_is_in_it(tmp_path, monkeypatch):
    path = tmp_path / "t.sqlite"
    first = [step for step in MIGRATIONS._migrations if step.name == "0001_initial"]
    decision = (
        '{"warning": true, "cause": "kyc", "also": [], "stage": "warning", "platform": "amazon", "language": "en", "confidence": 0.9, '
        '"needs_review": false, "review_reason": "", "sender": "proven", "sender_findings": ["DMARC passes"], "store": "Lantern", '
        '"ids": [{"kind": "asin", "value": "B0CQ7M2XKD"}], "deadline": {"at": "2026-11-26T09:00:00.000+00:00", "text": "within 72 hours"}, '
        '"evidence": [], "model": "m"}'
    )
    with monkeypatch.context() as patched:
        patched.setattr(MIGRATIONS, "_migrations", first)
        patched.setattr("triage.store.connection.LATEST", "0001_initial")
        db = connect(path)
        db.execute(
            """INSERT INTO cases (account, platform, store, cause, stage, status, severity, confidence, needs_review, sender,
               language, deadline_at, deadline_text, title, opened_at, updated_at)
               VALUES ('a', 'amazon', 'Lantern', 'kyc', 'warning', 'open', 2, 0.9, 0, 'proven', 'en',
               '2026-11-26T09:00:00.000+00:00', 'within 72 hours', 't', '2026-11-23T09:00:00.000+00:00', '2026-11-23T09:00:00.000+00:00')"""
        )
        db.execute(
            """INSERT INTO messages (account, folder, uidvalidity, uid, message_id, digest, received_at, sender, subject, outcome,
               decision, model, case_id) VALUES ('a', 'INBOX', 1, 1, '', 'd', '2026-11-23T09:00:00.000+00:00', 's', 't', 'warning', ?, 'm', 1)""",
            [decision],
        )
        db.conn.commit()
        db.close()
    db = connect(path)
    (case,) = queries.listed(db, now=NOW)
    assert case.deadline is not None
    assert not case.deadline.assumed
    (message,) = messages.of_case(db, 1)
    assert message.decision is not None
    assert [each.value for each in message.decision.ids] == ["B0CQ7M2XKD"]
    assert [sentence(found, "en") for found in message.decision.sender_findings] == ["DMARC passes"]
    db.close()
