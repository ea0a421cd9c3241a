"""Which mails are one matter, and what a person does when that was seen wrong."""

from datetime import timedelta

import pytest

from tests.conftest import NOW, a_raw
from tests.test_cases import cases
from triage import actions, regrouping
from triage.alerts import outbox
from triage.cases import history, matching, messages, queries, state
from triage.errors import UsageError
from triage.labels import Cause, Platform, Stage, Status

TRADEMARK = "A rights owner reported that this product infringes its trademark. The listing was removed. ASIN: {asin}"


def a_removal(asin, owner="", day=0):
    text = TRADEMARK.format(asin=asin) + (f"\nRights owner: {owner}" if owner else "")
    return a_raw(f"Listing removed: {asin}", text, sent_at=NOW + timedelta(days=day))


def numbers(db, case):
    return {ref.value for ref in queries.references(db, case)}


def asins(count):
    return [f"B0CQ7M2X{n:02d}" for n in range(count)]


def test_the_same_notice_for_forty_products_is_one_case_with_forty_references(db, take):
    take(*(a_removal(asin) for asin in asins(40)))

    (case,) = cases(db)
    assert numbers(db, case.id) >= set(asins(40))
    assert len(messages.of_case(db, case.id)) == 40


def test_after_a_quiet_day_the_next_notice_is_a_matter_of_its_own(db, take):
    take(a_removal("B0CQ7M2XK1"))
    take(a_removal("B0CQ7M2XK2"), now=NOW + timedelta(hours=25))

    assert len(cases(db)) == 2


def test_two_rights_owners_are_two_cases(db, take):
    take(a_removal("B0CQ7M2XK1", "Northwind Brands (legal@northwind.example)"))
    take(a_removal("B0CQ7M2XK2", "Contoso IP (claims@contoso.example)"))

    assert len(cases(db)) == 2


def test_the_same_measure_on_three_marketplaces_is_three_linked_cases(db, take):
    text = "Your selling account on Amazon.{site} has been deactivated: we have concerns about the authenticity of your items."
    for site in ("de", "fr", "it"):
        take(a_raw(f"Your Amazon.{site} selling account", text.format(site=site), f"Amazon <seller-performance@amazon.{site}>"))  # fmt: skip

    found = sorted(case.id for case in cases(db))
    assert len(found) == 3
    assert queries.linked(db, found[0]) == found[1:]
    assert [event.kind for event in history.of_case(db, found[2])] == ["opened", "linked", "linked"]


def test_a_final_refusal_is_marked_and_a_question_after_it_takes_the_mark_away(db, take):
    take(a_raw())
    take(
        a_raw(
            "Your appeal",
            "Case 16744219803: we reviewed your appeal about the authenticity of your items and decided not to reinstate your "
            "account. This decision is final and we may not respond to further emails.",
        )
    )
    (case,) = cases(db)
    assert (case.stage, case.final, case.status) == (Stage.APPEAL_DENIED, True, Status.OPEN)

    take(a_raw("Your appeal", "Case 16744219803: we need more information about your invoices. Please provide them."))
    assert not cases(db)[0].final


def test_a_warning_that_speaks_of_a_final_decision_is_not_final(db, take):
    take(a_raw(body="Your account has been deactivated. Authenticity of items. This is our final decision unless you send invoices."))  # fmt: skip

    assert not cases(db)[0].final


def test_a_walmart_account_that_is_terminated_is_marked_as_final(db, take):
    take(
        a_raw(
            "Your seller account has been terminated",
            "Your Walmart Marketplace seller account has been terminated because of counterfeit items. Appeals will not be granted.",
            "Walmart Marketplace <marketplace@walmart.com>",
        )
    )

    (case,) = cases(db)
    assert (case.platform, case.final) == (Platform.WALMART, True)


def test_a_wrong_join_is_split_and_both_cases_are_what_their_own_mails_say(db, take):
    take(a_raw())
    take(
        a_raw(
            "Your account has been reactivated",
            "Case 16744219803: your selling account has been reactivated. You may sell on Amazon again.",
        )
    )
    assert cases(db)[0].stage is Stage.REINSTATED

    event = regrouping.split(db, 1, [2], by="li", now=NOW)

    old, new = queries.get(db, 1), queries.get(db, event.case_id)
    assert (old.stage, old.deadline is None) == (Stage.SUSPENDED, False)
    assert (new.stage, new.status) == (Stage.REINSTATED, Status.WON)
    assert [m.id for m in messages.of_case(db, 1)] == [1]
    assert [m.id for m in messages.of_case(db, new.id)] == [2]


