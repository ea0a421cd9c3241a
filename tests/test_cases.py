"""Stories of mails and cases, through the pipeline the daemon uses."""

import json
from datetime import timedelta

import pytest

from tests.conftest import NOW, ORDER, SUSPENSION, a_batch, a_raw
from triage import actions, pipeline
from triage.alerts import outbox
from triage.cases import history, messages, queries
from triage.errors import UsageError
from triage.judging import judge
from triage.labels import Cause, SenderVerdict, Stage, Status
from triage.learn import corrections
from triage.mail import cursor, reading
from triage.pipeline import take_in


class Crash(BaseException):
    """kill -9, as far as a function can tell."""


def crash(*args, **kwargs):
    raise Crash


def cases(db):
    return queries.listed(db, everything=True, now=NOW)


def test_a_warning_becomes_a_case_with_an_event_an_alert_and_its_original(db, take):
    raw = a_raw()
    take(raw)

    (case,) = cases(db)
    assert (case.cause, case.stage, case.status) == (Cause.AUTHENTICITY, Stage.SUSPENDED, Status.OPEN)
    assert case.sender is SenderVerdict.PROVEN
    assert [event.kind for event in history.of_case(db, case.id)] == ["opened"]
    assert [alert.kind for alert in outbox.due(db, "file", NOW)] == ["case_opened"]
    (message,) = messages.of_case(db, case.id)
    assert messages.original(db, message.id) == raw
    assert cursor.of(db, "shop", "INBOX").last_uid == 1


def test_of_ordinary_mail_no_body_is_kept(db, take):
    take(a_raw("Sold, ship now: lantern", ORDER))

    assert cases(db) == []
    (row,) = db.query("SELECT outcome, original, decision FROM messages")
    assert row == {"outcome": "ordinary", "original": None, "decision": None}


def test_a_crash_before_the_cursor_moves_leaves_nothing_of_the_batch(db, take, monkeypatch):
    monkeypatch.setattr(pipeline.cursor, "advance", crash)
    with pytest.raises(Crash):
        take(a_raw(), a_raw("Sold", ORDER))

    assert db["messages"].count == db["cases"].count == db["alerts"].count == db["case_events"].count == 0
    assert cursor.of(db, "shop", "INBOX").last_uid == 0


def test_a_batch_that_comes_again_changes_nothing(db, model, settings, take):
    take(a_raw())
    again = a_batch(messages.original(db, 1))
    take_in(db, again, model, settings, NOW)

    assert db["messages"].count == db["cases"].count == db["alerts"].count == 1


def test_the_same_mail_after_a_new_uidvalidity_opens_nothing_again(db, model, settings, take):
    raw = a_raw()
    take(raw)
    take_in(db, a_batch(raw, first_uid=40, uidvalidity=8), model, settings, NOW)

    assert db["cases"].count == db["alerts"].count == 1
    assert [row["outcome"] for row in db.query("SELECT outcome FROM messages ORDER BY id")] == ["warning", "duplicate"]


def test_a_message_that_cannot_be_read_is_put_aside_told_and_blocks_nothing(db, take):
    take(b"\x00 no mail at all", a_raw())

    assert len(cases(db)) == 1
    assert db["quarantine"].count == 1
    assert sorted(alert.kind for alert in outbox.due(db, "file", NOW)) == ["case_opened", "quarantined"]
    assert cursor.of(db, "shop", "INBOX").last_uid == 2


def test_a_fault_of_ours_in_one_message_puts_it_aside_and_goes_on(db, model, settings, monkeypatch):
    cursor.begin(db, "shop", "INBOX", 7, last_uid=0, history_through=0)
    real = pipeline.replies.about

    def broken(mail, settings):
        if mail.subject == "poison":
            raise RuntimeError("a fault of ours")
        return real(mail, settings)

    monkeypatch.setattr(pipeline.replies, "about", broken)
    batch = a_batch(a_raw(), a_raw("poison", ORDER), a_raw("Sold", ORDER))

    def judged(messages):
        return judge(messages, reading.Recipient(), model)

    kept = pipeline.store_around_faults(db, batch, lambda: judged(batch.messages), judged, settings, NOW)
    assert len(kept) == 2

    outcomes = [row["outcome"] for row in db.query("SELECT outcome FROM messages ORDER BY uid")]
    assert outcomes == ["warning", "quarantined", "ordinary"]
    assert cursor.of(db, "shop", "INBOX").last_uid == 3
    assert sorted(alert.kind for alert in outbox.due(db, "file", NOW)) == ["case_opened", "quarantined"]


