"""What goes out together, what waits, what never waits."""

from datetime import timedelta

import pytest

from tests.conftest import NOW, SUSPENSION, a_raw
from triage.alerts import outbox
from triage.alerts.outbox import MOST_IN_ONE, PRESSING
from triage.config import Alerting, Hours
from triage.config.kinds import hours
from triage.delivery import deliver_due

REMOVED = "A rights owner reported that ASIN: {asin} infringes its trademark. Your listing was removed. Respond within 72 hours."
WORDS = [
    "kettle",
    "lamp",
    "sofa",
    "brush",
    "candle",
    "drill",
    "mirror",
    "pillow",
    "basket",
    "ladder",
    "whisk",
    "curtain",
]


def a_removal(number, about=""):
    """A notice of its own: what differs is more than the product, so that it opens a case of its own."""
    return a_raw(f"Policy warning: {WORDS[number]} {about}", REMOVED.format(asin=f"B0{number:08d}"))


@pytest.fixture
def messages(db, settings):
    """What the target takes at some moment: the alerts of each message."""

    def messages(now=NOW):
        sent = []
        while alerts := outbox.next_message(db, "file", now):
            outbox.delivered(db, alerts, now)
            sent.append(alerts)
        return sent

    return messages


def test_the_first_of_many_like_events_goes_at_once_the_others_are_one_message(take, messages):
    take(a_removal(0))
    assert [len(message) for message in messages()] == [1]
    for number in range(1, 12):
        take(a_removal(number), now=NOW + timedelta(seconds=20 * number))

    assert messages(NOW + timedelta(minutes=9)) == []
    (rest,) = messages(NOW + timedelta(minutes=10))
    assert sorted(alert.case_id for alert in rest) == list(range(2, 13))


def test_like_events_of_one_moment_are_one_message_at_once(take, messages):
    take(*(a_removal(number) for number in range(12)))
    (all_of_them,) = messages()
    assert len(all_of_them) == 12


def test_what_comes_after_the_window_goes_at_once_again(take, messages):
    take(a_removal(0))
    messages()
    later = NOW + timedelta(minutes=11)
    take(a_removal(1), now=later)
    assert len(messages(later)) == 1


def test_another_cause_or_store_is_not_alike(take, messages):
    take(a_removal(0))
    messages()
    take(
        a_raw(
            "Late shipment",
            "Your order defect rate is 1.5 %, above our target of 1 %. Your listing was removed. ASIN: B0AAAAAAAA",
        )
    )
    assert len(messages()) == 1


def test_an_update_within_minutes_waits_for_the_windows_end_and_later_ones_join_it(take, messages):
    take(a_removal(0))
    messages()
    for minutes in (1, 2, 3):
        take(
            a_raw(f"Re {minutes}: Policy warning", REMOVED.format(asin="B000000000") + f" {minutes}"),
            now=NOW + timedelta(minutes=minutes),
        )
    assert messages(NOW + timedelta(minutes=5)) == []
    (update,) = messages(NOW + timedelta(minutes=10))
    assert [alert.kind for alert in update] == ["case_advanced"] * 3
    assert {alert.case_id for alert in update} == {1}


def test_an_update_joins_the_first_alert_that_still_waits(take, messages):
    take(a_removal(0))
    take(a_raw("Once more: policy warning", REMOVED.format(asin="B000000000") + " again"))
    (message,) = messages()
    assert [alert.kind for alert in message] == ["case_opened", "case_advanced"]


def test_a_suspension_is_delayed_by_no_group(take, messages):
    take(a_removal(0))
    messages()
    take(a_removal(1), now=NOW + timedelta(seconds=30))  # waits for the window
    at = NOW + timedelta(seconds=60)
    take(a_raw(sent_at=at), now=at)
    (suspension,) = messages(at)
    assert [(alert.kind, alert.rank) for alert in suspension] == [("case_opened", PRESSING)]


def test_a_case_in_a_group_that_becomes_a_suspension_leaves_it_at_once(take, messages):
    take(a_removal(0))
    messages()
    take(a_removal(1), a_removal(2), now=NOW + timedelta(seconds=30))
    at = NOW + timedelta(seconds=60)
    worse = "Your Amazon selling account has been deactivated because of trademark infringement. ASIN: B000000001"
    take(a_raw("Your account has been deactivated", worse), now=at)

    (message,) = messages(at)
    assert [(alert.case_id, alert.kind) for alert in message] == [(2, "case_opened"), (2, "case_advanced")]
    (rest,) = messages(NOW + timedelta(minutes=10))
    assert [alert.case_id for alert in rest] == [3]


