"""What people say mails really are: by command, one key after another, for all stored mails at once; and what is kept of it."""

import json
import zlib

import pytest
from typer.testing import CliRunner

from tests.conftest import NOW, ORDER, a_batch, a_raw
from triage import actions, redeciding
from triage.cases import queries
from triage.cli import app
from triage.errors import UsageError
from triage.labels import Cause, Stage, Status
from triage.learn import backends, corrections, masking, registry
from triage.mail import cursor
from triage.pipeline import take_in

DOUBTFUL = "About your account"
TEXT = """Dear Li Wei,

please look at the changes to your seller account Lampenladen Nord. Order 114-2209871-5530013, tel. +49 170 1234567.
Write to li.wei@lampen.example within 72 hours, or see https://sell.example/case?id=9. Your rate is 1.32 %."""


@pytest.fixture
def stored(db, model, settings):
    """Some warnings, each a case of its own, two of them marked for review."""
    cursor.begin(db, "shop", "INBOX", 7, last_uid=0, history_through=0)
    causes = ["trademark", "identity verification", "order defect rate", "safety"]
    raws = [
        a_raw(f"Policy warning: {cause}", f"Your listing was removed. {cause} problem. Respond within 72 hours.")
        for cause in causes
    ]
    take_in(db, a_batch(*raws), model, settings, NOW)
    for case in (1, 2):
        db.execute("UPDATE cases SET needs_review = 1 WHERE id = ?", [case])
        db.execute(
            "UPDATE messages SET decision = json_set(decision, '$.needs_review', json('true')) WHERE case_id = ?", [case]
        )
    db.conn.commit()
    return db


@pytest.fixture
def ran(stored, settings, tmp_path, monkeypatch):
    """Runs a command on these cases."""
    (tmp_path / "config.toml").write_text(
        f'data = "{settings.data}"\nmodels = "{settings.models_dir}"\n[[accounts]]\nname = "shop"\nhost = "h"\nuser = "u"\npassword = "p"\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("TRIAGE_CONFIG", str(tmp_path / "config.toml"))

    def run(*words, keys=""):
        return CliRunner().invoke(app, list(words), input=keys)

    return run


# ---- review ----------------------------------------------------------------------------------------------------


def test_a_review_takes_one_key_for_each_answer(ran, stored):
    done = ran("review", "--by", "li", "--lang", "en", keys="y6")

    assert done.exit_code == 0, done.output
    assert "2 answered, 0 left" in done.output
    first, second = (queries.existing(stored, case) for case in corrected_cases(stored))
    assert not first.needs_review
    assert (second.cause, second.needs_review) == (Cause.KYC, False)
    assert {each.by for each in corrections.listed(stored)} == {"li"}
    assert {each.source for each in corrections.listed(stored)} == {"review"}


def corrected_cases(db):
    return [
        row["case_id"]
        for row in db.query(
            "SELECT DISTINCT case_id FROM messages JOIN corrections ON messages.id = corrections.message_id ORDER BY corrections.id"
        )
    ]


def test_in_a_review_the_last_answer_can_be_taken_back_skipped_and_left(ran, stored):
    done = ran("review", "--lang", "en", keys="nuk?q")

    assert "taken back" in done.output
    assert "No such key" in done.output
    assert "0 answered, 2 left" in done.output
    assert all(each.undone_at for each in corrections.listed(stored))
    assert {case.status for case in queries.listed(stored, now=NOW)} == {Status.OPEN}


def test_a_review_shows_the_mail_what_it_was_taken_for_and_why_in_both_languages(ran):
    shown = ran("review", "--lang", "zh", keys="q").output
    assert "Your listing was removed." in shown
    assert "系统判断" in shown
    assert "依据" in shown
    assert "KYC" in shown
    assert "还有" not in shown
    assert "because" in ran("review", "--lang", "en", keys="q").output


def test_where_nothing_needs_a_review_it_says_so(ran, stored):
    stored.execute("UPDATE cases SET needs_review = 0")
    stored.conn.commit()
    assert "Nothing needs a review." in ran("review", "--lang", "en").output


# ---- what is kept ----------------------------------------------------------------------------------------------


def test_an_example_is_masked_before_it_is_stored(db, model, settings):
    cursor.begin(db, "shop", "INBOX", 7, last_uid=0, history_through=0)
    take_in(db, a_batch(a_raw(DOUBTFUL, TEXT, "Wei Li <li.wei@lampen.example>")), model, settings, NOW)
    db.execute(
        "UPDATE messages SET original = ?", [zlib.compress(a_raw(DOUBTFUL, TEXT, "Wei Li <li.wei@lampen.example>"))]
    )
    if db["cases"].count:
        actions.correct(db, 1, cause=Cause.KYC, stage=None, by="li", now=NOW)
    else:
        actions.correct_message(db, 1, cause=Cause.KYC, stage=None, by="li", now=NOW)

    example = db.execute("SELECT example FROM corrections").fetchone()[0]
    for private in ("Li Wei", "lampen", "114-2209871", "1234567", "sell.example", "li.wei"):
        assert private not in example
    for word in ("seller account", "within 72 hours", "1.32 %"):
        assert word in example
    assert json.loads(example)["sender"] == "masked@masked.example"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("尊敬的李伟：您的店铺", "尊敬的NAME：您的店铺"),
        ("田中太郎 様\nお客様の", "NAME 様\nお客様の"),
        ("Sehr geehrter Herr Müller,\nIhr Konto", "Sehr geehrter Herr NAME,\nIhr Konto"),
        ("ASIN B0CQ7M2XKD, IBAN DE89370400440532013000", "ASIN 0000000000, IBAN 0000000000000000000000"),
        ("Hello\nYour account was suspended", "Hello\nYour account was suspended"),
        ("Dear customer we removed your listing", "Dear customer we removed your listing"),
        ("within 3 business days, 14 days, 5 % of 200", "within 3 business days, 14 days, 5 % of 200"),
        ("see www.amazon.com/x?y=1 or a.b@c.de", "see https://masked.example/ or masked@masked.example"),
    ],
)
def test_names_and_numbers_are_masked_and_limits_are_not(text, masked):
    assert masking.masked(text) == masked


