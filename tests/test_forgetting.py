"""What is no longer kept is gone; what the configuration asks to be done in the mailbox is done once."""

from datetime import timedelta

import pytest
from imapclient import IMAPClient
from typer.testing import CliRunner

from tests.conftest import NOW, ORDER, a_raw
from triage import actions, forgetting
from triage.alerts import outbox
from triage.cases import queries
from triage.cli import app
from triage.daemon import Daemon
from triage.errors import UsageError
from triage.labels import Status
from triage.mail import marking
from triage.searching import searched

PRIVATE = "Wilhelmina Quackenbush"
TRADEMARK = "A rights owner reported a trademark infringement. Your listing was removed. ASIN: B0NEWNEW11"


def everything(settings):
    return b"".join(path.read_bytes() for path in settings.data.glob("triage.sqlite*"))


def test_a_forgotten_case_is_gone_from_the_file(db, take, settings):
    take(a_raw(body=TRADEMARK), a_raw(body=f"Your Amazon selling account has been deactivated. Buyer: {PRIVATE}"))
    (hit,) = searched(db, PRIVATE.split()[1], 5)
    actions.note(db, hit.case_id, f"call {PRIVATE}", by="ann", now=NOW)
    assert b"Quackenbush" in everything(settings)

    forgetting.forget(db, forgetting.of_case(db, hit.case_id))
    assert [case.cause for case in queries.listed(db, everything=True, now=NOW)] == ["ip_infringement"]
    assert searched(db, PRIVATE.split()[1], 5) == []
    assert b"Quackenbush" not in everything(settings)
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_sender_s_mail_goes_and_a_case_of_others_stays(db, take):
    take(a_raw("Sold", ORDER, sender="buyer@example.org"), a_raw("Sold", ORDER), a_raw())
    found = forgetting.of_sender(db, "Buyer@example.org")
    assert (found.cases, len(found.messages)) == ((), 1)
    forgetting.forget(db, found)
    assert db["messages"].count == 2
    assert db["cases"].count == 1


def test_what_is_too_old_goes_and_what_is_open_stays_however_old(db, take, settings):
    old = NOW - timedelta(days=800)
    take(a_raw(), a_raw(body=TRADEMARK), a_raw("Sold", ORDER), now=old, at=old)
    actions.set_status(db, 1, Status.WON, by="ann", now=old)
    take(a_raw("Sold", ORDER + "!"))
    Daemon(settings.model_copy(update={"keep": timedelta(days=730)})).forget()
    assert [row["id"] for row in db.query("SELECT id FROM cases")] == [2]
    assert db["messages"].count == 2


def test_a_clock_that_is_years_ahead_costs_nothing(db, take):
    take(a_raw("Sold", ORDER))
    assert not forgetting.older_than(db, timedelta(days=730), NOW + timedelta(days=3000))


def test_the_command_says_what_and_asks(db, take, settings, tmp_path):
    take(a_raw(), a_raw("Sold", ORDER))
    config = tmp_path / "config.toml"
    config.write_text(f'data = "{settings.data}"\n')

    def triage(*words, answer=""):
        return CliRunner().invoke(app, ["forget", *words, "-c", str(config)], input=answer)

    assert triage("--account", "shop", answer="n\n").exit_code == 1
    assert db["cases"].count == 1
    done = triage("--account", "shop", answer="y\n")
    assert "1 cases" in done.output
    assert db["cases"].count == db["messages"].count == db["mailboxes"].count == 0
    assert "nothing of that" in triage("--account", "shop").output
    assert isinstance(triage().exception, UsageError)
    assert "a duration" in str(triage("--older-than", "long ago").exception)


# ---- in the mailbox ----------------------------------------------------------------------------------------------


@pytest.fixture
def box(dovecot, settings, db, model):
    class Box:
        user = dovecot.user()

        def run(self, then):
            account = dovecot.account(self.user, then=then)
            self.settings = settings.model_copy(update={"accounts": (account,)})
            daemon = Daemon(self.settings)
            assert daemon.poll(account) is not None

        def flags(self, folder="INBOX"):
            with IMAPClient("127.0.0.1", port=dovecot.port, ssl=False) as client:
                client.login(self.user, dovecot.PASSWORD)
                client.select_folder(folder, readonly=True)
                uids = client.search()
                return {uid: set(data[b"FLAGS"]) - {b"\\Recent"} for uid, data in client.fetch(uids, ["FLAGS"]).items()}

    dovecot.deliver(Box.user, a_raw(), a_raw("Sold", ORDER))
    return Box()


def test_by_default_nothing_is_done(box):
    box.run("")
    assert list(box.flags().values()) == [set(), set()]


def test_warnings_get_a_keyword_and_nothing_else_is_touched(box):
    box.run("keyword:Triage")
    assert sorted(map(sorted, box.flags().values())) == [[], [b"Triage"]]


def test_warnings_are_moved_once_and_not_judged_again_where_they_come_to(box, db, dovecot):
    box.run("move:Plattform/Warnungen")
    assert len(box.flags()) == 1
    assert len(box.flags("Plattform/Warnungen")) == 1
    assert db["to_mark"].count == 0
    box.run("move:Plattform/Warnungen")
    assert len(box.flags("Plattform/Warnungen")) == 1
    assert db["cases"].count == 1


def test_a_crash_between_doing_and_noting_does_it_once(box, db, monkeypatch):
    real = marking.done
    monkeypatch.setattr(marking, "done", lambda *a: (_ for _ in ()).throw(RuntimeError("killed")))
    with pytest.raises(AssertionError):
        box.run("move:Done")
    assert db["to_mark"].count == 1
    monkeypatch.setattr(marking, "done", real)
    box.run("move:Done")
    assert len(box.flags("Done")) == 1
    assert db["to_mark"].count == 0


def test_a_server_that_cannot_is_told_once_and_mail_is_read_all_the_same(box, db):
    box.run("label:Triage")
    box.run("label:Triage")
    kinds = [alert.kind for alert in outbox.due(db, "file", NOW + timedelta(days=9000))]
    assert kinds.count("marking_down") == 1
    assert db["cases"].count == 1
