"""/healthz and /metrics; what the log holds and what it must not; a configuration read anew; a clock that is set."""

import io
import json
import logging
import signal
import time
import urllib.error
import urllib.request
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import NOW, ORDER, a_raw, until
from tests.integration.test_service import Program
from triage import daemon as running
from triage import log
from triage.alerts import outbox, standing
from triage.config import Web
from triage.daemon import Daemon
from triage.errors import ConfigError
from triage.mail import cursor
from triage.service import _reloaded
from triage.store.transaction import transaction
from triage.web.server import serve


def get(url, **headers):
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


@pytest.fixture
def served(settings):
    made = []

    def start(alive=lambda: True, **web):
        serving = serve(settings.model_copy(update={"web": Web(listen="127.0.0.1:0", **web)}), lambda: NOW, alive)
        made.append(serving)
        return f"http://127.0.0.1:{serving.address[1]}"

    yield start
    for serving in made:
        serving.stop()


def test_healthz_tells_life_from_health(db, served):
    assert get(f"{served()}/healthz") == (200, '{"alive":true,"well":false}')  # no mailbox was read yet
    assert get(f"{served(alive=lambda: False)}/healthz")[0] == 503


def test_metrics_are_what_prometheus_reads(db, take, served):
    cursor.succeeded(db, "shop", "INBOX", NOW - timedelta(seconds=30))
    take(a_raw(), b"\x00 no mail")
    status, text = get(f"{served()}/metrics")
    assert status == 200
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found[("triage_cases_open",)] == 1
    assert found[("triage_messages_set_aside",)] == 1
    assert found[("triage_mailbox_well", ("account", "shop"), ("folder", "INBOX"))] == 1
    assert found[("triage_target_waiting", ("target", "file"))] == 2
    read_at = ("triage_mailbox_last_read_timestamp_seconds", ("account", "shop"), ("folder", "INBOX"))
    assert found[read_at] == NOW.timestamp() - 30
    assert found[("process_resident_memory_bytes",)] > 1e6


def test_metrics_are_not_for_the_world(db, served):
    outside = served(public_url="https://triage.example.com")
    assert get(f"{outside}/metrics")[0] == 401
    kept = served(public_url="https://triage.example.com", metrics_token="long")
    assert get(f"{kept}/metrics")[0] == 401
    assert get(f"{kept}/metrics", Authorization="Bearer wrong")[0] == 401
    assert get(f"{kept}/metrics", Authorization="Bearer long")[0] == 200


# ---- the log ---------------------------------------------------------------------------------------------------

SECRET_WORDS = "the-secret-of-this-mail"


def test_the_log_names_case_and_message_and_holds_no_secret_and_no_mail(tmp_path, dovecot, models):
    program = Program(tmp_path, dovecot, models, extra='[logging]\nlevel = "debug"\n')
    started = program.start()
    until(lambda: program.rows("SELECT 1 FROM mailboxes WHERE last_success_at IS NOT NULL"), what="for the first look")
    body = f"Your Amazon selling account has been deactivated. {SECRET_WORDS}. Send an appeal within 72 hours."
    raws = [a_raw("Account deactivated", body), a_raw("Sold", f"{ORDER} {SECRET_WORDS}"), f"\0 {SECRET_WORDS}".encode()]
    # Broken in every way that makes a library complain in its own words.
    raws += [
        a_raw(body=body).replace(b"utf-8", b"x-none"),
        b"Subject: =?x?Q?" + SECRET_WORDS.encode() + b"\n\n\xff\xfe",
    ]
    dovecot.deliver(program.user, *raws)
    until(lambda: program.rows("SELECT count(*) FROM messages") == [(len(raws),)], what="for the mails")
    until(program.alerts, what="for an alert")
    started.send_signal(signal.SIGTERM)
    _, said = started.communicate(timeout=10)

    assert dovecot.PASSWORD not in said
    assert SECRET_WORDS not in said
    lines = [json.loads(line) for line in said.splitlines()]
    (opened,) = [line for line in lines if line["event"] == "case_opened"][:1]
    assert opened["case"] == 1
    assert opened["message_id"].startswith("<")
    assert opened["uid"] >= 1
    assert {"level", "timestamp", "event"} <= set(lines[0])
    assert any(line["event"] == "alert_delivered" and line["case"] == 1 for line in lines)