def test_of_like_mails_the_latest_correction_counts_and_the_contradiction_is_shown(db, model, settings, ran):
    numbers = [row["id"] for row in db.query("SELECT id FROM cases ORDER BY id")]
    actions.correct(db, numbers[0], cause=Cause.EPR, stage=None, by="li", now=NOW)
    actions.correct(db, numbers[0], cause=Cause.KYC, stage=None, by="wang", now=NOW)

    first, second = corrections.listed(db)
    assert (first.wins, second.wins) == (False, True)
    assert second.conflicts == (first.id,)
    assert [row.cause for row in corrections.rows(db)] == [Cause.KYC]
    shown = ran("corrections").output
    assert "li (command)" in shown
    assert "a later one counts" in shown
    assert "contradicts 1" in shown
    actions.undo(db, numbers[0], by="li", now=NOW)
    assert [row.cause for row in corrections.rows(db)] == [Cause.EPR]
    assert db["corrections"].count == 2


def test_corrections_are_exported_as_rows_to_train_from(db, ran, tmp_path):
    actions.correct(db, 1, cause=Cause.EPR, stage=None, by="li", now=NOW)
    assert ran("corrections", "--export", str(tmp_path / "mine.jsonl")).exit_code == 0
    from triage.learn import corpus

    assert [row.cause for row in corpus.load([tmp_path / "mine.jsonl"], to_learn=True).rows] == [Cause.EPR]


def test_a_correction_to_a_label_that_is_none_is_refused(ran, db):
    assert ran("reclassify", "1", "--cause", "kycc").exit_code == 2
    assert db["corrections"].count == 0


# ---- all stored mails again ------------------------------------------------------------------------------------


@pytest.fixture
def otherwise(stored):
    """What is stored was decided by a model that said something else."""
    for message, decision in stored.execute("SELECT id, decision FROM messages WHERE decision IS NOT NULL").fetchall():
        content = {**json.loads(decision), "cause": "epr"}
        stored.execute("UPDATE messages SET decision = ?, model = 'old' WHERE id = ?", [json.dumps(content), message])
    stored.execute("UPDATE cases SET cause = 'epr'")
    stored.conn.commit()
    return stored


def test_what_a_new_model_says_is_shown_first_and_changes_nothing(ran, otherwise):
    shown = ran("reclassify", "--all")
    assert shown.exit_code == 0, shown.output
    assert "4 stored warnings judged, 4 would be decided otherwise" in shown.output
    assert "epr, listing_removed -> ip_infringement" in shown.output
    assert {case.cause for case in queries.listed(otherwise, now=NOW)} == {Cause.EPR}
    assert otherwise.execute("SELECT DISTINCT model FROM messages").fetchall() == [("old",)]


def test_applied_it_changes_open_cases_by_an_event_that_can_be_taken_back(ran, otherwise):
    actions.close(otherwise, 4, by="li", now=NOW)
    done = ran("reclassify", "--all", "--apply", "--by", "li")
    assert "3 open cases changed" in done.output
    case = queries.existing(otherwise, 1)
    assert case.cause is Cause.IP_INFRINGEMENT
    assert queries.existing(otherwise, 4).cause is Cause.EPR  # it has ended
    actions.undo(otherwise, 1, by="li", now=NOW)
    assert queries.existing(otherwise, 1).cause is Cause.EPR


def test_what_a_person_said_is_never_overwritten(ran, otherwise):
    actions.correct(otherwise, 1, cause=Cause.PAYMENTS, stage=Stage.SUSPENDED, by="li", now=NOW)
    assert "corrected by a person: stays" in ran("reclassify", "--all", "--apply").output
    case = queries.existing(otherwise, 1)
    assert (case.cause, case.stage) == (Cause.PAYMENTS, Stage.SUSPENDED)


def test_a_mail_that_would_be_no_warning_any_more_stays_a_case_and_is_shown_to_a_person(db, model, settings):
    cursor.begin(db, "shop", "INBOX", 7, last_uid=0, history_through=0)
    take_in(db, a_batch(a_raw()), model, settings, NOW)
    db.execute("UPDATE messages SET original = ?", [zlib.compress(a_raw("Sold, ship now", ORDER))])
    db.conn.commit()
    found = redeciding.redecide(db, model, settings)
    assert [each.lost for each in found.changes] == [True]
    redeciding.apply(db, found, settings, NOW, by="li")
    case = queries.existing(db, 1)
    assert (case.status, case.needs_review, case.cause) == (Status.OPEN, True, Cause.AUTHENTICITY)


def test_all_and_one_do_not_go_together(ran):
    assert isinstance(ran("reclassify", "--all", "1").exception, UsageError)
    assert isinstance(ran("reclassify").exception, UsageError)


def test_an_unknown_backend_and_a_scheduler_that_does_not_answer_are_one_line(monkeypatch):
    with pytest.raises(UsageError, match="use local or dask"), backends.chosen("spark"):
        pass


def test_a_dask_cluster_of_two_workers_says_the_same(otherwise, settings, models):
    model = registry.load(models)
    here = redeciding.redecide(otherwise, model, settings)
    with backends.chosen("dask") as cluster:
        there = redeciding.redecide(otherwise, model, settings, backend=cluster)
    assert there.decisions == here.decisions
    assert len(here.decisions) == 4
