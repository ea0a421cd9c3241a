"""Against a real Dovecot: sign-in, folders, new mail, restarts, UIDVALIDITY, size, and a mailbox that stays as it is."""

import os
import threading

import pytest
from imapclient import IMAPClient

from tests.conftest import NOW, ORDER, SUSPENSION, a_raw, until
from triage import daemon as service
from triage.alerts import outbox, standing
from triage.cases import queries
from triage.config import Polling, Settings, Target
from triage.errors import FolderMissing, MailboxUnavailable, ModelError
from triage.judges import Judges
from triage.mail import cursor, session
from triage.mail.session import Session
from triage.mail.sign_in import quiet
from triage.polling import Looker


@pytest.fixture
def world(dovecot, settings, db, model):
    """A user, settings for it, and a look at its mailbox."""

    class World:
        user = dovecot.user()

        def __init__(self):
            self.settings = settings.model_copy(update={"accounts": (dovecot.account(self.user),)})

        def deliver(self, *raws, folder="INBOX"):
            dovecot.deliver(self.user, *raws, folder=folder)

        def look(self):
            account = self.settings.accounts[0]
            looker = Looker(self.settings, Judges(self.settings.models_dir), service.now, None, lambda: None)
            session = Session(account, self.settings.polling)
            try:
                return looker.look(db, account, model, session)
            finally:
                session.close()

        def cases(self):
            return queries.listed(db, everything=True, now=NOW)

        def count(self):
            return db["messages"].count

    return World()


@pytest.mark.parametrize("tls", [False, True])
def test_sign_in_and_reading_plain_on_the_loopback_and_over_tls(dovecot, tls):
    user = dovecot.user()
    dovecot.deliver(user, a_raw())
    with Session(dovecot.account(user, tls=tls), Polling()) as session:
        folder = session.open("INBOX")
        ((last, (message,)),) = session.batches(session.uids_after(0))
    assert folder.messages == 1
    assert last == message.uid
    assert b"authenticity" in message.raw
    assert message.received_at.tzinfo is not None


def test_an_untrusted_certificate_is_refused_with_the_way_out(dovecot):
    account = dovecot.account(dovecot.user(), tls=True).model_copy(update={"ca_file": None})
    with pytest.raises(MailboxUnavailable, match=r"certificate is not trusted .*ca_file"), Session(account, Polling()):
        pass


def test_a_certificate_for_another_host_is_refused(dovecot):
    account = dovecot.account(dovecot.user(), tls=True).model_copy(update={"host": "127.0.0.1"})
    with pytest.raises(MailboxUnavailable, match="certificate is not trusted"), Session(account, Polling()):
        pass


def test_a_wrong_password_asks_the_owner_and_is_not_tried_again(dovecot, world, db, monkeypatch):
    wrong = dovecot.account(world.user, password="wrong")
    world.settings = world.settings.model_copy(update={"accounts": (wrong,)})
    running = service.Daemon(world.settings)
    tries = []
    real = session.connect
    monkeypatch.setattr(session, "connect", lambda *a: (tries.append(1), real(*a))[1])
    for _ in range(3):
        assert running.poll(wrong) is None
    assert len(tries) == 1
    (alert,) = outbox.due(db, "file", service.now())
    assert alert.kind == "mailbox_down"
    assert "sign-in refused" in alert.detail["reason"]
    assert "wrong" not in alert.detail["reason"]


def test_a_password_that_cannot_be_had_any_more_is_told(dovecot, world, db, tmp_path):
    gone = dovecot.account(world.user, password=f"file:{tmp_path}/gone")
    world.settings = world.settings.model_copy(update={"accounts": (gone,)})
    running = service.Daemon(world.settings)
    assert running.poll(gone) is None
    (alert,) = outbox.due(db, "file", service.now())
    assert "cannot read the file" in alert.detail["reason"]
    (tmp_path / "gone").write_text(dovecot.PASSWORD)
    assert running.poll(gone) is not None


def test_an_unreachable_server_is_temporary(settings):
    account = settings.accounts[0].model_copy(update={"port": 1, "security": "none"})
    with pytest.raises(MailboxUnavailable, match="trying again") as caught, Session(account, Polling()):
        pass
    assert caught.value.temporary


def test_a_missing_folder_names_those_there_are(dovecot):
    user = dovecot.user()
    dovecot.folder(user, "Plattform")
    with (
        Session(dovecot.account(user), Polling()) as session,
        pytest.raises(FolderMissing, match=r'no folder "Nope"; the server has: .*Plattform'),
    ):
        session.open("Nope")


