from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import NOW
from triage.cases.priority import priority
from triage.labels import Cause, Platform, SenderVerdict, Stage, Status
from triage.types import Case, Deadline, Money

CASE = Case(
    id=1, account="shop", platform=Platform.AMAZON, store="", cause=Cause.LISTING_POLICY, also=(), stage=Stage.LISTING_REMOVED,
    status=Status.OPEN, severity=3, confidence=0.9, needs_review=False, sender=SenderVerdict.PROVEN, deadline=None, title="",
    history=False, opened_at=NOW, updated_at=NOW,
)  # fmt: skip
moneys = st.builds(
    Money,
    st.decimals(0, 10**9, places=2).map(str),
    st.sampled_from(["USD", "EUR", "CNY", "XXX"]),
    st.sampled_from(["held", "owed", ""]),
)
cases = st.builds(
    lambda cause, hours, assumed, money: replace(
        CASE,
        cause=cause,
        deadline=None if hours is None else Deadline(NOW + timedelta(hours=hours), "", assumed),
        money=tuple(money),
    ),
    st.sampled_from(Cause), st.none() | st.integers(-100, 2000), st.booleans(), st.lists(moneys, max_size=3),
)  # fmt: skip


@given(cases, cases)
def test_a_suspended_account_comes_before_a_removed_listing_whatever_else_is_true(one, other):
    suspended, removed = replace(one, stage=Stage.SUSPENDED), replace(other, stage=Stage.LISTING_REMOVED)
    assert priority(suspended, NOW).points > priority(removed, NOW).points


@given(cases)
def test_the_reasons_add_up(case):
    weighed = priority(case, NOW)
    assert sum(reason.points for reason in weighed.reasons) == weighed.points


def test_of_two_alike_the_sooner_due_comes_first_and_a_named_limit_before_an_assumed_one():
    soon, late = (replace(CASE, deadline=Deadline(NOW + timedelta(hours=h), "")) for h in (5, 100))
    guessed = replace(CASE, deadline=Deadline(NOW + timedelta(hours=5), "", assumed=True))
    assert priority(soon, NOW).points > priority(guessed, NOW).points > priority(CASE, NOW).points
    assert priority(soon, NOW).points > priority(late, NOW).points


def test_money_held_counts_money_paid_out_does_not():
    held = replace(CASE, money=(Money("61000", "EUR", "held"),))
    paid = replace(CASE, money=(Money("61000", "EUR", "payout"),))
    assert [(r.kind, r.about) for r in priority(held, NOW).reasons if r.kind == "money"] == [("money", "EUR 61000")]
    assert priority(paid, NOW).points == priority(CASE, NOW).points


def test_a_forged_mail_weighs_nothing():
    assert priority(replace(CASE, sender=SenderVerdict.FORGED, stage=Stage.SUSPENDED), NOW).points == 0