def test_a_split_undone_brings_everything_together_again(db, take):
    take(*(a_removal(asin) for asin in asins(3)))
    before = queries.get(db, 1)
    event = regrouping.split(db, 1, [2, 3], by="li", now=NOW)
    assert numbers(db, 1) == {asins(3)[0]}

    actions.undo(db, 1, by="li", now=NOW)

    assert numbers(db, 1) >= set(asins(3))
    again = queries.get(db, 1)
    assert (again.stage, again.cause, again.deadline) == (before.stage, before.cause, before.deadline)
    assert queries.get(db, event.case_id).merged_into == 1


def test_merged_cases_are_one_and_undone_two_again(db, take):
    take(a_removal("B0CQ7M2XK1"), now=NOW)
    take(a_removal("B0CQ7M2XK2"), now=NOW + timedelta(days=3))
    regrouping.merge(db, 1, 2, by="li", now=NOW)

    assert numbers(db, 1) >= {"B0CQ7M2XK1", "B0CQ7M2XK2"}
    assert (queries.get(db, 2).status, queries.get(db, 2).merged_into) == (Status.CLOSED, 1)
    take(a_raw("Reminder", TRADEMARK.format(asin="B0CQ7M2XK2") + " Reminder."))
    assert len(messages.of_case(db, 1)) == 3

    with pytest.raises(UsageError, match="merged into case 1; to take that back: triage undo 1"):
        actions.undo(db, 2, by="li", now=NOW)
    actions.undo(db, 1, by="li", now=NOW)

    assert [m.id for m in messages.of_case(db, 2)] == [2]
    assert (queries.get(db, 2).status, queries.get(db, 2).merged_into) == (Status.OPEN, None)
    assert "B0CQ7M2XK2" in numbers(db, 2)


