"""Stories told from beginning to end, the way they happen to sellers: mails in, cases, advice, letters."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from tests.conftest import NOW, a_raw
from triage import actions, regrouping
from triage.advice.drafts import Letter, Notice, draft, letters_for
from triage.advice.playbook import playbooks
from triage.advising import advised, facts_of
from triage.alerts import outbox
from triage.cases import history, messages, queries
from triage.labels import Appealability, Cause, SenderVerdict, Stage, Status
from triage.learn import corrections

CASE = "Case ID: 16744219803"


def day(n, hour=0):
    return NOW + timedelta(days=n, hours=hour)


def open_cases(db):
    return [case for case in queries.listed(db, now=NOW) if case.sender is not SenderVerdict.FORGED]


def test_a_suspended_account_from_the_first_warning_to_reinstatement_over_nine_mails(db, take, settings):
    def mail(n, subject, text):
        take(a_raw(subject, f"Hello,\n\n{text}\n\n{CASE}\nASIN: B0CQ7M2XKD", sent_at=day(n)), now=day(n), at=day(n))
        (case,) = queries.listed(db, everything=True, now=day(n))
        return case

    case = mail(0, "Policy warning: complaints about the authenticity of your items",
                "We received complaints about the authenticity of items you sell. If this continues, your account may be deactivated.")  # fmt: skip
    assert (case.cause, case.stage, case.status) == (Cause.AUTHENTICITY, Stage.WARNING, Status.OPEN)
    calm = queries.facts(case, day(0))["priority"]

    case = mail(2, "Your listing was removed", "Your listing has been removed because of inauthentic complaints. Send invoices within 7 days.")  # fmt: skip
    assert case.stage is Stage.LISTING_REMOVED
    case = mail(4, "Your Amazon.com selling account has been deactivated",
                "Your selling account has been deactivated. We have concerns about the authenticity of your items. Funds of $12,400.00 are on hold. "
                "Please send invoices from your supplier issued in the last 365 days within 72 hours.")  # fmt: skip
    assert (case.stage, case.deadline.at) == (Stage.SUSPENDED, day(7))
    assert queries.facts(case, day(4))["priority"] > calm + 50

    actions.assign(db, case.id, "Li Wei", by="chen", now=day(4))
    told = advised(db, queries.get(db, 1), settings, "en", day(4))
    assert told.steps[0].name == "prove"
    assert "invoice" in next(task.text for task in told.steps if task.name == "send_documents")
    for name in ("prove", "close", "evidence.invoices"):
        actions.tick(db, 1, name, by="li", now=day(4, 2))
    actions.set_status(db, 1, Status.SUBMITTED, by="li", now=day(5))

    case = mail(5, "We received your submission", "Thank you, we received your appeal about the authenticity of your items and will answer within 48 hours. Your account remains deactivated.")  # fmt: skip
    case = mail(7, "Your appeal: more information needed",
                "We could not verify your supplier. Please provide more information about your invoices: a greater detail on the root causes of the "
                "authenticity complaints. Send it within 3 days.")  # fmt: skip
    assert (case.stage, case.status, case.assignee, case.attempts) == (Stage.APPEAL_MORE_INFO, Status.OPEN, "Li Wei", 1)
    assert case.deadline.at == day(10)
    told = advised(db, case, settings, "en", day(7))
    assert {"table_of_points", "repair_then_write"} <= {task.name for task in told.steps}
    assert "close" in {task.name for task in told.done}
    text = draft(case, Letter.PLAN, told, facts_of(db, case), playbooks(), Notice("Your appeal", day(7)), language="en", zone=ZoneInfo("UTC"))  # fmt: skip
    assert "New in this submission: [[" in text
    assert "2026-11-27: The item was closed." in text
    assert "1. Supplier invoices - [[file name]]" in text
    actions.set_status(db, 1, Status.SUBMITTED, by="li", now=day(9))

    case = mail(12, "Your appeal has been denied", "We reviewed your appeal about the authenticity of your items and decided not to reinstate your account. You may submit new information.")  # fmt: skip
    assert (case.stage, case.final) == (Stage.APPEAL_DENIED, False)
    assert "something_new" in {task.name for task in advised(db, case, settings, "en", day(12)).steps}
    actions.set_status(db, 1, Status.SUBMITTED, by="li", now=day(14))
    mail(15, "We received your submission", "Thank you, we received your appeal about the authenticity of your items. Your account remains deactivated.")  # fmt: skip
    mail(16, "Your appeal: more information needed", "Please provide more information about the authenticity of your items: delivery notes.")  # fmt: skip
    case = mail(18, "Your account has been reactivated", "Your selling account has been reactivated. You may sell on Amazon again.")  # fmt: skip

    assert (case.stage, case.status, case.deadline, case.attempts) == (Stage.REINSTATED, Status.WON, None, 3)
    assert len(messages.of_case(db, 1)) == 9
    assert {"check_all_is_back", "close_the_rest"} <= {
        task.name for task in advised(db, case, settings, "en", day(18)).steps
    }


def test_a_rights_owners_complaint_is_withdrawn_and_the_listing_is_back(db, take, settings):
    take(a_raw("Your listing was removed: rights owner report",
               "We removed your listing because a rights owner reported that it infringes a trademark.\nRights owner: Northpeak Ltd "
               "(brand@northpeak.example)\nComplaint ID: 7714209935\nASIN: B0CQ7M2XKD"))  # fmt: skip
    (case,) = open_cases(db)
    assert (case.cause, case.stage) == (Cause.IP_INFRINGEMENT, Stage.LISTING_REMOVED)
    told = advised(db, case, settings, "en", NOW)
    assert told.practice is Appealability.HARD
    assert letters_for(case, playbooks())[0] is Letter.DISPUTE  # first whether it infringes at all

    letter = draft(case, Letter.RETRACTION, told, facts_of(db, case), playbooks(), Notice(case.title, NOW), language="en", zone=ZoneInfo("UTC"))  # fmt: skip
    for needed in ("Northpeak Ltd", "brand@northpeak.example", "7714209935", "withdraw it with Amazon directly"):
        assert needed in letter
    actions.tick(db, case.id, "retraction", by="li", now=NOW)
    actions.set_status(db, case.id, Status.WAITING, by="li", now=NOW, note="for the rights owner")

    take(a_raw("Your listing is back", "The rights owner has withdrawn complaint 7714209935 about a trademark. Complaint ID: 7714209935. "
               "Your listing ASIN B0CQ7M2XKD has been reinstated."), now=day(3))  # fmt: skip
    case = queries.get(db, case.id)
    assert (case.stage, case.status) == (Stage.REINSTATED, Status.WON)


def test_forty_listings_removed_in_an_hour_are_one_case_and_one_letter_that_must_name_them_all(db, take, settings):
    from triage.advice import lint

    for n in range(40):
        at = NOW + timedelta(minutes=1.5 * n)
        take(a_raw(f"Listing removed: B0CQ7M2X{n:02d}", "Your listing was removed because its category and title break our listing policy. "
                   f"ASIN: B0CQ7M2X{n:02d}", sent_at=at), now=at, at=at)  # fmt: skip

    (case,) = open_cases(db)
    assert len([ref for ref in queries.references(db, case.id) if ref.kind == "asin"]) == 40
    facts = facts_of(db, case)
    told = advised(db, case, settings, "en", NOW)
    text = draft(
        case, Letter.PLAN, told, facts, playbooks(), Notice(case.title, NOW), language="en", zone=ZoneInfo("UTC")
    )
    assert all(f"B0CQ7M2X{n:02d}" in text for n in range(40))
    forgotten = lint.problems(text.replace("B0CQ7M2X17", ""), facts, kind=Letter.PLAN, language="en", reader="en")
    assert [problem.text for problem in forgotten if problem.kind == "unnamed"] == ["not spoken of: B0CQ7M2X17; answer for everything the notice names"]  # fmt: skip


def test_a_phishing_mail_in_the_thread_touches_nothing(db, take, settings):
    take(a_raw(message_id="<real@amazon.com>"))
    before = queries.get(db, 1)
    take(a_raw("Re: Your Amazon.com selling account has been deactivated",
               f"Your account has been suspended. Verify your identity within 24 hours: http://amazon-verify.example/login {CASE}",
               "Amazon <seller-performance@amazon-verify.example>", reply_to="<real@amazon.com>", proven=False), now=day(1))  # fmt: skip

    assert queries.get(db, 1) == before
    forged = queries.get(db, 2)
    assert (forged.sender, forged.deadline) == (SenderVerdict.FORGED, None)
    assert [alert.kind for alert in outbox.of_case(db, 2)] == ["phishing"]
    assert advised(db, forged, settings, "en", NOW).steps[0].name == "nothing"

    take(a_raw("Your appeal", f"We need more information about the authenticity of your items. {CASE}"), now=day(2))
    assert len(messages.of_case(db, 1)) == 2


def test_a_correction_in_the_middle_stays_true_for_what_comes_after(db, take, settings):
    take(a_raw())
    actions.tick(db, 1, "prove", by="li", now=NOW)
    actions.correct(db, 1, cause=Cause.KYC, stage=Stage.SUSPENDED, by="li", now=day(0, 1))
    told = advised(db, queries.get(db, 1), settings, "en", day(0, 1))
    assert told.practice is Appealability.REMEDY
    assert "prove" in {task.name for task in told.done}  # what holds for every cause stays done
    assert letters_for(queries.get(db, 1), playbooks()) == (Letter.SUBMISSION,)

    take(
        a_raw("Your appeal", f"We need more information: please send a utility bill. Authenticity. {CASE}"),
        now=day(2),
        at=day(2),
    )
    case = queries.get(db, 1)
    assert (case.cause, case.stage) == (Cause.KYC, Stage.APPEAL_MORE_INFO)

    regrouping.split(db, 1, [2], by="li", now=day(3))
    assert queries.get(db, 1).cause is Cause.KYC
    for _ in range(3):  # the split, the correction, the tick
        actions.undo(db, 1, by="li", now=day(4))
    case = queries.get(db, 1)
    assert (case.cause, history.ticks(history.of_case(db, 1))) == (Cause.AUTHENTICITY, {})
    assert len(messages.of_case(db, 1)) == 2
    assert corrections.rows(db) == []