def test_no_message_holds_more_than_can_be_listed_and_none_is_left_behind(db, messages):
    for number in range(MOST_IN_ONE + 50):
        outbox.queue(
            db, ["file"], "quarantined", f"q{number}", now=NOW, alike="quarantined", within=timedelta(minutes=10)
        )
    assert [len(message) for message in messages()] == [MOST_IN_ONE, 50]


def test_a_mailbox_that_is_well_again_is_never_told_before_that_it_was_not(db, messages):
    for name in ("a", "b"):
        outbox.queue(
            db,
            ["file"],
            "mailbox_down",
            f"down:{name}",
            now=NOW,
            topic=f"mailbox:{name}",
            alike="mailbox_down",
            within=timedelta(minutes=10),
        )
        messages() if name == "a" else None
    outbox.queue(
        db, ["file"], "mailbox_up", "up:b", now=NOW, topic="mailbox:b", alike="mailbox_up", within=timedelta(minutes=10)
    )
    kinds = [alert.kind for message in messages(NOW + timedelta(minutes=10)) for alert in message]
    assert kinds == ["mailbox_down", "mailbox_up"]


def test_forty_listings_are_one_line_each_up_to_ten_and_a_count(take, db, settings, tmp_path):
    import json

    take(*(a_removal(number) for number in range(12)))
    deliver_due(db, settings.targets[0], settings, lambda: NOW)
    (line,) = map(json.loads, (tmp_path / "alerts.jsonl").read_text().splitlines())
    assert line["title"] == "12 alerts: [New] Amazon shop: listing removed - IP infringement"
    assert line["body"].splitlines()[0].startswith("- #1 Policy warning: kettle")
    assert line["body"].splitlines()[-1] == "+ 2 more; all of them: triage cases"
    assert len(line["body"].splitlines()) == 11
    assert [each["case"] for each in line["together"]] == list(range(1, 13))


# ---- quiet hours ----------------------------------------------------------------------------------------------


@pytest.fixture
def quiet(settings, monkeypatch):
    """Quiet from 11:00 to 14:00 UTC; it is 12:00."""
    alerting = Alerting(quiet=hours("11:00-14:00"))
    object.__setattr__(settings, "alerting", alerting)
    return settings


def test_quiet_hours_hold_back_until_their_end(quiet, take, messages):
    take(a_removal(0))  # due in 72 hours
    assert messages(NOW + timedelta(hours=1, minutes=59)) == []
    assert len(messages(NOW + timedelta(hours=2))) == 1


@pytest.mark.parametrize(
    ("subject", "body"),
    [("Your Amazon.com selling account has been deactivated", SUSPENSION),
     ("Policy warning", REMOVED.format(asin="B0AAAAAAAA").replace("within 72 hours", "within 1 hour"))],
    ids=["suspended", "due before they end"],
)  # fmt: skip
def test_quiet_hours_do_not_hold_back_what_cannot_wait(quiet, take, messages, subject, body):
    take(a_raw(subject, body))
    assert len(messages()) == 1


def test_what_was_held_back_goes_with_what_cannot_wait(quiet, take, messages):
    take(a_removal(0))
    worse = "Your Amazon selling account has been deactivated because of trademark infringement. ASIN: B000000000"
    take(a_raw("Your account has been deactivated", worse), now=NOW + timedelta(minutes=5))
    (message,) = messages(NOW + timedelta(minutes=5))
    assert [alert.kind for alert in message] == ["case_opened", "case_advanced"]


@pytest.mark.parametrize(
    ("span", "at", "end"),
    [("22:00-08:00", "23:30", "08:00+1"), ("22:00-08:00", "07:59", "08:00"), ("22:00-08:00", "08:00", "08:00"),
     ("22:00-08:00", "21:59", "21:59"), ("12:00-13:00", "12:00", "13:00"), ("00:00-00:00", "05:00", "00:00+1")],
)  # fmt: skip
def test_the_end_of_a_span_of_the_day(span, at, end):
    moment = NOW.replace(hour=int(at[:2]), minute=int(at[3:]))
    wanted = NOW.replace(hour=int(end[:2]), minute=int(end[3:5])) + timedelta(days=end.endswith("+1"))
    read = hours(span)
    assert isinstance(read, Hours)
    assert read.over(moment) == wanted