def test_history_opens_cases_without_an_alert_each(db, take):
    take(a_raw(), history=True)

    assert cases(db)[0].history
    assert outbox.waiting(db) == 0


def test_an_answer_joins_by_case_number_and_a_reinstatement_wins(db, take):
    take(a_raw())
    take(
        a_raw(
            "Your appeal",
            "We could not verify the invoices you sent about case 16744219803. Please provide more information about authenticity.",
        )
    )
    take(
        a_raw(
            "Your account has been reactivated",
            "Case 16744219803: your selling account has been reactivated. You may sell on Amazon again.",
        )
    )

    (case,) = cases(db)
    assert (case.stage, case.status, case.deadline) == (Stage.REINSTATED, Status.WON, None)
    assert [event.kind for event in history.of_case(db, case.id)] == ["opened", "mail", "mail"]
    assert [alert.kind for alert in outbox.due(db, "file", NOW)] == ["case_opened", "case_advanced", "case_advanced"]


def test_a_reply_joins_by_its_headers(db, take):
    take(
        a_raw(
            "Policy Warning",
            "A rights owner reported a trademark infringement. Your listing was removed.",
            message_id="<first@amazon.com>",
        )
    )
    take(
        a_raw(
            "Re: Policy Warning",
            "We cannot accept your appeal about the trademark report. The authorization letter is not valid.",
            reply_to="<first@amazon.com>",
        )
    )

    (case,) = cases(db)
    assert case.cause is Cause.IP_INFRINGEMENT
    assert len(messages.of_case(db, case.id)) == 2


def test_the_same_product_and_cause_are_one_case_another_product_is_another(db, take):
    text = "A rights owner reported that this product infringes its trademark. The listing was removed. ASIN: {}"
    take(a_raw("Policy Warning", text.format("B0CQ7M2XK1")))
    take(a_raw("Policy Warning", text.format("B0CQ7M2XK1") + " Second reminder."))
    take(a_raw("Policy Warning", text.format("B0CQ7M2XK2")), now=NOW + timedelta(days=2))

    assert sorted(len(messages.of_case(db, case.id)) for case in cases(db)) == [1, 2]


def test_a_forged_mail_never_moves_a_real_case(db, take):
    take(a_raw())
    take(a_raw("Your account has been reactivated", "Case 16744219803: your account has been suspended for unusual activity. Verify within 24 hours.",
               "Amazon <x@amazon-verify.example>", proven=False))  # fmt: skip

    real, forged = sorted(cases(db), key=lambda case: case.id)
    assert (real.stage, real.status) == (Stage.SUSPENDED, Status.OPEN)
    assert forged.sender is SenderVerdict.FORGED


def test_a_new_mail_opens_an_acknowledged_case_again(db, take):
    take(a_raw())
    actions.acknowledge(db, 1, by="li", now=NOW)
    take(
        a_raw(
            "Reminder",
            "Case 16744219803: we still need the invoices to show the authenticity of your items. Account deactivated.",
        )
    )

    assert cases(db)[0].status is Status.OPEN


def test_acknowledging_is_an_event_of_a_person_and_twice_is_refused(db, take):
    take(a_raw())
    event = actions.acknowledge(db, 1, by="li", now=NOW)

    assert (event.by, event.detail["was"], event.detail["is"]) == ("li", {"status": "open"}, {"status": "acknowledged"})
    with pytest.raises(UsageError, match="acknowledged already"):
        actions.acknowledge(db, 1, by="li", now=NOW)


