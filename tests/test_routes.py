"""Who gets what, and what is reminded of, when and to whom."""

from datetime import timedelta

import pytest

from tests.conftest import NOW, a_raw
from triage import actions
from triage.alerts import outbox, reminders, routes
from triage.cases import queries
from triage.config import Account, Alerting, Person, Route, Settings, Target
from triage.errors import UsageError
from triage.labels import Cause, Platform, Stage, Status
from triage.telling import remind

SUSPENDED = {"stages": ["suspended"], "to": ["li"]}


def a_team(settings, *, routes=(), people=(), **alerting):
    """Three targets; li has two of them, then wang, then the boss."""
    targets = tuple(Target(name=name, type="console") for name in ("li-chat", "li-mail", "wang-chat", "boss-chat"))
    team = people or (
        Person(name="li", targets=("li-chat", "li-mail"), next="wang"),
        Person(name="wang", targets=("wang-chat",), next="boss"),
        Person(name="boss", targets=("boss-chat",)),
    )
    return Settings(
        data=settings.data, models=settings.models, targets=targets, people=team,
        accounts=(Account(name="shop", host="h", user="u", password="p"), Account(name="other", host="h", user="u", password="p", targets=("wang-chat",))),
        routes=tuple(Route(name=f"r{n}", **route) for n, route in enumerate(routes)), alerting=Alerting(**alerting),
    )  # fmt: skip


@pytest.fixture
def a_case(take, db):
    take(a_raw())
    return queries.get(db, 1)


def told(people):
    return [person.name for person in people]


@pytest.mark.parametrize(
    ("route", "fits"),
    [
        ({"accounts": ["shop"]}, True), ({"accounts": ["other"]}, False),
        ({"platforms": [Platform.AMAZON]}, True), ({"platforms": [Platform.EBAY]}, False),
        ({"causes": [Cause.AUTHENTICITY, Cause.KYC]}, True), ({"causes": [Cause.KYC]}, False),
        ({"stages": [Stage.SUSPENDED]}, True), ({"stages": [Stage.WARNING]}, False),
        ({"severity": 5}, True), ({"languages": ["en"]}, True), ({"languages": ["zh"]}, False),
        ({"days": ["monday"]}, True), ({"days": ["sunday", "saturday"]}, False),
        ({"hours": "12:00-13:00"}, True), ({"hours": "22:00-12:00"}, False),
    ],
)  # fmt: skip
def test_each_condition_of_a_route(settings, a_case, route, fits):
    team = a_team(settings, routes=[{"to": ["boss"], **route}])
    assert told(routes.recipients_of(team, a_case, NOW)) == (["boss"] if fits else ["li", "wang", "boss"])


def test_the_first_route_that_fits_decides(settings, a_case):
    team = a_team(settings, routes=[{"to": ["li"], "severity": 5}, {"to": ["boss"]}])
    assert told(routes.recipients_of(team, a_case, NOW)) == ["li"]


def test_a_route_may_name_one_way_of_a_person_who_is_then_told_that_way_only(settings, a_case):
    (person,) = routes.recipients_of(a_team(settings, routes=[{"to": ["li-mail"]}]), a_case, NOW)
    assert (person.name, person.targets) == ("li", ("li-mail",))


def test_without_a_route_that_fits_the_accounts_own_targets_get_it(settings, a_case):
    from dataclasses import replace

    team = a_team(settings, routes=[{"to": ["boss"], "platforms": ["ebay"]}])
    assert told(routes.recipients_of(team, replace(a_case, account="other"), NOW)) == ["wang"]