def test_a_missing_folder_stops_no_other_is_told_once_and_read_when_it_is_there(dovecot, world, db):
    both = dovecot.account(world.user, folders=("Later", "INBOX"))
    world.settings = world.settings.model_copy(update={"accounts": (both,)})
    running = service.Daemon(world.settings)
    world.deliver(a_raw())
    for _ in range(3):
        running.poll(both)
    assert len(world.cases()) == 1
    assert [alert.kind for alert in outbox.due(db, "file", service.now())] == ["mailbox_down", "history"]

    world.deliver(
        a_raw(body="A rights owner reported a trademark infringement. Your listing was removed. ASIN: B0NEWNEW11"),
        folder="Later",
    )
    assert running.poll(both).kept == 1
    kinds = [alert.kind for alert in outbox.due(db, "file", service.now())]
    assert kinds == ["mailbox_down", "history", "history", "mailbox_up"]


def test_a_folder_with_a_chinese_name_is_read(dovecot, world):
    world.settings = world.settings.model_copy(
        update={"accounts": (dovecot.account(world.user, folders=("INBOX", "平台通知")),)}
    )
    with IMAPClient("127.0.0.1", port=dovecot.port, ssl=False) as client:
        client.login(world.user, dovecot.PASSWORD)
        client.create_folder("平台通知")
        client.append("平台通知", a_raw())
    world.look()
    assert [case.cause for case in world.cases()] == ["authenticity"]


def test_new_mail_is_read_once_and_the_mailbox_stays_as_it_is(dovecot, world):
    world.look()
    world.deliver(a_raw(), a_raw("Sold, ship now: lantern", ORDER))
    assert world.look().messages == 2
    assert world.look().messages == 0

    assert [case.cause for case in world.cases()] == ["authenticity"]
    with IMAPClient("127.0.0.1", port=dovecot.port, ssl=False) as client:
        client.login(world.user, dovecot.PASSWORD)
        client.select_folder("INBOX", readonly=True)
        flags = [set(data[b"FLAGS"]) - {b"\\Recent"} for data in client.fetch(client.search(), ["FLAGS"]).values()]
    assert flags == [set(), set()]


def test_the_history_is_summed_up_in_one_alert_and_later_mail_is_alerted_itself(world, db):
    world.deliver(
        *(
            a_raw(body=SUSPENSION.replace("16744219803", f"1674421980{n}").replace("B0CQ7M2XKD", f"B0CQ7M2XK{n}"))
            for n in range(5)
        )
    )
    world.look()
    assert {case.history for case in world.cases()} == {True}
    (alert,) = outbox.due(db, "file", service.now())
    assert (alert.kind, alert.detail["count"]) == ("history", len(world.cases()))

    world.deliver(
        a_raw(
            "Policy Warning",
            "A rights owner reported a trademark infringement. Your listing was removed. ASIN: B0NEWNEW11",
        )
    )
    world.look()
    assert [a.kind for a in outbox.due(db, "file", service.now())] == ["history", "case_opened"]


def test_mail_older_than_the_history_is_left_alone(world, dovecot):
    world.deliver(a_raw())
    (mail,) = (dovecot.folder(world.user, "INBOX") / "new").iterdir()
    os.utime(mail, (1_600_000_000, 1_600_000_000))  # Maildir's INTERNALDATE
    world.look()
    world.deliver(a_raw("Sold", ORDER))
    world.look()
    assert world.count() == 1
    assert world.cases() == []


def test_a_restart_of_the_server_is_survived(dovecot, world, db):
    world.look()
    dovecot.stop()
    with pytest.raises(MailboxUnavailable):
        world.look()
    assert cursor.of(db, world.user, "INBOX").failing_since is not None
    dovecot.start()
    world.deliver(a_raw())
    assert world.look().kept == 1
    assert cursor.of(db, world.user, "INBOX").failing_since is None


def test_a_server_that_goes_away_in_the_middle_of_a_look_loses_nothing(dovecot, world, db, settings):
    world.look()
    world.deliver(*(a_raw(f"Sold, ship now: item {n}", ORDER) for n in range(3000)))

    def pull_the_plug():
        with service.opened(settings.database) as other:
            until(lambda: other["messages"].count >= 200, what="for the first batches")
        dovecot.kill()

    thread = threading.Thread(target=pull_the_plug)
    thread.start()
    with pytest.raises(MailboxUnavailable):
        world.look()
    thread.join()
    before = world.count()
    dovecot.start()
    world.look()
    assert 200 <= before < 3000
    assert db.execute("SELECT count(*), count(DISTINCT uid) FROM messages").fetchone() == (3000, 3000)


def test_without_a_model_the_targets_are_told_and_the_mailbox_is_left_alone(
    dovecot, world, settings, db, tmp_path, monkeypatch
):
    from triage.learn import retrain

    def broken(*args, **kwargs):
        raise ModelError("no model can be made")

    monkeypatch.setattr(retrain, "retrain", broken)
    world.deliver(a_raw())
    running = service.Daemon(world.settings.model_copy(update={"models": tmp_path / "none"}))
    assert running.poll(world.settings.accounts[0]) is None
    assert running.poll(world.settings.accounts[0]) is None
    assert [alert.kind for alert in outbox.due(db, "file", service.now())] == ["model_down"]
    assert cursor.of(db, world.user, "INBOX") is None


