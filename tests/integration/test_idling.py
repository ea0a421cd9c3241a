"""Seconds, not minutes: IDLE on a real Dovecot, what arrives at awkward moments on a scripted server."""

import time

import pytest

from tests.conftest import ORDER, a_raw, until
from triage import daemon as service
from triage.config import Polling, Settings, Target
from triage.errors import MailboxUnavailable
from triage.mail import cursor
from triage.mail.session import Session


@pytest.mark.parametrize(
    ("answer", "arrived"),
    [
        (b"+ idling\r\n", False),
        (b"+ idling\r\n* 5 EXISTS\r\n", True),  # in the buffer, where no selector sees it
        (b"* 5 EXISTS\r\n+ idling\r\n", True),  # before the continuation
        (b"+ idling\r\n* 5 EX", True),  # a line that arrives in two pieces
    ],
)
def test_what_arrives_as_idle_begins_is_heard(scripted, answer, arrived):
    scripted.says = {b"IDLE": [answer]}
    with Session(scripted.account(), Polling()) as session:
        session.open("INBOX")
        assert session.idle() is arrived
        assert session.idling
        if not answer.endswith(b"\n"):
            scripted.write(b"ISTS\r\n")
        session.rise()


def test_a_server_that_announces_idle_and_refuses_it_is_asked_once(scripted):
    scripted.says = {b"IDLE": [b"{tag} BAD what is IDLE?\r\n"]}
    with Session(scripted.account(), Polling()) as session:
        session.open("INBOX")
        assert session.idle() is False
        assert session.idle() is False
        assert not session.idling
        session.rise()
    assert scripted.heard.count(b"IDLE") == 1


def test_a_line_that_died_while_it_rested_is_found_out(scripted):
    session = Session(scripted.account(), Polling())
    session.connect()
    session.open("INBOX")
    assert session.idle() is False
    scripted.drop()
    with pytest.raises(MailboxUnavailable):
        session.rise()
    session.close(politely=False)


@pytest.mark.parametrize("tls", [False, True])
def test_over_a_real_line_nothing_is_held_back(dovecot, tls):
    user = dovecot.user()
    with Session(dovecot.account(user, tls=tls), Polling()) as session:
        session.open("INBOX")
        assert session.idle() is False
        dovecot.deliver(user, a_raw())
        session.line.setblocking(True)
        import selectors

        with selectors.DefaultSelector() as selector:
            selector.register(session.line, selectors.EVENT_READ)
            assert selector.select(5)
        session.rise()
        assert len(session.uids_after(0)) == 1


@pytest.fixture
def live(dovecot, settings, receiver, model):
    """A running service over one mailbox that hears of new mail by IDLE alone: polling comes too late to help."""
    user = dovecot.user()
    hook = Target(name="hook", type="apprise", url=receiver.url)
    account = dovecot.account(user, folders=("INBOX", "Plattform"))
    dovecot.folder(user, "Plattform")
    own = Settings(**{**dict(settings), "accounts": (account,), "targets": (hook,), "polling": {"every": "10 minutes"}})
    running = service.Daemon(own)
    running.start()
    with service.opened(own.database) as db:
        for folder in account.folders:
            until(lambda: (c := cursor.of(db, user, folder)) and c.last_success_at, what="for the first look")  # noqa: B023
    yield user, running, own
    running.stop()


def test_new_mail_is_alerted_within_seconds_in_every_folder_though_polling_would_take_minutes(live, dovecot, receiver):
    user, _, _ = live
    start = time.monotonic()
    dovecot.deliver(user, a_raw())
    until(lambda: receiver.bodies, 5, "for the first alert")
    again = a_raw(body="A rights owner reported a trademark infringement. Your listing was removed. ASIN: B0NEWNEW11")
    dovecot.deliver(user, again, folder="Plattform")
    until(lambda: len(receiver.bodies) == 2, 5, "for the alert from the second folder")
    assert time.monotonic() - start < 10


def test_after_a_restart_of_the_server_new_mail_is_heard_of_again(live, dovecot, receiver):
    user, _, own = live
    dovecot.stop()
    time.sleep(0.2)
    dovecot.start()
    dovecot.deliver(user, a_raw())
    until(lambda: receiver.bodies, 30, "for the alert after the restart")
    with service.opened(own.database) as db:
        until(lambda: cursor.of(db, user, "INBOX").failing_since is None, 10)


def test_ordinary_mail_wakes_and_tells_nobody(live, dovecot, receiver):
    user, _, own = live
    dovecot.deliver(user, a_raw("Sold, ship now", ORDER))
    with service.opened(own.database) as db:
        until(lambda: db["messages"].count == 1, 5, "for the mail")
    assert receiver.bodies == []


def test_what_arrives_while_another_mail_is_fetched_does_not_wait_for_the_next_look(scripted, settings, db, model):
    scripted.meanwhile = [a_raw("second", ORDER)]  # announced within the answer that brings the first, and never again
    own = Settings(
        **{**dict(settings), "accounts": (scripted.account(history="0 seconds"),), "polling": {"every": "10 minutes"}}
    )
    running = service.Daemon(own)
    running.start()
    try:
        until(lambda: (c := cursor.of(db, "u", "INBOX")) and c.last_success_at, what="for the first look")
        scripted.deliver(a_raw("first", ORDER))
        until(lambda: db["messages"].count == 2, 5, "for both mails")
    finally:
        running.stop()