def test_routes_are_followed_when_a_mail_comes(db, model, settings):
    from tests.conftest import a_batch
    from triage.mail import cursor
    from triage.pipeline import take_in

    team = a_team(settings, routes=[SUSPENDED, {"to": ["wang"]}])
    cursor.begin(db, "shop", "INBOX", 7, last_uid=0, history_through=0)
    take_in(
        db,
        a_batch(
            a_raw(),
            a_raw(
                "Policy warning",
                "A rights owner reported that ASIN: B0AAAAAAAA infringes its trademark. Your listing was removed.",
            ),
        ),
        model,
        team,
        NOW,
    )
    went = {(alert.case_id, alert.target) for alert in outbox.listed(db)}
    assert went == {(1, "li-chat"), (1, "li-mail"), (2, "wang-chat")}


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ({}, {"stages": ["suspended"]}, "never"),
        ({"stages": ["suspended"]}, {}, None),
        ({"stages": ["suspended"]}, {"stages": ["suspended"]}, "never"),
        ({"platforms": ["amazon"]}, {"stages": ["suspended"]}, "overlap"),
        ({"platforms": ["amazon"]}, {"platforms": ["ebay"]}, None),
        ({"severity": 3}, {"severity": 4}, "never"),
        ({"severity": 4}, {"severity": 3}, None),
        ({"hours": "08:00-20:00"}, {"hours": "20:00-08:00"}, None),
        ({"hours": "08:00-20:00"}, {"hours": "09:00-10:00"}, "never"),
        ({"hours": "08:00-20:00"}, {"hours": "19:00-23:00"}, "overlap"),
        ({"days": ["monday"], "causes": ["kyc"]}, {"days": ["monday", "sunday"], "causes": ["kyc"]}, None),
    ],
)  # fmt: skip
def test_overlapping_routes_are_found(first, second, found):
    both = [Route(name="a", to=("x",), **first), Route(name="b", to=("y",), **second)]
    known = {"never" if each.never else "overlap" for each in routes.overlaps(both)}
    assert known == ({found} if found else set())


# ---- reminders ------------------------------------------------------------------------------------------------


def test_the_plan_of_a_suspension_again_then_the_next_then_all_and_before_the_deadline(settings, a_case):
    team = a_team(settings, routes=[SUSPENDED])
    plan = [(planned.at - NOW, planned.why, told(planned.to)) for planned in reminders.plan(a_case, team)]
    assert plan == [
        (timedelta(minutes=30), "unacknowledged", ["li"]),
        (timedelta(minutes=60), "escalated", ["li", "wang"]),
        (timedelta(minutes=90), "everybody", ["li", "wang", "boss"]),
        (timedelta(hours=48), "deadline", ["li"]),
        (timedelta(hours=68), "deadline", ["li", "wang"]),
        (timedelta(hours=71), "deadline", ["li", "wang", "boss"]),
    ]


def test_a_mere_warning_is_not_escalated_but_its_deadline_is(settings, a_case):
    from dataclasses import replace

    mild = replace(a_case, severity=2, stage=Stage.WARNING)
    assert {planned.why for planned in reminders.plan(mild, a_team(settings))} == {"deadline"}


def test_who_acknowledged_is_reminded_of_the_deadline_and_nobody_else(settings, a_case):
    from dataclasses import replace

    team = a_team(settings, routes=[SUSPENDED])
    taken = replace(a_case, status=Status.PREPARING, assignee="wang")
    assert {(planned.why, *told(planned.to)) for planned in reminders.plan(taken, team)} == {("deadline", "wang")}


@pytest.mark.parametrize("status", [Status.SUBMITTED, Status.WAITING, Status.WON, Status.CLOSED, Status.DISMISSED])
def test_what_is_answered_or_over_is_not_reminded_of(settings, a_case, status):
    from dataclasses import replace

    assert reminders.plan(replace(a_case, status=status), a_team(settings)) == []


def kinds_to(db):
    return [
        (alert.detail.get("why", alert.kind), alert.target)
        for alert in outbox.listed(db, state="all")
        if alert.kind == "reminder"
    ]


def test_reminders_are_queued_once_each_when_their_time_has_come(db, settings, a_case):
    team = a_team(settings, routes=[SUSPENDED])
    assert remind(db, team, NOW + timedelta(minutes=29)) == 0
    for minutes in (30, 31, 59):
        remind(db, team, NOW + timedelta(minutes=minutes))
    assert kinds_to(db) == [("unacknowledged", "li-chat"), ("unacknowledged", "li-mail")]
    remind(db, team, NOW + timedelta(minutes=60))
    assert kinds_to(db)[2:] == [("escalated", "li-chat"), ("escalated", "li-mail"), ("escalated", "wang-chat")]


