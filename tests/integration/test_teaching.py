"""Corrections from the mail program: what is moved or tagged in a real mailbox says what it is, once."""

import pytest
from imapclient import IMAPClient

from tests.conftest import NOW, ORDER, a_raw
from tests.integration.test_mailboxes import world  # noqa: F401 - a fixture
from triage import actions
from triage.labels import Cause
from triage.learn import corrections


@pytest.fixture
def taught(world):  # noqa: F811
    account = world.settings.accounts[0].model_copy(update={"corrections": "Triage", "history": None})
    world.settings = world.settings.model_copy(update={"accounts": (account,)})
    return world


@pytest.fixture
def program(dovecot, taught):
    """The owner's mail program."""
    with IMAPClient("127.0.0.1", port=dovecot.port, ssl=False) as client:
        client.login(taught.user, dovecot.PASSWORD)
        yield client


def test_a_mail_that_is_moved_to_a_folder_is_corrected_to_its_cause_once(taught, program, db):
    taught.deliver(a_raw(), a_raw("Sold, ship now", ORDER))
    taught.look()
    assert [case.cause for case in taught.cases()] == [Cause.AUTHENTICITY]
    alerts = db["alerts"].count

    program.select_folder("INBOX")
    program.create_folder("Triage/kyc")
    program.create_folder("Triage/holidays")  # no cause
    program.move([1], "Triage/kyc")
    program.move([2], "Triage/holidays")
    taught.look()
    (case,) = taught.cases()
    assert case.cause is Cause.KYC
    (said,) = corrections.listed(db)
    assert (said.by, said.source, said.was, said.cause) == (taught.user, "mailbox", "authenticity", Cause.KYC)
    kinds = [row["kind"] for row in db.query("SELECT kind FROM alerts ORDER BY id")]
    assert kinds[alerts:] == [], kinds

    actions.correct(db, case.id, cause=Cause.PAYMENTS, stage=None, by="li", now=NOW)
    taught.look()
    assert taught.cases()[0].cause is Cause.PAYMENTS  # what somebody said later stays


def test_an_ordinary_mail_that_is_moved_becomes_a_case_with_its_text_to_learn_from(taught, program, db):
    taught.deliver(a_raw("Sold, ship now", ORDER))
    taught.look()
    program.select_folder("INBOX")
    program.create_folder("Triage/listing_policy")
    program.move([1], "Triage/listing_policy")
    taught.look()
    assert [case.cause for case in taught.cases()] == [Cause.LISTING_POLICY]
    assert "your item sold" in corrections.rows(db)[0].body


def test_a_mail_that_was_never_read_is_what_its_folder_says_and_raises_no_alert(taught, program, db):
    taught.look()
    program.create_folder("Triage/epr")
    program.append("Triage/epr", a_raw())
    taught.look()
    assert [case.cause for case in taught.cases()] == [Cause.EPR]
    assert not [row for row in db.query("SELECT kind FROM alerts") if row["kind"] == "case_opened"]


def test_a_keyword_says_so_once_and_none_dismisses(taught, program, db):
    taught.deliver(a_raw(), a_raw("Sold, ship now", ORDER))
    taught.look()
    program.select_folder("INBOX")
    program.add_flags([1], [b"Triage-none"])
    program.add_flags([2], [b"Triage-performance"])
    taught.look()
    by_title = {case.title: case for case in taught.cases()}
    assert by_title["Your Amazon.com selling account has been deactivated"].cause is Cause.NONE
    assert by_title["Sold, ship now"].cause is Cause.PERFORMANCE

    undone = by_title["Sold, ship now"].id
    actions.correct(db, undone, cause=Cause.KYC, stage=None, by="li", now=NOW)
    taught.look()
    assert {case.id: case.cause for case in taught.cases()}[undone] is Cause.KYC


def test_switched_off_nothing_is_learned_from_the_mailbox(world, dovecot, db):  # noqa: F811
    world.deliver(a_raw())
    world.look()
    dovecot.deliver(world.user, a_raw(), folder="Triage.kyc")
    world.look()
    assert db["corrections"].count == 0


def test_the_mailbox_itself_is_left_as_it_is(taught, program):
    taught.deliver(a_raw())
    program.create_folder("Triage/kyc")
    taught.look()
    program.select_folder("INBOX", readonly=True)
    assert set(program.get_flags([1])[1]) <= {b"\\Recent"}