def test_a_fault_in_a_mail_is_logged_without_the_mail(db, take, monkeypatch):
    """A traceback shows where, not what."""
    out = io.StringIO()
    log.configure(level="debug", json=True, stream=out)
    from triage.understand import decide

    monkeypatch.setattr(decide, "platform", lambda *a, **k: {}[SECRET_WORDS[:3]])
    try:
        from tests.conftest import a_batch
        from triage.pipeline import store_around_faults

        def fault(*_):
            secret = SECRET_WORDS  # noqa: F841 - a local variable, as mail text is one everywhere
            raise RuntimeError("a fault of ours")

        from triage.config import Settings

        cursor.begin(db, "shop", "INBOX", 7, last_uid=0, history_through=0)
        account = Settings.model_validate(
            {"accounts": [{"name": "shop", "host": "h", "user": "u", "password": "p"}], "targets": []}
        )
        store_around_faults(db, a_batch(a_raw(body=SECRET_WORDS)), fault, fault, account, NOW)
    finally:
        log.configure(level="warning")
        logging.getLogger().handlers.clear()
    assert "a fault of ours" in out.getvalue()
    assert "message_put_aside" in out.getvalue()
    assert SECRET_WORDS not in out.getvalue()


# ---- a configuration read anew -----------------------------------------------------------------------------------


def test_on_sighup_a_new_configuration_is_taken_and_a_wrong_one_refused(tmp_path, dovecot, models):
    program = Program(tmp_path, dovecot, models, extra='[logging]\nlevel = "info"\n')
    started = program.start()
    until(lambda: program.rows("SELECT 1 FROM mailboxes WHERE last_success_at IS NOT NULL"), what="for the first look")
    good = program.config.read_text()

    program.config.write_text(good.replace("[polling]", "[poling]"))
    started.send_signal(signal.SIGHUP)
    time.sleep(1.5)
    dovecot.deliver(program.user, a_raw())
    until(program.alerts, what="for an alert by the old configuration")

    second = dovecot.user()
    more = f'[[accounts]]\nname = "{second}"\nhost = "127.0.0.1"\nport = {dovecot.port}\nsecurity = "none"\nuser = "{second}"\npassword = "{dovecot.PASSWORD}"\n'
    program.config.write_text(good + more)
    started.send_signal(signal.SIGHUP)
    until(
        lambda: program.rows(f"SELECT 1 FROM mailboxes WHERE account = '{second}' AND last_success_at IS NOT NULL"),
        what="for the mailbox that was added",
    )
    started.send_signal(signal.SIGTERM)
    _, said = started.communicate(timeout=10)
    assert started.returncode == 0
    events = [json.loads(line) for line in said.splitlines()]
    (refused,) = [line for line in events if line["event"] == "configuration_refused"]
    assert "did you mean polling?" in refused["reason"]
    assert [line["event"] for line in events].count("configuration_reloaded") == 1


def test_another_database_wants_a_restart(settings, tmp_path):
    daemon = Daemon(settings)
    assert _reloaded(daemon, settings, lambda: settings.model_copy(update={"data": tmp_path / "other"})) is daemon

    def broken():
        raise ConfigError("config.toml: cannot be read")

    assert _reloaded(daemon, settings, broken) is daemon


# ---- a clock that is set -----------------------------------------------------------------------------------------


def test_what_was_planned_by_a_clock_that_was_ahead_is_not_waited_for(db, take, settings):
    tomorrow = NOW + timedelta(days=1)
    take(a_raw(), now=tomorrow)
    with transaction(db):
        standing.failed(db, "file", "gone", spread=0, now=tomorrow)
    assert outbox.due(db, "file", NOW) == []

    from triage.watching import clock_was_set

    with transaction(db):
        clock_was_set(db, NOW)
    assert [alert.kind for alert in outbox.due(db, "file", NOW)] == ["case_opened"]
    assert standing.known(db, "file", NOW).paused_until is None


def test_the_service_notices_that_the_clock_was_set_back_and_looks_at_once(settings, dovecot, monkeypatch, db):
    user = dovecot.user()
    own = settings.model_copy(update={"accounts": (dovecot.account(user),)})
    real = running.now
    ahead = [timedelta(days=1)]
    monkeypatch.setattr(running, "now", lambda: real() + ahead[0])
    monkeypatch.setattr(running.time, "time", lambda: real().timestamp() + ahead[0].total_seconds())
    daemon = Daemon(own)
    daemon.start()
    try:
        until(lambda: (c := cursor.of(db, user, "INBOX")) and c.last_success_at, what="for the first look")
        until(lambda: any(job.id.startswith("look:") for job in daemon._scheduler.get_jobs()), what="for its plan")
        ahead[0] = timedelta(0)
        daemon.mind_the_clock()
        until(
            lambda: cursor.of(db, user, "INBOX").last_success_at < real() + timedelta(hours=1), 10, "for another look"
        )
    finally:
        daemon.stop()