def test_after_a_night_without_the_service_only_the_latest_reminder_comes(db, settings, a_case):
    assert remind(db, a_team(settings, routes=[SUSPENDED]), NOW + timedelta(hours=9)) == 1
    assert {why for why, _ in kinds_to(db)} == {"everybody"}


def test_what_is_older_than_a_day_is_not_made_up_for(db, settings, a_case):
    late = NOW + timedelta(hours=26)
    assert remind(db, a_team(settings, routes=[SUSPENDED]), late) == 0


def test_acknowledging_stops_what_waits_and_what_would_come(db, settings, a_case):
    team = a_team(settings, routes=[SUSPENDED])
    remind(db, team, NOW + timedelta(minutes=30))
    actions.acknowledge(db, 1, by="li", now=NOW + timedelta(minutes=31))
    waiting = [alert for alert in outbox.listed(db) if alert.kind == "reminder"]
    assert waiting == []
    assert remind(db, team, NOW + timedelta(hours=2)) == 0


def test_something_new_begins_the_plan_anew(db, settings, take, a_case):
    team = a_team(settings, routes=[SUSPENDED])
    actions.acknowledge(db, 1, by="li", now=NOW + timedelta(minutes=5))
    again = NOW + timedelta(hours=3)
    take(a_raw(body="We need more information. Case ID: 16744219803", sent_at=again), now=again, at=again)
    assert queries.get(db, 1).status is Status.OPEN
    assert remind(db, team, again + timedelta(minutes=29)) == 0
    assert remind(db, team, again + timedelta(minutes=30)) == 1


def test_an_undone_acknowledgement_is_reminded_of_again(db, settings, a_case):
    team = a_team(settings, routes=[SUSPENDED])
    actions.acknowledge(db, 1, by="li", now=NOW + timedelta(minutes=1))
    actions.undo(db, 1, by="li", now=NOW + timedelta(minutes=2))
    assert remind(db, team, NOW + timedelta(minutes=33)) == 1


def test_a_case_that_was_put_off_is_quiet_until_then_and_begins_anew(db, settings, a_case):
    team = a_team(settings, routes=[SUSPENDED])
    until = NOW + timedelta(hours=30)
    event = actions.snooze(db, 1, until, by="li", now=NOW + timedelta(minutes=5))
    assert (event.kind, queries.get(db, 1).snoozed_until) == ("snoozed", until)
    for hours in (1, 5, 29):
        remind(db, team, NOW + timedelta(hours=hours))
    assert {why for why, _ in kinds_to(db)} <= {"deadline"}  # of that everybody is reminded all the same
    remind(db, team, until)
    remind(db, team, until + timedelta(minutes=30))
    assert [why for why, _ in kinds_to(db) if why != "deadline"][:3] == ["unacknowledged", "unacknowledged", "escalated"]


def test_something_new_ends_the_putting_off_and_so_does_undo(db, settings, take, a_case):
    actions.snooze(db, 1, NOW + timedelta(hours=30), by="li", now=NOW)
    again = NOW + timedelta(hours=3)
    take(a_raw(body="We need more information. Case ID: 16744219803", sent_at=again), now=again, at=again)
    assert queries.get(db, 1).snoozed_until is None
    actions.snooze(db, 1, again + timedelta(hours=1), by="li", now=again)
    actions.undo(db, 1, by="li", now=again)
    assert queries.get(db, 1).snoozed_until is None


@pytest.mark.parametrize(
    ("until", "says"),
    [(NOW, "a moment to come"), (NOW + timedelta(days=20), "put it off until before that"), (None, "not put off")],
)
def test_a_case_cannot_be_put_off_beyond_its_deadline_or_into_the_past(db, a_case, until, says):
    with pytest.raises(UsageError, match=says):
        actions.snooze(db, 1, until, by="li", now=NOW)
    assert queries.get(db, 1).snoozed_until is None


def test_with_one_target_only_the_plan_is_short(settings, a_case):
    assert [planned.why for planned in reminders.plan(a_case, settings)] == [
        "unacknowledged",
        "deadline",
        "deadline",
        "deadline",
    ]
