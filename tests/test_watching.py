"""Silence is not health: the heartbeat, the watchdog, and what the service tells of itself; the morning's digest."""

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import NOW, a_raw, until
from triage import actions, systemd, watching
from triage.alerts import outbox, standing, troubles
from triage.config import Alerting, Heartbeat, Person, Settings, Target
from triage.config.kinds import hours
from triage.delivery import deliver_due
from triage.digests import digest, queue_digests
from triage.mail import cursor
from triage.watching import beat, watch, well


def told(db, now=NOW):
    return [alert.kind for alert in outbox.due(db, "file", now)]


# ---- disk and silence -----------------------------------------------------------------------------------------


def with_free(monkeypatch, settings, megabytes):
    usage = type("Usage", (), {"free": megabytes * 1_000_000})
    monkeypatch.setattr(watching.shutil, "disk_usage", lambda path: usage)  # a full disk cannot be had here


def test_a_disk_that_runs_full_is_told_once_and_once_that_it_is_well(db, settings, monkeypatch):
    for megabytes in (501, 499, 400, 520):  # 520: above the limit, but not by a tenth
        with_free(monkeypatch, settings, megabytes)
        watch(db, settings, NOW)
    assert told(db) == ["disk_low"]
    assert not well(db, settings, NOW)
    with_free(monkeypatch, settings, 551)
    watch(db, settings, NOW)
    assert told(db) == ["disk_low", "disk_up"]
    assert well(db, settings, NOW)
    with_free(monkeypatch, settings, 100)
    watch(db, settings, NOW + timedelta(hours=1))
    assert told(db, NOW + timedelta(hours=2)) == ["disk_low", "disk_up", "disk_low"]


def arrive(db, *hours_ago):
    for number, ago in enumerate(sorted(hours_ago, reverse=True)):
        at = (NOW - timedelta(hours=ago)).isoformat(timespec="milliseconds")
        db.execute(
            """INSERT INTO messages (account, folder, uidvalidity, uid, message_id, digest, received_at, sender, subject, outcome, model)
               VALUES ('shop', 'INBOX', 7, ?, '', ?, ?, '', '', 'ordinary', '')""",
            [number, str(number), at],
        )


@pytest.mark.parametrize(
    ("arrivals", "silent"),
    [
        ([26 + 6 * n for n in range(30)], True),  # every six hours, now 26 hours nothing
        ([20 + 6 * n for n in range(30)], False),  # less than a day
        ([26 + 20 * n for n in range(30)], False),  # 26 hours are not unusual where 20 are usual
        ([26 + n for n in range(5)], False),  # too few to know
        ([], False),
    ],
    ids=["longer than ever", "not a day yet", "no longer than usual", "too few", "none"],
)
def test_a_mailbox_to_which_nothing_comes_for_unusually_long_is_told(db, settings, arrivals, silent):
    arrive(db, *arrivals)
    for _ in range(2):
        watch(db, settings, NOW)
    assert told(db) == (["mailbox_silent"] if silent else [])
    assert well(db, settings, NOW)  # it may be a holiday: the heartbeat goes on


def test_when_mail_comes_again_that_is_told_too(db, settings):
    arrive(db, *[26 + 6 * n for n in range(30)])
    watch(db, settings, NOW)
    arrive_now = NOW + timedelta(minutes=1)
    db.execute("UPDATE messages SET received_at = ? WHERE uid = 29", [arrive_now.isoformat(timespec="milliseconds")])
    watch(db, settings, NOW + timedelta(minutes=2))
    assert [alert.kind for alert in outbox.listed(db)] == ["mailbox_silent", "mailbox_heard"]


# ---- heartbeat and watchdog -----------------------------------------------------------------------------------


def test_the_heartbeat_stops_with_each_thing_that_is_not_well(db, settings):
    assert well(db, settings, NOW)
    cursor.begin(db, "shop", "INBOX", 7, last_uid=0, history_through=0)
    cursor.failed(db, "shop", "INBOX", "gone", NOW)
    assert well(db, settings, NOW)  # a moment's failure is none
    cursor.told_failing(db, "shop", "INBOX")
    assert not well(db, settings, NOW)
    cursor.begin(db, "gone", "INBOX", 7, last_uid=0, history_through=0)
    cursor.told_failing(db, "gone", "INBOX")  # no longer configured: nobody's trouble
    cursor.succeeded(db, "shop", "INBOX", NOW)
    standing.failed(db, "file", "gone", spread=0, now=NOW)
    assert well(db, settings, NOW)
    standing.told_failing(db, "file")
    assert not well(db, settings, NOW)
    standing.succeeded(db, "file", NOW)
    troubles.begin(db, "model", "model_down", {"reason": "r"}, NOW)
    assert not well(db, settings, NOW)


def test_the_heartbeat_asks_for_its_address_and_survives_that_it_is_not_there(settings, receiver, tmp_path):
    (tmp_path / "url").write_text(f"{receiver.address}/ping/abc")
    beating = settings.model_copy(update={"heartbeat": Heartbeat(url=f"file:{tmp_path}/url")})
    assert beat(beating)
    assert receiver.asked == ["GET /ping/abc"]
    receiver.answers.append(500)
    assert not beat(beating)
    (tmp_path / "url").write_text("http://127.0.0.1:1/")
    assert not beat(beating)
    (tmp_path / "url").unlink()
    assert not beat(beating)


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told_over_its_socket(tmp_path, monkeypatch, abstract):
    address = f"@triage-test-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + address[1:] if abstract else address)
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        systemd.notify("READY=1")
        assert manager.recv(100) == b"READY=1"
    systemd.notify("WATCHDOG=1")  # nobody there: nothing happens
    monkeypatch.delenv("NOTIFY_SOCKET")
    systemd.notify("WATCHDOG=1")


