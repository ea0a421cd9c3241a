"""What triage status calls well."""

from datetime import timedelta

import pytest

from tests.conftest import NOW
from triage.alerts import outbox, standing, troubles
from triage.health import document, health
from triage.mail import cursor


@pytest.fixture
def read(db):
    """The mailbox was read a minute ago."""
    cursor.begin(db, "shop", "INBOX", 7, last_uid=0, history_through=0)
    cursor.succeeded(db, "shop", "INBOX", NOW - timedelta(minutes=1))


def test_all_is_well(db, settings, read):
    assert health(db, settings, NOW).well


def test_a_mailbox_that_was_not_read_for_two_renewals_is_not_well(db, settings, read):
    assert health(db, settings, NOW + timedelta(minutes=9)).well
    late = health(db, settings, NOW + timedelta(minutes=9, seconds=1))
    assert not late.well
    assert not late.mailboxes[0].well


def test_a_mailbox_that_was_never_read_is_not_well(db, settings):
    assert [(box.account, box.folder, box.well) for box in health(db, settings, NOW).mailboxes] == [
        ("shop", "INBOX", False)
    ]


def test_a_failing_mailbox_or_target_or_a_trouble_is_not_well(db, settings, read):
    cursor.failed(db, "shop", "INBOX", "shop: gone", NOW)
    assert health(db, settings, NOW).mailboxes[0].last_error == "shop: gone"
    assert not health(db, settings, NOW).well
    cursor.succeeded(db, "shop", "INBOX", NOW)
    standing.known(db, "file", NOW)
    standing.failed(db, "file", "file: gone", spread=0, now=NOW)
    assert not health(db, settings, NOW).well
    standing.succeeded(db, "file", NOW)
    troubles.begin(db, "disk", "disk_low", {}, NOW)
    assert not health(db, settings, NOW).well


def test_what_a_person_dropped_was_not_given_up(db, settings):
    for key in ("a", "b"):
        outbox.queue(db, ["file"], "test", key, now=NOW)
    outbox.drop(db, 1, "li", NOW)
    outbox.failed(db, [outbox.get(db, 2)], "file: gone", tries=1, spread=0, now=NOW)
    assert health(db, settings, NOW).given_up == 1


def test_as_data_it_is_json(db, settings, read):
    import json

    told = json.loads(json.dumps(document(health(db, settings, NOW))))
    assert told["well"] is True
    assert told["mailboxes"][0]["last_success_at"].startswith("2026-11-23T11:59")