def test_closing_twice_is_refused_and_changes_nothing(db, take):
    take(a_raw())
    actions.close(db, 1, by="li", now=NOW, note="paid")
    with pytest.raises(UsageError, match="closed already"):
        actions.close(db, 1, by="li", now=NOW)

    assert [event.kind for event in history.of_case(db, 1)] == ["opened", "closed"]


def test_a_case_that_does_not_exist_is_said(db):
    for action in (actions.acknowledge, actions.close, actions.undo):
        with pytest.raises(UsageError, match="there is no case 99"):
            action(db, 99, by="li", now=NOW)


def test_not_a_warning_dismisses_withdraws_the_alert_and_is_kept_for_training(db, take):
    take(a_raw())
    actions.correct(db, 1, cause=Cause.NONE, stage=None, by="li", now=NOW)

    (case,) = cases(db)
    assert (case.cause, case.stage, case.status) == (Cause.NONE, Stage.NONE, Status.DISMISSED)
    assert outbox.waiting(db) == 0
    (row,) = corrections.rows(db)
    assert row.cause is Cause.NONE
    assert "authenticity of the items" in row.body


def test_a_correction_can_be_undone_and_is_then_not_learned(db, take):
    take(a_raw())
    before = queries.get(db, 1)
    actions.correct(db, 1, cause=Cause.KYC, stage=Stage.RESTRICTED, by="li", now=NOW)
    changed = queries.get(db, 1)
    actions.undo(db, 1, by="li", now=NOW + timedelta(minutes=1))
    after = queries.get(db, 1)

    assert (changed.cause, changed.stage, changed.severity) == (Cause.KYC, Stage.RESTRICTED, 4)
    assert (after.cause, after.stage, after.confidence) == (before.cause, before.stage, before.confidence)
    assert corrections.rows(db) == []
    assert [event.kind for event in history.of_case(db, 1)] == ["opened", "corrected", "undone"]


def test_undo_takes_back_one_thing_at_a_time(db, take):
    take(a_raw())
    actions.acknowledge(db, 1, by="li", now=NOW)
    actions.close(db, 1, by="li", now=NOW)
    actions.undo(db, 1, by="li", now=NOW)
    assert queries.get(db, 1).status is Status.ACKNOWLEDGED
    actions.undo(db, 1, by="li", now=NOW)
    assert queries.get(db, 1).status is Status.OPEN
    with pytest.raises(UsageError, match="nothing to take back"):
        actions.undo(db, 1, by="li", now=NOW)


def test_a_missed_warning_becomes_a_case(db, take):
    take(a_raw("Sold, ship now: lantern", ORDER))
    actions.correct_message(db, 1, cause=Cause.PERFORMANCE, stage=None, by="li", now=NOW)

    (case,) = cases(db)
    assert (case.cause, case.stage) == (Cause.PERFORMANCE, Stage.WARNING)
    assert messages.of_case(db, case.id)[0].id == 1


def test_a_decision_is_stored_whole(db, take):
    (decision,) = take(a_raw())
    (message,) = messages.of_case(db, 1)
    assert message.decision == decision
    assert json.loads(messages.packed(decision))["deadline"]["text"] == "within 72 hours"


def test_a_mail_that_names_no_store_gets_the_accounts(db, model, settings):
    cursor.begin(db, "shop", "INBOX", 7, last_uid=0, history_through=0)
    own = settings.model_copy(update={"accounts": (settings.accounts[0].model_copy(update={"store": "North"}),)})
    other = SUSPENSION.replace("16744219803", "16744219999").replace("B0CQ7M2XKD", "B0CQ7M2XK1") + "\nStore name: South"
    take_in(db, a_batch(a_raw(), a_raw(body=other)), model, own, NOW)
    assert {case.store for case in cases(db)} == {"North", "South"}


def test_two_stores_of_one_account_are_two_cases(db, take):
    text = SUSPENSION.replace("Case ID: 16744219803", "").replace("ASIN: B0CQ7M2XKD", "")
    take(a_raw(body=text + "\nStore name: North"), a_raw(body=text + "\nStore name: South"))

    assert {case.store for case in cases(db)} == {"North", "South"}