def test_the_watchdog_is_told_twice_in_its_time(monkeypatch):
    assert systemd.watchdog_every() is None
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    assert systemd.watchdog_every() == 30.0
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert systemd.watchdog_every() is None


def test_the_service_tells_systemd_and_the_heartbeat_that_it_lives(tmp_path, dovecot, models, receiver):
    import os
    import signal
    import subprocess
    import sys

    from tests.integration.test_service import Program

    program = Program(
        tmp_path, dovecot, models, extra=f'[heartbeat]\nurl = "{receiver.address}/beat"\nevery = "1 second"\n'
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        env = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        env.pop("WATCHDOG_PID", None)
        command = [sys.executable, "-m", "triage", "run", "-c", str(program.config)]
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
        try:
            assert manager.recv(100) == b"READY=1"
            assert manager.recv(100) == b"WATCHDOG=1"
            until(lambda: "GET /beat" in receiver.asked)
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(10)
        said = manager.recv(100)
        while said == b"WATCHDOG=1":
            said = manager.recv(100)
        assert said == b"STOPPING=1"


# ---- the digest -----------------------------------------------------------------------------------------------

MORNING = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)  # 08:30 in Shanghai


@pytest.fixture
def team(settings):
    people = (
        Person(name="li", targets=("file",), time_zone="Asia/Shanghai", language="zh"),
        Person(name="wang", targets=("other",), digest=False),
    )
    targets = (*settings.targets, Target(name="other", type="console"))
    return Settings(**{**dict(settings), "people": people, "targets": targets})


def test_everybody_gets_one_digest_in_their_own_morning(db, team):
    standing.known(db, "file", NOW)
    times = [MORNING - timedelta(minutes=1), MORNING, MORNING + timedelta(minutes=1), MORNING + timedelta(hours=2)]
    assert [queue_digests(db, team, now) for now in times] == [0, 1, 0, 0]
    assert queue_digests(db, team, MORNING + timedelta(days=1)) == 1
    assert {alert.target for alert in outbox.listed(db)} == {"file"}


def test_a_service_that_starts_at_noon_sends_no_digest_of_the_morning(db, team):
    standing.known(db, "file", MORNING + timedelta(minutes=5))
    assert queue_digests(db, team, MORNING + timedelta(minutes=6)) == 0
    standing.known(db, "other", NOW)
    assert queue_digests(db, team, MORNING + timedelta(hours=4)) == 0


def test_a_digest_has_what_is_due_what_is_new_and_what_is_wrong(db, team, take, tmp_path):
    take(
        a_raw(),
        a_raw(
            "Policy warning",
            "A rights owner reported that ASIN: B0AAAAAAAA infringes its trademark. Your listing was removed. Respond within 18 hours.",
        ),
    )
    cursor.failed(db, "shop", "INBOX", "shop: sign-in refused", NOW)
    text, facts = digest(db, "li", "en", team, MORNING)
    assert text.title == "Today: 1 due, 1 this week, 2 new"
    assert facts["due_today"] == [2]
    assert facts["due_this_week"] == [1]
    labels = [part.label for part in text.parts]
    assert labels == [
        "Due today: ",
        "Problems of Triage itself: ",
        "Due this week: ",
    ]  # both new ones stand there already
    assert "#2 Amazon shop: listing removed - IP infringement, 11-24 06:00 (5 h 30 min left)" in text.body
    assert "shop (INBOX): shop: sign-in refused" in text.body


def test_what_is_submitted_is_not_due(db, team, take):
    from triage.labels import Status

    take(a_raw())
    actions.set_status(db, 1, Status.SUBMITTED, by="li", now=NOW)
    text, facts = digest(db, "li", "en", team, MORNING)
    assert facts["due_this_week"] == []


def test_a_quiet_morning_is_a_sign_of_life(db, team, tmp_path):
    cursor.begin(db, "shop", "INBOX", 7, last_uid=0, history_through=0)
    cursor.succeeded(db, "shop", "INBOX", MORNING - timedelta(minutes=1))
    standing.known(db, "file", NOW)
    queue_digests(db, team, MORNING)
    deliver_due(db, team.targets[0], team, lambda: MORNING)
    (line,) = map(json.loads, Path(tmp_path / "alerts.jsonl").read_text().splitlines())
    assert line["title"] == "今日：没有到期事项"
    assert "最近一次读取：2026-11-24 00:29" in line["body"]
    assert line["person"] == "li"


def test_quiet_hours_are_everybodys_own(settings, db, take):
    from triage.alerts.routes import quiet_until

    team = Settings(**{**dict(settings), "alerting": Alerting(quiet=hours("22:00-08:00"))})
    night = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # 23:00 in Shanghai
    shanghai = Person(name="a", targets=("file",), time_zone="Asia/Shanghai")
    assert quiet_until(shanghai, team, night) == datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
    assert quiet_until(Person(name="b", targets=("file",)), team, night) == night
    assert (
        quiet_until(Person(name="c", targets=("file",), time_zone="Asia/Shanghai", quiet=False), team, night) == night
    )
