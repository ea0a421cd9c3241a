"""Servers that lie, break their word or are slow; old mail that is worked through beside new mail."""

import threading

import pytest

from tests.conftest import NOW, ORDER, a_raw, until
from triage import daemon as service
from triage import polling
from triage.cases import queries
from triage.config import Polling
from triage.daemon import Daemon
from triage.errors import MailboxUnavailable, SignInRefused
from triage.health import health
from triage.mail import cursor, quarantine
from triage.mail.session import Session
from triage.store import connection


@pytest.fixture
def world(scripted, settings, db, model):
    class World:
        def __init__(self):
            self.settings = settings.model_copy(update={"accounts": (scripted.account(history="0 seconds"),)})
            assert self.look() is not None

        def look(self):
            return Daemon(self.settings).poll(self.settings.accounts[0])

        def outcomes(self):
            return [row["outcome"] for row in db.query("SELECT outcome FROM messages ORDER BY uid")]

    return World()


def deliver(scripted, *raws):
    scripted.deliver(*raws)
    until(lambda: len(scripted.box().mails) >= len(raws))


def test_a_message_the_server_does_not_give_stops_no_other_and_is_not_forgotten(scripted, world, db):
    deliver(scripted, a_raw(), a_raw("Sold", ORDER), a_raw("Sold again", ORDER))
    no = b"{tag} NO [SERVERBUG] the message cannot be retrieved\r\n"
    sizes = b"".join(b"* %d FETCH (UID %d RFC822.SIZE 500)\r\n" % (uid, uid) for uid in (1, 2, 3)) + b"{tag} OK\r\n"
    one = scripted._usual(b"UID FETCH", b"UID FETCH 1 (BODY[])", "u")
    three = scripted._usual(b"UID FETCH", b"UID FETCH 3 (BODY[])", "u")
    scripted.says = {b"UID FETCH": [sizes.replace(b"OK\r\n", b"OK done\r\n"), no, one, no, three]}
    assert world.look().messages == 2
    assert world.outcomes() == ["warning", "quarantined", "ordinary"]
    (aside,) = quarantine.listed(db)
    assert "does not give it" in aside.reason
    assert aside.uid == 2


def test_a_date_that_is_none_costs_no_mail(scripted, world, db):
    deliver(scripted, a_raw())
    usual = scripted._usual
    scripted._usual = lambda command, rest, user: usual(command, rest, user).replace(
        b'INTERNALDATE "', b'INTERNALDATE "99-Foo-'
    )
    assert world.look().messages == 1
    assert world.outcomes() == ["warning"]


def test_a_server_that_announces_everything_and_knows_little(scripted, settings):
    scripted.capabilities = b"IMAP4rev1 IDLE ID MOVE UIDPLUS CONDSTORE"
    scripted.says = {b"ID": [b"{tag} BAD unknown command\r\n"], b"IDLE": [b"{tag} BAD unknown command\r\n"]}
    with Session(scripted.account(), Polling()) as session:
        assert session.open("INBOX").messages == 0
        assert session.idle() is False


def test_gmails_all_mail_is_found_by_what_it_is_for_whatever_it_is_called(scripted):
    listed = b'* LIST (\\HasNoChildren) "/" INBOX\r\n* LIST (\\All \\HasNoChildren) "/" "[Gmail]/&Yp1n3JVt-"\r\n{tag} OK done\r\n'
    scripted.says = {b"LIST": [listed]}
    with Session(scripted.account(), Polling()) as session:
        assert session.open("\\All").name == "\\All"
    assert b'EXAMINE "[Gmail]/&Yp1n3JVt-"' in scripted.heard


def test_starttls_is_verified_like_tls(dovecot):
    user = dovecot.user()
    dovecot.deliver(user, a_raw())
    secure = {"host": "localhost", "security": "starttls", "ca_file": dovecot.ca_file}
    with Session(dovecot.account(user).model_copy(update=secure), Polling()) as session:
        assert session.open("INBOX").messages == 1
        assert type(session.line).__name__ == "SSLSocket"
    with (
        pytest.raises(MailboxUnavailable, match="not trusted"),
        Session(dovecot.account(user).model_copy(update={**secure, "ca_file": None}), Polling()),
    ):
        pass


def test_netease_is_told_who_we_are_before_a_folder_is_opened(scripted):
    scripted.capabilities = b"IMAP4rev1 ID"
    with Session(scripted.account(), Polling()) as session:
        session.open("INBOX")
    words = [line.split()[0] for line in scripted.heard]
    assert words.index(b"LOGIN") < words.index(b"ID") < words.index(b"EXAMINE")


def test_a_server_that_is_silent_counts_as_gone(scripted):
    scripted.slow_s = 30
    with (
        pytest.raises(MailboxUnavailable, match="trying again"),
        Session(scripted.account(), Polling(timeout="1 second")),
    ):
        pass


