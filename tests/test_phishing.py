"""A forged mail is no ordinary case: another alert, no deadline, nothing it says is counted; and a way back."""

from datetime import timedelta

import pytest

from tests.conftest import NOW, SUSPENSION, a_batch, a_raw
from triage import actions
from triage.advice import limits
from triage.alerts import outbox
from triage.cases import history, queries
from triage.config import Target
from triage.delivery import deliver_due
from triage.errors import UsageError
from triage.labels import PHISHING_SEVERITY, Cause, Platform, SenderVerdict, Stage
from triage.mail import cursor
from triage.pipeline import take_in
from triage.rendering import rendered

LURE = "Your Amazon selling account is suspended for unusual activity. Verify your identity within 24 hours: https://amazon-verify.example/x"
IMPOSTOR = "Amazon <x@amazon-verify.example>"


@pytest.fixture
def take(db, model, settings):
    cursor.begin(db, "shop", "INBOX", 7, last_uid=0, history_through=0)
    uids = iter(range(1, 99))

    def taken(raw: bytes):
        (said,) = take_in(db, a_batch(raw, first_uid=next(uids)), model, settings, NOW)
        return said

    return taken


def alert_of(db, settings, language="en"):
    (queued,) = outbox.due(db, "file", NOW)
    target = Target(name="file", type="console", language=language)
    return rendered(db, [queued], target, settings, NOW)


def test_a_forged_mail_raises_a_phishing_alert_and_sets_no_deadline(db, settings, take):
    said = take(a_raw("Your account has been suspended", LURE, IMPOSTOR, proven=False))
    assert said.sender is SenderVerdict.FORGED
    case = queries.get(db, 1)
    assert (case.sender, case.severity, case.deadline) == (SenderVerdict.FORGED, PHISHING_SEVERITY, None)
    text, facts = alert_of(db, settings)
    assert facts["kind"] == "phishing"
    assert text.title.startswith("[Phishing] against shop")
    assert "imitates a platform" in text.body
    assert "It pretends: account suspended" in text.body
    assert "Click nothing" in text.body


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_link_and_address_in_it_is_defanged(db, settings, take, language):
    take(a_raw("Suspended https://amazon-verify.example/y", LURE, IMPOSTOR, proven=False))
    text, _ = alert_of(db, settings, language)
    assert "amazon-verify[.]example" in text.body
    assert "amazon-verify.example" not in text.body + text.title
    assert "http://" not in text.body
    assert "https://" not in text.body


def test_an_unproven_notice_is_alerted_as_a_warning_with_a_caution(db, settings, take):
    take(a_raw(body=SUSPENSION, proven=False))
    text, facts = alert_of(db, settings)
    assert facts["kind"] == "case_opened"
    assert "The sender is not proven" in text.body
    assert queries.get(db, 1).deadline is not None


def test_a_genuine_mail_taken_for_forged_becomes_an_ordinary_case_and_back(db, take):
    failed = a_raw(body=SUSPENSION).replace(b"dkim=pass", b"dkim=none").replace(b"dmarc=pass", b"dmarc=fail")
    assert take(failed).sender is SenderVerdict.FORGED
    actions.believe(db, 1, by="li", now=NOW)
    case = queries.get(db, 1)
    assert case.sender is SenderVerdict.UNPROVEN
    assert case.severity == 5
    assert case.deadline is not None
    assert case.deadline.text == "within 72 hours"
    with pytest.raises(UsageError):
        actions.believe(db, 1, by="li", now=NOW)
    actions.undo(db, 1, by="li", now=NOW)
    again = queries.get(db, 1)
    assert (again.sender, again.severity, again.deadline) == (SenderVerdict.FORGED, PHISHING_SEVERITY, None)
    assert [event.kind for event in history.of_case(db, 1)] == ["opened", "believed", "undone"]


def test_a_believed_mail_is_found_by_its_numbers_again(db, take):
    failed = a_raw(body=SUSPENSION).replace(b"dkim=pass", b"dkim=none").replace(b"dmarc=pass", b"dmarc=fail")
    take(failed)
    actions.believe(db, 1, by="li", now=NOW)
    take(
        a_raw(
            "Reminder",
            "Case 16744219803: send the invoices to show the authenticity of your items. Account deactivated.",
        )
    )
    assert len(queries.listed(db, now=NOW)) == 1


# ---- assumed deadlines -----------------------------------------------------------------------------------------------


NO_LIMIT = SUSPENSION.replace(" within 72 hours", "")


def test_a_notice_without_a_limit_has_the_usual_one_marked_as_assumed(db, settings, take):
    said = take(a_raw(body=NO_LIMIT))
    assert said.deadline is not None
    assert said.deadline.assumed
    case = queries.get(db, 1)
    assert case.deadline.assumed
    assert case.deadline.at == NOW + timedelta(hours=72)
    assert queries.facts(case, NOW)["deadline"]["assumed"] is True
    for language, words in (
        ("en", "assumed, the mail names none: Amazon plan of action: 72 hours"),
        ("zh", "推定，邮件未写明：亚马逊行动计划书：72 小时"),
    ):
        assert words in alert_of(db, settings, language)[0].body


def test_a_stated_limit_takes_the_place_of_an_assumed_one_also_a_later_one(db, take):
    take(a_raw(body=NO_LIMIT))
    take(a_raw("Reminder", f"{NO_LIMIT} Please respond within 10 days."))
    case = queries.get(db, 1)
    assert not case.deadline.assumed
    assert case.deadline.at == NOW + timedelta(days=10)
    take(a_raw("Another reminder", f"{NO_LIMIT} Again."))
    assert not queries.get(db, 1).deadline.assumed


def test_nothing_is_assumed_where_nothing_is_to_be_answered():
    for stage in (Stage.REINSTATED, Stage.NONE):
        assert limits.assumed(Cause.KYC, Platform.AMAZON, stage, NOW) is None
    assert limits.assumed(Cause.NONE, Platform.AMAZON, Stage.WARNING, NOW) is None


def test_every_case_has_a_usual_limit_and_every_known_one_a_source():
    for cause in Cause:
        for platform in Platform:
            assert limits.usual(cause, platform, Stage.WARNING).after(NOW) > NOW
    for row in limits.limits():
        assert row.platform is None or row.source.startswith("http")
        assert limits.limit_words(row.en, "zh") == row.zh


def test_business_days_of_a_usual_limit_skip_weekends():
    row = limits.usual(Cause.IP_INFRINGEMENT, Platform.ALIEXPRESS, Stage.WARNING)
    friday = NOW + timedelta(days=4)
    assert row.after(friday) == friday + timedelta(days=5)


def test_deliveries_of_a_phishing_alert_are_those_of_any_other(db, settings, take):
    take(a_raw("Your account has been suspended", LURE, IMPOSTOR, proven=False))
    assert deliver_due(db, settings.targets[0], settings, lambda: NOW) == 1
    assert deliver_due(db, settings.targets[0], settings, lambda: NOW) == 0
