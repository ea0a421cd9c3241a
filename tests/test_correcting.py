"""What people say mails really are: by command, one key after another, for all stored mails at once; and what is kept of it."""

import json
import shutil
import zlib
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from typer.testing import CliRunner

from tests.conftest import NOW, ORDER, a_batch, a_raw, until
from tests.data.new_kinds import KINDS
from triage import actions, drift, redeciding
from triage.cases import queries
from triage.cli import app
from triage.config import Settings
from triage.errors import UsageError
from triage.labels import Cause, Stage, Status
from triage.learn import backends, corpus, corrections, masking, registry, scheduled, training
from triage.learn.evaluation import metrics, predict
from triage.mail import cursor
from triage.pipeline import take_in
from triage.types import Decision
from triage.watching import watch, well

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
            "UPDATE messages SET decision = json_set(decision, '$.needs_review', json('true')) WHERE case_id = ?",
            [case],
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


def test_an_unknown_backend_and_a_scheduler_that_does_not_answer_are_one_line():
    with pytest.raises(UsageError, match="use local or dask"), backends.chosen("spark"):
        pass
    with pytest.raises(UsageError, match="tcp://127.0.0.1:9 does not answer"):  # the discard port
        backends.chosen("dask", "tcp://127.0.0.1:9").__enter__()
    with pytest.raises(UsageError, match="somewhere does not answer"):
        backends.chosen("dask", "somewhere").__enter__()


def test_two_processes_say_the_same_as_one(otherwise, settings, models, monkeypatch):
    model = registry.load(models)
    here = redeciding.redecide(otherwise, model, settings)
    monkeypatch.setattr(redeciding, "_WORTH_WORKERS", 0)
    assert here.changes
    assert redeciding.redecide(otherwise, model, settings) == here


def test_a_dask_cluster_of_two_workers_says_the_same_and_trains_the_same(otherwise, settings, models):
    model = registry.load(models)
    here = redeciding.redecide(otherwise, model, settings)
    rows = corpus.shipped().rows[::20]
    trained_here = training.train(rows, "x")
    with backends.chosen("dask") as cluster:
        there = redeciding.redecide(otherwise, model, settings, backend=cluster)
        trained_there = training.train(rows, "x", backend=cluster)
    assert there == here
    assert (here.mails, len(here.changes)) == (4, 4)
    assert trained_there.held_out == trained_here.held_out


# ---- a new kind of notice --------------------------------------------------------------------------------------


def test_twenty_corrections_of_a_new_kind_are_enough_and_cost_nothing_elsewhere(model, models):
    kind = KINDS[0]
    notices = kind.notices()
    assert len({(row.subject, row.body) for row in notices}) == 40
    learn = [
        row.model_copy(update={"weight": corrections.WEIGHT, "group": f"correction-{row.id}"}) for row in notices[:20]
    ]

    def found(by):
        return sum(said.cause is kind.cause for said in predict(notices[20:], by)) / 20

    before = next(saved for saved in registry.versions(models) if saved.current).metrics
    rows = corpus.shipped().rows
    trained = training.train([*rows, *learn], "x")
    after = metrics(rows, trained.held_out[: len(rows)])

    assert found(model) < 0.5  # the corpus lacks it
    assert found(trained.model) >= 0.9
    for figure in ("warning_recall", "warning_precision", "cause_macro_f1"):
        assert after[figure] >= before[figure] - 0.005


# ---- by itself -------------------------------------------------------------------------------------------------


NIGHT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


@pytest.fixture
def learning(settings, tmp_path, models):
    shutil.copytree(models, tmp_path / "own")
    return Settings(**{**dict(settings), "models": tmp_path / "own", "learning": {"after": 3}})


def test_a_training_is_due_at_a_quiet_hour_after_enough_corrections(stored, learning):
    assert not scheduled.due(stored, learning, NIGHT)
    for case in (1, 2, 3):
        actions.correct(stored, case, cause=Cause.EPR, stage=None, by="li", now=NIGHT - timedelta(hours=1))
    assert scheduled.due(stored, learning, NIGHT)
    assert not scheduled.due(stored, learning, NIGHT + timedelta(hours=9))
    off = learning.model_copy(update={"learning": learning.learning.model_copy(update={"after": 0})})
    assert not scheduled.due(stored, off, NIGHT)
    actions.undo(stored, 3, by="li", now=NIGHT)
    assert not scheduled.due(stored, learning, NIGHT)