def test_a_slow_server_is_waited_for(scripted, world):
    scripted.slow_s = 0.3
    deliver(scripted, a_raw())
    assert world.look().messages == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"{tag} NO [AUTHENTICATIONFAILED] invalid\r\n", SignInRefused),
        (b"{tag} NO [UNAVAILABLE] later\r\n", MailboxUnavailable),
        (b"{tag} NO Too many simultaneous connections\r\n", MailboxUnavailable),
        (b"", MailboxUnavailable),
    ],
)
def test_a_refusal_is_told_from_not_now(scripted, answer, error):
    scripted.says = {b"LOGIN": [answer]}
    with pytest.raises(error), Session(scripted.account(), Polling()):
        pass


def test_an_answer_that_makes_no_sense_is_temporary_and_holds_no_mail_in_its_error(scripted, world, db):
    deliver(scripted, a_raw())
    scripted.says = {b"EXAMINE": [b"* OK [UIDVALIDITY secret words of a mail] ok\r\n{tag} OK done\r\n"]}
    assert world.look() is None
    error = cursor.of(db, "u", "INBOX").last_error
    assert "cannot be understood" in error
    assert "secret" not in error
    assert world.look().messages == 1


def test_a_server_without_idle_is_asked_at_intervals(scripted, settings, db, model):
    scripted.capabilities = b"IMAP4rev1"
    own = settings.model_copy(
        update={"accounts": (scripted.account(history="0 seconds"),), "polling": Polling(every="1 second")}
    )
    running = Daemon(own)
    running.start()
    try:
        until(lambda: (c := cursor.of(db, "u", "INBOX")) and c.last_success_at, what="for the first look")
        scripted.deliver(a_raw())
        until(lambda: queries.listed(db, now=NOW), 10, "for the case")
        assert scripted.connections == 1
        assert b"IDLE" not in scripted.heard
    finally:
        running.stop()


def test_a_server_that_drops_every_line_at_once_is_not_stormed(scripted, settings, db, model):
    own = settings.model_copy(update={"accounts": (scripted.account(history="0 seconds"),)})
    running = Daemon(own)
    running.start()
    try:
        until(lambda: (c := cursor.of(db, "u", "INBOX")) and c.last_success_at, what="for the first look")
        for _ in range(20):
            scripted.drop()
            threading.Event().wait(0.1)
        assert scripted.connections < 5
    finally:
        running.stop()


def test_a_database_that_another_program_holds_is_waited_for(scripted, world, db, monkeypatch):
    monkeypatch.setattr(connection, "BUSY_TIMEOUT_MS", 200)
    deliver(scripted, a_raw())
    db.execute("BEGIN EXCLUSIVE")
    assert world.look() is None
    db.execute("ROLLBACK")
    assert world.look().messages == 1
    assert world.outcomes() == ["warning"]


# ---- old mail beside new -----------------------------------------------------------------------------------------


def test_new_mail_does_not_wait_for_the_history(dovecot, settings, db, model, monkeypatch):
    monkeypatch.setattr(polling, "_NEW_EVERY_S", 0.1)  # these mails are short: a second would be most of the history
    user = dovecot.user()
    dovecot.deliver(user, *(a_raw(f"Sold, ship now: item {n}", ORDER) for n in range(3_000)))
    own = settings.model_copy(update={"accounts": (dovecot.account(user),), "polling": Polling(batch=50, processes=0)})
    running = Daemon(own)
    running.start()
    try:
        until(lambda: db["messages"].count >= 100, 30, "for the first old mails")
        known = health(db, own, service.now()).mailboxes[0]
        assert known.backlog_of == 3_000
        assert known.backlog < 3_000
        dovecot.deliver(user, a_raw())
        until(lambda: queries.listed(db, now=NOW), 30, "for the case")
        assert db["messages"].count < 2_500
        until(lambda: db["messages"].count == 3_001, 60, "for the others")
        until(lambda: (c := cursor.of(db, user, "INBOX")) and c.last_success_at, 10)
    finally:
        running.stop()
    kinds = [row["kind"] for row in db.query("SELECT kind FROM alerts")]
    assert "case_opened" in kinds
    assert not queries.listed(db, now=NOW)[0].history
    assert cursor.of(db, user, "INBOX").backlog == 0


def test_a_history_that_was_broken_off_goes_on_where_it_was(dovecot, settings, db, model):
    user = dovecot.user()
    dovecot.deliver(user, *(a_raw(f"Sold, ship now: item {n}", ORDER) for n in range(400)))
    own = settings.model_copy(update={"accounts": (dovecot.account(user),), "polling": Polling(batch=20)})
    running = Daemon(own)
    running.start()
    until(lambda: db["messages"].count >= 60, 30, "for some of them")
    running.stop()
    between = db["messages"].count
    assert between < 400
    assert cursor.of(db, user, "INBOX").history_uid >= 60
    assert Daemon(own).poll(own.accounts[0]) is not None
    assert db.execute("SELECT count(*), count(DISTINCT uid) FROM messages").fetchone() == (400, 400)