def test_what_a_person_corrected_stays_when_mails_go(db, take):
    take(*(a_removal(asin) for asin in asins(3)))
    actions.correct(db, 1, cause=Cause.LISTING_POLICY, stage=None, by="li", now=NOW + timedelta(minutes=1))
    regrouping.split(db, 1, [3], by="li", now=NOW + timedelta(minutes=2))

    assert queries.get(db, 1).cause is Cause.LISTING_POLICY


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda db: regrouping.merge(db, 1, 1, by="li", now=NOW), "cannot be merged with itself"),
        (lambda db: regrouping.merge(db, 1, 9, by="li", now=NOW), "there is no case 9"),
        (lambda db: regrouping.split(db, 1, [7], by="li", now=NOW), "has no such message: 7; its messages are: 1"),
        (lambda db: regrouping.split(db, 1, [1], by="li", now=NOW), "one must stay"),
        (lambda db: actions.set_status(db, 1, Status.DISMISSED, by="li", now=NOW), "is no status to set"),
        (lambda db: actions.set_status(db, 1, Status.OPEN, by="li", now=NOW), "is open already"),
        (lambda db: actions.assign(db, 1, "", by="li", now=NOW), "nobody has it already"),
        (lambda db: actions.tick(db, 1, "x", done=False, by="li", now=NOW), "is not ticked already"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(db, take, act, said):
    take(a_raw())
    before = (queries.get(db, 1), db["case_events"].count)
    with pytest.raises(UsageError, match=said):
        act(db)
    assert (queries.get(db, 1), db["case_events"].count) == before


def test_work_goes_from_hand_to_hand_and_every_attempt_is_counted(db, take):
    take(a_raw())
    actions.assign(db, 1, "Li Wei", by="chen", now=NOW)
    actions.set_status(db, 1, Status.PREPARING, by="li", now=NOW)
    actions.set_status(db, 1, Status.SUBMITTED, by="li", now=NOW, note="plan of action")
    take(a_raw("Your appeal", "Case 16744219803: we need more information about your invoices. Please provide them."))
    case = queries.get(db, 1)
    assert (case.status, case.assignee, case.attempts) == (Status.OPEN, "Li Wei", 1)

    actions.set_status(db, 1, Status.SUBMITTED, by="li", now=NOW)
    assert queries.get(db, 1).attempts == 2
    actions.undo(db, 1, by="li", now=NOW)
    assert queries.get(db, 1).attempts == 1


def test_a_lost_case_can_be_taken_up_again(db, take):
    take(a_raw())
    actions.set_status(db, 1, Status.LOST, by="li", now=NOW)
    with pytest.raises(UsageError, match="take it up again first"):
        actions.set_status(db, 1, Status.PREPARING, by="li", now=NOW)
    actions.set_status(db, 1, Status.OPEN, by="li", now=NOW)
    assert queries.get(db, 1).status is Status.OPEN


def test_a_tick_is_remembered_with_who_and_when_and_can_be_undone(db, take):
    take(a_raw())
    actions.tick(db, 1, "prove", by="li", now=NOW)
    assert history.ticks(history.of_case(db, 1))["prove"].by == "li"
    actions.undo(db, 1, by="li", now=NOW)
    assert history.ticks(history.of_case(db, 1)) == {}


def test_a_case_made_anew_from_its_mails_is_the_case_that_grew_with_them(db, take):
    take(a_raw())
    for hours, text in enumerate(
        (
            "We need more information about the authenticity of your items within 3 days. $2,300.00 are on hold.",
            "We decided not to reinstate your account: authenticity. This decision is final.",
            "We need more information: please send invoices to show the authenticity of your items.",
        ),
        1,
    ):
        at = NOW + timedelta(hours=hours)
        take(a_raw("Your appeal", f"Case 16744219803: {text}", sent_at=at), now=at, at=at)
    (row,) = db.query("SELECT * FROM cases")

    said = [state.Said(m.received_at, m.subject, m.decision) for m in messages.of_case(db, 1)]
    again = state.made_of(row, reversed(said))

    assert len(said) == 4
    assert {name: row[name] for name in again} == again


def test_a_thousand_open_cases_do_not_make_the_next_mail_slow(db, take):
    """Not by the clock: so many statements are run for a mail, and each looks at no more than fifty cases."""
    letters = ["".join(chr(97 + int(digit)) for digit in str(n)) for n in range(120)]
    take(*(a_raw(f"Listing removed {name}", TRADEMARK.format(asin=f"B0CQ7M{n:04d}")) for n, name in enumerate(letters)))
    assert len(cases(db)) == 120
    assert len(matching._recent(db, "shop", messages.of_case(db, 1)[0].decision, NOW - timedelta(days=1))) == 50


def test_a_correction_undone_after_a_later_mail_keeps_what_that_mail_said(db, take):
    take(a_raw())
    actions.correct(db, 1, cause=Cause.KYC, stage=Stage.WARNING, by="li", now=NOW + timedelta(hours=1))
    at = NOW + timedelta(hours=2)
    text = "Case 16744219803: we decided not to reinstate your account. Your appeal about the authenticity was refused."
    take(a_raw("Your appeal", text, sent_at=at), now=at, at=at)
    actions.undo(db, 1, by="li", now=NOW + timedelta(hours=3))

    assert (queries.get(db, 1).cause, queries.get(db, 1).stage) == (Cause.AUTHENTICITY, Stage.APPEAL_DENIED)


def test_what_was_sent_for_one_mail_is_asked_for_again_by_the_next(db, take):
    take(a_raw())
    actions.tick(db, 1, "send_documents", by="li", now=NOW)
    actions.tick(db, 1, "evidence.invoices", by="li", now=NOW)
    take(a_raw("Your appeal", "Case 16744219803: please send further invoices to show the authenticity of your items."))

    assert set(history.ticks(history.of_case(db, 1))) == {"evidence.invoices"}
    actions.tick(db, 1, "send_documents", by="li", now=NOW)
    actions.undo(db, 1, by="li", now=NOW)
    assert set(history.ticks(history.of_case(db, 1))) == {"evidence.invoices"}


def test_alerts_that_wait_about_a_merged_case_are_not_sent(db, take):
    take(
        a_raw(),
        a_raw(
            "Policy warning",
            "A rights owner reported that ASIN: B0AAAAAAAA infringes its trademark. Your listing was removed.",
        ),
    )
    regrouping.merge(db, 1, 2, by="li", now=NOW)
    assert {alert.case_id for alert in outbox.due(db, "file", NOW)} == {1}
