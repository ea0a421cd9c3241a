"""The program as a process: start, stop, a second one, cron, kill -9."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from aiosmtpd.controller import Controller

from tests.conftest import ORDER, SUSPENSION, a_raw, free_port, until

CONFIG = """
data = "{data}"
models = "{models}"
[[accounts]]
name = "{user}"
host = "127.0.0.1"
port = {port}
security = "none"
user = "{user}"
password = "{password}"
[[targets]]
name = "file"
type = "jsonl"
path = "{data}/alerts.jsonl"
[polling]
every = "1 second"
history = "{history}"
batch = 5
"""


class Program:
    """``triage`` as its users run it."""

    def __init__(self, place, dovecot, models, *, password=None, extra="", history="0 seconds"):
        self.user = dovecot.user()
        self.data = place / "data"
        self.data.mkdir()
        self.config = place / "config.toml"
        self.config.write_text(
            CONFIG.format(data=self.data, models=models, user=self.user, port=dovecot.port, password=password or dovecot.PASSWORD, history=history)
            + extra
        )  # fmt: skip

    def start(self, *arguments, said=subprocess.PIPE):
        command = [sys.executable, "-m", "triage", "run", "-c", str(self.config), *arguments]
        return subprocess.Popen(command, stdout=said, stderr=said, text=True)

    def once(self, patience_s=60):
        command = [sys.executable, "-m", "triage", "run", "--once", "-c", str(self.config)]
        return subprocess.run(command, capture_output=True, timeout=patience_s, check=False).returncode

    def rows(self, sql):
        if not (self.data / "triage.sqlite").exists():
            return []
        db = sqlite3.connect(f"file:{self.data}/triage.sqlite?mode=ro", uri=True, timeout=10)
        try:
            return db.execute(sql).fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            db.close()

    def alerts(self):
        path = self.data / "alerts.jsonl"
        return (
            [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")] if path.exists() else []
        )


@pytest.fixture
def program(tmp_path, dovecot, models):
    return Program(tmp_path, dovecot, models)


def test_it_alerts_and_stops_within_five_seconds(program, dovecot):
    running = program.start()
    until(lambda: program.rows("SELECT 1 FROM mailboxes WHERE last_success_at IS NOT NULL"), what="for the first look")
    dovecot.deliver(program.user, a_raw())
    until(program.alerts, what="for the alert")

    start = time.monotonic()
    running.send_signal(signal.SIGTERM)
    _, log = running.communicate(timeout=10)
    assert time.monotonic() - start < 5
    assert running.returncode == 0
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert events[0] == "model_loaded"
    assert events[-1] == "stopped"
    assert "authenticity" not in log
    assert dovecot.PASSWORD not in log


def test_it_stops_in_time_when_a_server_hangs(program, dovecot):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection and never answers
        text = program.config.read_text().replace(f"port = {dovecot.port}", f"port = {silent.getsockname()[1]}")
        program.config.write_text(text)
        silent.settimeout(60)
        running = program.start()
        line, _ = silent.accept()  # it has started, and waits for the greeting
        time.sleep(0.5)
        start = time.monotonic()
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=10)
        assert time.monotonic() - start < 5
        line.close()
        assert running.returncode == 0


def test_a_second_one_on_the_same_database_says_so_and_ends(program):
    first = program.start()
    until(lambda: program.rows("SELECT 1 FROM mailboxes"), what="for the first one")
    second = program.start()
    _, said = second.communicate(timeout=20)
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=10)
    assert second.returncode == 1
    assert "another triage run is at work" in said
    assert "Traceback" not in said


def test_once_looks_delivers_and_ends(program, dovecot):
    assert program.once() == 0
    dovecot.deliver(program.user, a_raw(), a_raw("Sold", ORDER))
    assert program.once() == 0
    assert len(program.alerts()) == 1
    assert program.rows("SELECT count(*) FROM messages") == [(2,)]


def test_once_tells_a_failure_by_its_exit_code(program):
    program.config.write_text(program.config.read_text().replace('password = "right"', 'password = "wrong"'))
    running = program.start("--once")
    _, said = running.communicate(timeout=30)
    assert running.returncode == 1
    assert "sign-in refused" in said
    assert [alert["kind"] for alert in program.alerts()] == ["mailbox_down"]


def test_an_alert_arrives_by_mail(tmp_path, dovecot, models):
    class Inbox:
        def __init__(self):
            self.mails = []

        async def handle_DATA(self, server, session, envelope):
            self.mails.append(envelope.content)
            return "250 OK"

    inbox = Inbox()
    smtp = Controller(inbox, hostname="127.0.0.1", port=free_port())
    smtp.start()
    try:
        url = f"mailto://127.0.0.1:{smtp.port}/?from=triage@shop.example&to=boss@shop.example&mode=insecure"
        text = f'[[targets]]\nname = "mail"\ntype = "apprise"\nurl = "{url}"\n'
        program = Program(tmp_path, dovecot, models)
        program.config.write_text(program.config.read_text().replace("[polling]", text + "[polling]"))
        assert program.once() == 0
        dovecot.deliver(program.user, a_raw())
        assert program.once() == 0
    finally:
        smtp.stop()
    (mail,) = inbox.mails
    assert b"boss@shop.example" in mail
    assert b"account" in mail


def test_a_full_disk_loses_nothing(program, dovecot):
    assert program.once() == 0
    dovecot.deliver(program.user, *(a_raw(body=SUSPENSION + "x" * 3000 + str(n)) for n in range(10)))
    # The shell's limit on the size of files is what a full disk is to a program that writes.
    limited = f"ulimit -f 60; trap '' XFSZ; exec {sys.executable} -m triage run --once -c {program.config}"
    done = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert program.once() == 0
    assert program.rows("SELECT count(DISTINCT uid) FROM messages") == [(10,)]


def test_killed_at_thirty_random_moments_nothing_is_lost_and_nothing_doubled(tmp_path, dovecot, models):
    program = Program(tmp_path, dovecot, models, extra='[alerting]\ngroup = "0 seconds"\n')
    chance = random.Random(20261123)
    count = 0

    def deliver():
        nonlocal count
        for _ in range(4):
            asin = f"B0{count:08d}"
            body = f"A rights owner reported that ASIN: {asin} infringes its trademark. Your listing was removed. Respond within 72 hours."
            # Subjects that differ in more than a number: like notices of one day would be one case.
            name = "".join(chr(ord("a") + int(digit)) for digit in str(count))
            dovecot.deliver(
                program.user, a_raw(f"Policy Warning {name}", body), a_raw(f"Sold, ship now: {count}", ORDER)
            )
            count += 1

    assert program.once() == 0
    for _ in range(30):
        # Workers of a service that was killed outlive it by a moment, and would hold a pipe open.
        running = program.start(said=subprocess.DEVNULL)
        deliver()
        time.sleep(chance.uniform(0.3, 2.6))
        running.kill()
        running.wait()
    assert program.once() == 0
    assert program.once() == 0

    assert program.rows("SELECT count(*), count(DISTINCT uid) FROM messages") == [(2 * count, 2 * count)]
    assert program.rows("SELECT count(*) FROM cases") == [(count,)]
    alerted = [alert["case"] for alert in program.alerts() if alert["kind"] == "case_opened"]
    assert set(alerted) == set(range(1, count + 1))
    assert program.rows("SELECT count(*) FROM alerts WHERE delivered_at IS NULL") == [(0,)]
    # At least once: a kill between the target's taking and our marking may repeat one, and no more than one a kill.
    assert len(alerted) - len(set(alerted)) <= 30