def test_it_runs_once_in_a_process_of_its_own_at_the_lowest_priority_and_ends_with_the_service(stored, learning):
    for case in (1, 2, 3):
        actions.correct(stored, case, cause=Cause.EPR, stage=None, by="li", now=NIGHT - timedelta(hours=1))
    before = registry.current(learning.models_dir)
    apprentice = scheduled.Apprentice(learning)
    assert apprentice.look(stored, NIGHT)
    assert not apprentice.look(stored, NIGHT)  # one at a time
    process = psutil.Process(apprentice._running.pid)
    until(lambda: process.nice() == 19, 30, "for the priority")
    apprentice.stop()
    assert not apprentice.busy
    assert registry.current(learning.models_dir) == before


# ---- drift -----------------------------------------------------------------------------------------------------


def decided(number, *, review=0.0, unknown=0.5):
    """What a model said of so many mails, a share of them for review."""
    return [
        Decision(
            warning=n % 10 == 0,
            cause=Cause.KYC if n % 10 == 0 else Cause.NONE,
            needs_review=n < review * number,
            confidence=0.9,
            unknown_words=unknown,
            model="m",
        )
        for n in range(number)
    ]


def some_weeks(db, shares, *, unknown=()):
    """A week for each share, the last one up to yesterday."""
    for back, share in enumerate(reversed(shares), 1):
        strange = unknown[-back] if unknown else 0.5
        drift.note(db, "shop", decided(200, review=share, unknown=strange), NOW - timedelta(days=7 * back - 3))
    db.conn.commit()


@pytest.mark.parametrize(
    ("shares", "out"),
    [
        ([0.05, 0.06, 0.05, 0.06, 0.05], []),
        ([0.05, 0.06, 0.05, 0.06, 0.30], ["review_share"]),
        ([0.05, 0.30], []),  # four weeks tell what is usual
        ([0.05, 0.06, 0.05, 0.06, 0.075], []),  # within three points
    ],
)
def test_a_week_out_of_the_band_of_those_before_it_is_seen(db, shares, out):
    some_weeks(db, shares)
    assert [each.figure for each in drift.drifting(drift.weeks(db, NOW))] == out


def test_few_mails_say_nothing(db):
    some_weeks(db, [0.05] * 5)
    drift.note(db, "shop", decided(20, review=1.0), NOW - timedelta(days=60))
    assert drift.drifting(drift.weeks(db, NOW - timedelta(days=56))) == []


def test_drift_is_told_once_and_once_when_it_is_over_and_does_not_stop_the_heartbeat(db, settings):
    some_weeks(db, [0.05] * 5, unknown=[0.5, 0.5, 0.5, 0.5, 0.8])
    for _ in range(2):
        watch(db, settings, NOW)
    told = [row["kind"] for row in db.query("SELECT kind FROM alerts ORDER BY id")]
    assert told.count("model_drifts") == 1
    assert well(db, settings, NOW)
    db.execute("UPDATE judged SET unknown_words = mails * 0.5")
    watch(db, settings, NOW)
    assert [row["kind"] for row in db.query("SELECT kind FROM alerts ORDER BY id")].count("model_steady") == 1


def test_what_is_stored_is_counted_by_day(stored):
    row = next(stored.query("SELECT * FROM judged"))
    assert (row["day"], row["account"], row["mails"], row["warnings"]) == (NOW.date().isoformat(), "shop", 4, 4)
    assert 0 < row["unknown_words"] < 4


def test_the_report_on_the_model_shows_what_it_confuses_its_words_and_its_drift(ran, db, tmp_path):
    some_weeks(db, [0.05, 0.06, 0.05, 0.06, 0.30])
    drift.note(db, "shop", [], NOW)
    page = tmp_path / "model.html"
    done = ran("report", "--model", "--out", str(page))
    assert done.exit_code == 0, done.output
    text = page.read_text(encoding="utf-8")
    for heading in ("What is taken for what", "Can the confidence be trusted?", "Words that carry each cause"):
        assert heading in text
    assert text.count("data:image/png;base64,") >= 2
    assert "trademark" in text
    assert "<script" not in text
    assert isinstance(ran("report", "--model").exception, UsageError)
