"""Copies of the database and the way back; messages that were put aside and tried again; suspects."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import BrokenExecutor
from datetime import timedelta

import psutil
import pytest
from joblib import delayed
from typer.testing import CliRunner

from tests.conftest import NOW, ORDER, a_batch, a_raw, until
from triage import judges, judging
from triage.alerts import outbox
from triage.cases import queries
from triage.cli import app
from triage.daemon import Daemon
from triage.errors import StoreError, UsageError
from triage.judging import judge
from triage.learn.backends import LOCAL
from triage.mail import cursor, quarantine, reading
from triage.pipeline import store_around_faults, take_in
from triage.requeue import retry
from triage.store import backups
from triage.store.connection import opened
from triage.store.lock import alone
from triage.suspects import Suspects
from triage.types import RawMessage


def rows(path):
    with opened(path) as db:
        return db["cases"].count


def test_a_copy_made_while_the_service_writes_is_whole(db, settings, tmp_path):
    over = threading.Event()

    def write():
        with opened(settings.database) as other:
            for n in range(10_000):
                if over.is_set():
                    return
                other.execute("BEGIN IMMEDIATE")
                other.execute("INSERT INTO mailboxes (account, folder, uidvalidity) VALUES (?, 'a', 1)", [str(n)])
                other.execute("INSERT INTO mailboxes (account, folder, uidvalidity) VALUES (?, 'b', 1)", [str(n)])
                other.execute("COMMIT")

    thread = threading.Thread(target=write)
    thread.start()
    for n in range(5):
        copy = tmp_path / f"{n}.sqlite"
        backups.back_up(settings.database, copy)
        assert copy.stat().st_mode & 0o077 == 0
        with sqlite3.connect(copy) as plain:
            first, second = (
                plain.execute("SELECT count(*) FROM mailboxes WHERE folder = ?", [f]).fetchone()[0] for f in "ab"
            )
        plain.close()
        assert first == second
    over.set()
    thread.join()
    assert list(tmp_path.glob(".*.half")) == []


def test_of_many_copies_the_newest_stay_and_one_that_a_person_named_is_left_alone(db, settings, tmp_path):
    folder = tmp_path / "copies"
    for day in range(5):
        backups.back_up_into(settings.database, folder, NOW + timedelta(days=day), keep=2)
    backups.back_up(settings.database, folder / "before-the-move.sqlite")
    assert [at for at, _ in backups.listed(folder)] == [NOW + timedelta(days=4), NOW + timedelta(days=3)]
    assert (folder / "before-the-move.sqlite").exists()


def test_a_file_that_is_there_is_not_written_over(db, settings, tmp_path):
    (tmp_path / "copy").write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        backups.back_up(settings.database, tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "mine"


def test_restore_brings_back_what_was_and_keeps_what_is(db, settings, take, tmp_path):
    copy = tmp_path / "copy.sqlite"
    backups.back_up(settings.database, copy)
    take(a_raw())
    assert rows(settings.database) == 1  # part of it is in the write-ahead log still
    before = backups.restore(settings.database, copy, NOW)
    assert rows(settings.database) == 0
    assert rows(before) == 1


@pytest.mark.parametrize("content", [b"not a database, but long enough to be looked at" * 100, b""])
def test_a_copy_that_is_none_changes_nothing(db, settings, take, tmp_path, content):
    take(a_raw())
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(StoreError, match=r"damaged|no database of Triage"):
        backups.restore(settings.database, tmp_path / "bad", NOW)
    assert rows(settings.database) == 1


def damaged(path):
    """Overwrite the middle of a database."""
    with opened(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096 * 4)


def test_a_damaged_database_is_found_at_the_start_and_the_way_out_is_said_and_works(db, settings, take, tmp_path):
    take(a_raw())
    copy = backups.back_up_into(settings.database, settings.backups_dir, NOW, 7)
    db.close()
    damaged(settings.database)
    with pytest.raises(StoreError, match=r"damaged .*triage restore"):
        Daemon(settings).start()

    config = tmp_path / "config.toml"
    config.write_text(f'data = "{settings.data}"\n')
    done = CliRunner().invoke(app, ["restore", "--yes", "-c", str(config)])
    assert done.exit_code == 0, done.output
    assert str(copy) in done.output.replace("\n", "")
    assert rows(settings.database) == 1
    Daemon(settings).check()


def test_nothing_is_restored_under_a_running_service(db, settings, tmp_path):
    backups.back_up(settings.database, tmp_path / "copy")
    config = tmp_path / "config.toml"
    config.write_text(f'data = "{settings.data}"\n')
    with alone(settings.data):
        done = CliRunner().invoke(app, ["restore", str(tmp_path / "copy"), "--yes", "-c", str(config)])
    assert isinstance(done.exception, StoreError)
    assert "stop it first" in str(done.exception)


def test_the_service_copies_when_the_last_copy_is_old_and_tells_when_it_cannot(db, settings, monkeypatch):
    daemon = Daemon(settings)
    daemon.back_up()
    daemon.back_up()
    assert len(backups.listed(settings.backups_dir)) == 1

    def full(*args):
        raise StoreError("no space for a copy")

    monkeypatch.setattr(backups, "listed", lambda folder: [])
    monkeypatch.setattr(backups, "back_up_into", full)
    daemon.back_up()
    daemon.back_up()
    told = [alert for alert in outbox.due(db, "file", NOW + timedelta(days=9000)) if alert.kind == "backup_down"]
    assert len(told) == 1
    assert told[0].detail["reason"] == "no space for a copy"


# ---- put aside -------------------------------------------------------------------------------------------------


def test_what_a_fault_put_aside_becomes_a_case_once_the_fault_is_mended(db, model, settings, monkeypatch):
    cursor.begin(db, "shop", "INBOX", 7, last_uid=0, history_through=0)
    raw = a_raw()
    batch = a_batch(raw)

    def fault(*messages):
        raise RuntimeError("a fault of ours")

    store_around_faults(db, batch, fault, fault, settings, NOW)
    (aside,) = quarantine.listed(db)
    assert aside.raw == raw
    assert aside.reason == "a fault of Triage: RuntimeError"

    monkeypatch.setattr("triage.requeue.judge", fault)
    assert retry(db, aside, model, settings, NOW) == "a fault of Triage: RuntimeError"
    assert quarantine.count(db) == 1

    monkeypatch.setattr("triage.requeue.judge", judging.judge)
    assert retry(db, aside, model, settings, NOW) == ""
    assert quarantine.count(db) == 0
    assert [case.cause for case in queries.listed(db, now=NOW)] == ["authenticity"]
    assert "case_opened" in {alert.kind for alert in outbox.due(db, "file", NOW)}
    assert db.execute("SELECT count(*), max(outcome) FROM messages").fetchone() == (1, "warning")


def test_what_the_server_did_not_give_is_asked_for_again(db, model, settings, dovecot):
    user = dovecot.user()
    dovecot.deliver(user, a_raw())
    own = settings.model_copy(update={"accounts": (dovecot.account(user),)})
    from triage.mail.session import Session

    with Session(own.accounts[0], own.polling) as session:
        uidvalidity = session.open("INBOX").uidvalidity
    refused = RawMessage(uid=1, raw=b"", received_at=NOW, size_bytes=10, fault="the server does not give it: NO")
    batch = a_batch(account=user, uidvalidity=uidvalidity)
    from dataclasses import replace

    take_in(db, replace(batch, messages=(refused,), last_uid=1), model, own, NOW)
    (aside,) = quarantine.listed(db)
    assert aside.reason == "the server does not give it: NO"
    assert retry(db, aside, model, own, NOW) == ""
    assert db["cases"].count == 1


def test_the_commands_list_save_and_retry(db, take, settings, tmp_path):
    take(b"\x00 no mail at all")
    config = tmp_path / "config.toml"
    config.write_text(
        f'data = "{settings.data}"\nmodels = "{settings.models_dir}"\n'
        '[[accounts]]\nname = "shop"\nhost = "h.example"\nuser = "u"\npassword = "p"\n'
    )

    def triage(*words):
        return CliRunner().invoke(app, [*words, "-c", str(config)])

    assert "shop (INBOX)" in triage("quarantine").output
    (listed,) = json.loads(triage("quarantine", "--json").output)
    assert listed["bytes"] == 16
    assert triage("quarantine", "save", "1", str(tmp_path / "mail.eml")).exit_code == 0
    assert (tmp_path / "mail.eml").read_bytes() == b"\x00 no mail at all"
    again = triage("quarantine", "retry", "--all")
    assert again.exit_code == 1
    assert again.output.startswith("1: ")
    assert isinstance(triage("quarantine", "retry", "5").exception, UsageError)
    assert isinstance(triage("quarantine", "retry").exception, UsageError)


# ---- suspects --------------------------------------------------------------------------------------------------


def test_what_was_being_judged_when_the_service_died_is_suspected_at_the_next_start(tmp_path):
    batch = a_batch(a_raw(), a_raw("Sold"))
    noting = Suspects(tmp_path).noted(batch)
    noting.__enter__()  # and then the process is gone

    after = Suspects(tmp_path)
    assert after.among(batch)
    assert not after.among(a_batch(a_raw(), first_uid=9))
    with after.noted(batch):
        pass
    assert not Suspects(tmp_path).among(batch)
    del noting


def _dies(messages, *others):
    if any(b"poison" in message.raw for message in messages):
        os._exit(11)  # what a crash in a library of C or Rust is to a process
    return judges._judge_apart(messages, *others)


def test_a_suspect_that_takes_its_process_with_it_is_put_aside_and_the_others_are_read(
    db, model, settings, tmp_path, monkeypatch
):
    cursor.begin(db, "shop", "INBOX", 7, last_uid=0, history_through=0)
    batch = a_batch(a_raw(), a_raw("poison"), a_raw("Sold, ship now", ORDER))
    noting = Suspects(tmp_path).noted(batch)
    noting.__enter__()
    after = judges.Judges(settings.models_dir, 2, Suspects(tmp_path))
    monkeypatch.setattr(after, "_work", _dies)

    known = reading.Recipient()
    store_around_faults(
        db, batch, after.begin(batch, known, model, pile=False), lambda m: after.again(m, known, model), settings, NOW
    )
    after.stop()
    del noting
    outcomes = [row["outcome"] for row in db.query("SELECT outcome FROM messages ORDER BY uid")]
    assert outcomes == ["warning", "quarantined", "ordinary"]
    assert "TerminatedWorker" in quarantine.listed(db)[0].reason


def test_where_the_workers_have_enough_to_do_the_thread_that_brings_the_mail_judges_some_itself(model, settings):
    several = judges.Judges(settings.models_dir, 1)
    batch, known = a_batch(a_raw(), a_raw("Sold, ship now", ORDER)), reading.Recipient()
    here = []
    several._here = lambda *given: here.append(given) or judge(batch.messages, known, model)
    until(lambda: several._ready(model), 60, "for the worker")

    pending = [several.begin(batch, known, model, pile=True) for _ in range(20)]
    found = [[each.decision for each in judged()] for judged in pending]
    several.stop()
    assert 0 < len(here) < 20
    assert found == [found[0]] * 20
    assert [decision.warning for decision in found[0]] == [True, False]


def test_the_workers_of_a_pile_are_not_those_a_training_in_the_same_process_uses(model, settings):
    several = judges.Judges(settings.models_dir, 1)
    batch, known = a_batch(a_raw()), reading.Recipient()
    found = several.apart(batch.messages, known, model)
    trained = list(LOCAL.each([delayed(abs)(-number) for number in range(20)]))
    again = several.apart(batch.messages, known, model)
    several.stop()
    assert trained == list(range(20))
    assert [one.decision for one in found] == [one.decision for one in again]


def test_workers_that_died_are_replaced(model, settings):
    several = judges.Judges(settings.models_dir, 1)
    batch, known = a_batch(a_raw()), reading.Recipient()
    with pytest.raises(BrokenExecutor):
        several._submit(os._exit, 11).result()
    [found] = several.apart(batch.messages, known, model)
    several.stop()
    assert found.decision.warning


def test_a_fault_in_what_is_judged_at_once_comes_up_where_the_result_is_asked_for(model, settings):
    several = judges.Judges(settings.models_dir, 1)
    several._ready = lambda model: True
    several._queued.acquire()
    several._queued.acquire()
    several._here = lambda *given: 1 / 0

    pending = several.begin(a_batch(a_raw()), reading.Recipient(), model, pile=True)
    with pytest.raises(ZeroDivisionError):
        pending()


@pytest.mark.parametrize("after_s", [0.3, 4.0])  # while the workers start; when they are at work
def test_workers_of_a_service_that_was_killed_end_by_themselves(after_s):
    code = (
        "import time; from pathlib import Path; from triage.judges import Judges; workers = Judges(Path('.'), 2)._workers(); "
        "[workers.submit(time.sleep, 60) for _ in range(2)]; time.sleep(60)"
    )
    service = psutil.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: [c for c in service.children() if "LokyProcess" in " ".join(c.cmdline())], 30, "for the workers")
    time.sleep(after_s)
    left = service.children(recursive=True)
    service.kill()
    service.wait()
    assert len(left) >= 2
    until(lambda: not any(child.is_running() for child in left), 30, "for the workers to end")