def test_after_a_new_uidvalidity_known_mail_opens_nothing_and_new_mail_is_alerted(dovecot, world, db):
    world.look()
    world.deliver(a_raw())
    world.look()
    before = cursor.of(db, world.user, "INBOX")
    place = dovecot.folder(world.user, "INBOX")
    for index in place.glob("dovecot*"):
        index.unlink()
    (place / "dovecot-uidlist").write_text("3 V99999 N1 Gffffffffffffffffffffffffffffffff\n")
    if dovecot.owner is not None:
        os.chown(place / "dovecot-uidlist", dovecot.owner, dovecot.owner)
    world.deliver(
        a_raw(
            "Policy Warning",
            "A rights owner reported a copyright infringement. Your listing was removed. ASIN: B0NEWNEW11",
        )
    )
    world.look()

    after = cursor.of(db, world.user, "INBOX")
    assert before.uidvalidity != after.uidvalidity == 99999
    assert len(world.cases()) == 2
    assert [a.kind for a in outbox.due(db, "file", service.now())] == ["case_opened", "case_opened"]


def test_two_thousand_mails_are_read_whole_in_bounded_batches(world, db):
    world.deliver(*(a_raw(f"Sold, ship now: item {n}", ORDER) for n in range(1990)), *(a_raw() for _ in range(10)))
    assert world.look().messages == 2000
    assert db.execute("SELECT count(DISTINCT uid) FROM messages").fetchone() == (2000,)


def test_of_a_forty_megabyte_mail_only_the_beginning_is_fetched(dovecot, world, db):
    huge = a_raw().rstrip() + b"\n\n" + b"A" * 76 + (b"\n" + b"A" * 76) * 540_000
    assert len(huge) > 40_000_000
    world.deliver(huge, a_raw("Sold", ORDER))
    world.look()
    assert [case.cause for case in world.cases()] == ["authenticity"]
    assert db.execute("SELECT length(original) < 5000000 FROM messages WHERE case_id IS NOT NULL").fetchone() == (1,)


def test_a_batch_is_bounded_in_bytes(dovecot):
    user = dovecot.user()
    dovecot.deliver(user, *(a_raw(body="x" * 60_000) for _ in range(6)))
    with Session(dovecot.account(user), Polling(batch_bytes=130_000)) as session:
        session.open("INBOX")
        sizes = [len(messages) for _, messages in session.batches(session.uids_after(0))]
    assert sizes == [2, 2, 2]


def test_a_quiet_client_builds_no_debug_lines(dovecot, caplog):
    client = IMAPClient("127.0.0.1", port=dovecot.port, ssl=False)
    lines = []
    quiet(client)
    client._imap._mesg = lines.append
    client.login(dovecot.user(), dovecot.PASSWORD)
    client.logout()
    assert lines == []


def test_one_bad_mailbox_never_delays_another(dovecot, settings, model):
    good, bad = dovecot.user(), dovecot.user()
    dovecot.deliver(good, a_raw())
    accounts = (dovecot.account(bad).model_copy(update={"host": "192.0.2.1"}), dovecot.account(good))
    both = Settings(
        **{**dict(settings), "accounts": accounts, "polling": {"every": "1 second", "history": "0 seconds"}}
    )
    running = service.Daemon(both)
    running.start()
    try:
        with service.opened(both.database) as db:
            until(lambda: (c := cursor.of(db, good, "INBOX")) and c.last_success_at, 10, "for the good mailbox")
    finally:
        running.stop()


def test_the_targets_get_what_the_running_service_finds(dovecot, settings, receiver, model):
    user = dovecot.user()
    hook = Target(name="hook", type="apprise", url=receiver.url)
    live = Settings(
        **{**dict(settings), "accounts": (dovecot.account(user),), "targets": (hook,), "polling": {"every": "1 second"}}
    )
    receiver.answers = [500]
    running = service.Daemon(live)
    running.start()
    try:
        with service.opened(live.database) as db:
            until(lambda: cursor.of(db, user, "INBOX"), what="for the first look")
            dovecot.deliver(user, a_raw())
            until(lambda: db.execute("SELECT attempts FROM alerts").fetchone(), what="for the first try")
            until(lambda: db.execute("SELECT attempts FROM alerts").fetchone()[0] == 1, what="for the failure")
            assert receiver.bodies == []
            outbox.retry(db, 1, service.now())  # what triage alerts retry does
            standing.try_now(db, "hook")
            until(lambda: receiver.bodies, what="for the alert")
    finally:
        running.stop()
    assert b"account suspended - Authenticity" in receiver.bodies[0]
    assert len(receiver.bodies) == 1
