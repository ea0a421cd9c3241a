import collections
import itertools
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import psutil
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from typer.testing import CliRunner

from tests.conftest import NOW, a_batch, a_raw, until
from triage import actions
from triage.cli import app
from triage.errors import CorpusError, ModelError
from triage.labels import Cause, Platform, Stage
from triage.learn import (
    comparison,
    corpus,
    corrections,
    evaluation,
    fitting,
    journal,
    registry,
    report,
    retrain,
    self_test,
    training,
)
from triage.learn.backends import Backend
from triage.learn.in_use import ModelInUse
from triage.mail import cursor
from triage.mail.reading import from_fields
from triage.pipeline import take_in
from triage.understand.decide import decide
from triage.understand.features import tokens
from triage.understand.text import judged

ROWS = corpus.shipped().rows


RAW = [json.loads(line) for path in corpus.folder().glob("*.jsonl") for _, line in corpus.lines(path)]
WARNINGS = [row for row in RAW if row["cause"] != "none"]


def test_the_corpus_has_what_it_promises():
    by_cause = collections.Counter(row.cause for row in ROWS)
    assert len(ROWS) >= 2500
    assert set(by_cause) == set(Cause)
    assert by_cause[Cause.NONE] >= len(ROWS) / 3
    assert {row.stage for row in ROWS} == set(Stage)
    assert len({row.platform for row in ROWS} - {Platform.NONE, Platform.OTHER}) >= 20
    assert sum(row["made"] == "combined" for row in RAW) <= len(RAW) / 3
    assert len({row["id"] for row in RAW}) == len(RAW)
    assert {row.lang for row in ROWS} == {"en", "zh", "de", "fr", "es", "it", "ja", "pl", "nl", "pt", "tr", "sv"}


@pytest.mark.parametrize("cause", sorted(set(Cause) - {Cause.NONE}))
def test_every_cause_is_there_in_every_main_language(cause):
    count = collections.Counter(row.lang for row in ROWS if row.cause is cause)
    assert min(count["en"], count["zh"]) >= 60
    assert min(count[lang] for lang in ("de", "fr", "es", "it", "ja")) >= 15


@pytest.mark.parametrize(
    ("shape", "least"),
    [
        (lambda row: row["also"], 30),
        (lambda row: re.match(r"(FW|WG|TR |RV|I|转发|転送):", row["subject"]), 100),
        (lambda row: "\n>" in row["body"], 15),
        (lambda row: not row["subject"], 100),
        (lambda row: "**" in row["body"], 50),
        (lambda row: len(row["body"]) > 1200, 30),
        (lambda row: row["lang"] == "zh" and len(re.findall("[A-Za-z]{4,}", row["body"])) > 8, 20),
        (lambda row: row["lang"] == "zh" and len(set("帳號賣場規範違檢舉權這開為圖實單與對過") & set(row["body"])) > 1, 25),
    ],
    ids=["two causes", "forwards", "quoted history", "no subject", "masked", "long", "English in Chinese", "traditional Chinese"],
)  # fmt: skip
def test_what_makes_real_mail_hard_is_in_the_corpus(shape, least):
    assert sum(bool(shape(row)) for row in WARNINGS) >= least


def test_no_two_rows_of_different_groups_are_nearly_the_same_mail():
    texts = [re.sub(r"\d", "0", " ".join(f"{row.subject} {row.body}".lower().split())) for row in ROWS]
    shingles = CountVectorizer(analyzer="char", ngram_range=(5, 5), binary=True).fit_transform(texts).astype("float32")
    sizes = shingles.sum(axis=1).A1 if hasattr(shingles.sum(axis=1), "A1") else shingles.sum(axis=1)
    for start in range(0, len(ROWS), 500):
        shared = (shingles[start : start + 500] @ shingles.T).tocoo()
        jaccard = shared.data / (sizes[shared.row + start] + sizes[shared.col] - shared.data)
        for at in (jaccard > 0.85).nonzero()[0]:
            one, other = ROWS[shared.row[at] + start], ROWS[shared.col[at]]
            assert one.group == other.group, (one.id, other.id)


def test_judging_and_the_service_need_no_scikit_learn(models):
    code = (
        "import sys, triage.service, triage.daemon, triage.judges, triage.redeciding, triage.web.app\n"
        "from pathlib import Path\nfrom triage.learn import registry\nfrom triage.mail.reading import from_fields\n"
        "from triage.understand.decide import verdicts\n"
        f"model = registry.load(Path({str(models)!r}))\n"
        "(said,) = verdicts([from_fields(subject='Your account is suspended', body='Your selling account was suspended "
        "because items were counterfeit. Appeal within 72 hours.')], model)\n"
        "assert said.warning\nassert 'sklearn' not in sys.modules, 'scikit-learn was imported'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_words_are_weighed_as_scikit_learn_weighs_them():
    texts = [row.mail().text for row in ROWS[:400]]
    features = fitting.features([row.mail() for row in ROWS[:400]])
    theirs = TfidfVectorizer(
        analyzer=tokens, vocabulary=features.vocabulary, sublinear_tf=True, norm=None, dtype=np.float32
    ).fit([judged("", text) for text in texts])
    theirs.idf_ = features.rarity
    found, _ = features.word_rows([judged("", text) for text in texts])
    assert abs(found - theirs.transform(judged("", text) for text in texts)).max() < 1e-4


def test_labels_fit_each_other():
    for row in ROWS:
        assert row.group
        assert (row.cause is Cause.NONE) == (row.stage is Stage.NONE), row.id
        assert row.cause not in row.also


@pytest.mark.parametrize(
    ("line", "says"),
    [("{", "not valid JSON"), ("[]", "a JSON object is expected"), ('{"body": "x"}', "cause: Field required"),
     ('{"cause": "kycc", "body": "x"}', 'cause: unknown "kycc"; allowed are'), ('{"cause": "kyc", "stage": "gone"}', 'stage: unknown "gone"')],
)  # fmt: skip
def test_a_bad_row_is_named_by_file_and_line(tmp_path, line, says):
    path = tmp_path / "x.jsonl"
    path.write_text('{"cause": "none", "body": "hello"}\n\n' + line + "\n")
    with pytest.raises(CorpusError) as caught:
        corpus.load([path])
    assert str(caught.value).startswith(f"{path}:3: ")
    assert says in str(caught.value)


def some(cause, n):
    return [
        corpus.Row.model_validate({"cause": cause, "stage": None, "body": f"{cause} text {i}", "group": f"{cause}{i}"})
        for i in range(n)
    ]


@pytest.mark.parametrize(
    ("rows", "says"),
    [(some("kyc", 5), "too few"), (some("none", 80), "no warnings"), (some("kyc", 80), 'no row with the cause "none"'),
     (some("kyc", 40) + some("payments", 20) + some("none", 40), "at least three causes"),
     (some("kyc", 40) + some("payments", 20) + some("epr", 20) + some("none", 40), "three stages")],
)  # fmt: skip
def test_a_corpus_that_cannot_be_learned_from_is_refused(rows, says):
    with pytest.raises(CorpusError, match=says):
        training.train(rows, "x")


def test_a_cause_of_a_single_family_can_be_learned():
    single = [row.model_copy(update={"group": "the only one"}) for row in some("epr", 6)]
    warnings = [*some("kyc", 30), *some("payments", 30), *some("performance", 30), *single]
    stages = itertools.cycle([Stage.WARNING, Stage.SUSPENDED, Stage.RESTRICTED])
    rows = [*(row.model_copy(update={"stage": next(stages)}) for row in warnings), *some("none", 40)]
    trained = training.train(rows, "x", backend=Backend(1))
    assert Cause.EPR in trained.model.causes
    assert len(trained.held_out) == len(rows)


@pytest.mark.parametrize(
    ("line", "says"),
    [("{broken", "not valid JSON"), ('{"cause": "kycc", "body": "x"}', 'unknown "kycc"'), ('{"cause": "kyc"}', "neither subject nor body")],
)  # fmt: skip
def test_bad_training_data_leaves_the_model_in_use_as_it_was(copied, tmp_path, monkeypatch, line, says):
    before = registry.current(copied)
    path = tmp_path / "mine.jsonl"
    path.write_text(line + "\n", encoding="utf-8")
    (tmp_path / "config.toml").write_text(f'data = "{tmp_path}/data"\nmodels = "{copied}"\n', encoding="utf-8")
    monkeypatch.setenv("TRIAGE_CONFIG", str(tmp_path / "config.toml"))
    done = CliRunner().invoke(app, ["train", "--data", str(path)])
    assert isinstance(done.exception, CorpusError)
    assert f"{path}:1: " in str(done.exception)
    assert says in str(done.exception)
    assert registry.current(copied) == before


def test_a_report_has_tables_and_charts_and_says_nothing_of_the_mails(tmp_path, model):
    rows = ROWS[:120] + ROWS[-80:]
    said = evaluation.predict(rows, model)
    figures = evaluation.metrics(rows, said)
    report.write_report(tmp_path / "r", "A <test>", rows, said, figures)
    page = (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
    assert "A &lt;test&gt;" in page
    assert f"{figures['rows']} mails" in page
    assert page.count("data:image/png;base64,") == 2
    for chart in ("confusion.png", "reliability.png"):
        assert (tmp_path / "r" / chart).read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "r" / "metrics.json").read_text()) == figures
    assert not any(row.body[:60] in page for row in rows if len(row.body) > 60)


def test_the_decision_names_the_sentence_that_carried_it(model):
    sentence = "A buyer reported that the charger overheated and caught fire."
    before = (
        "Hello,\n\nWe deactivated one of your listings. Your account is not affected at this time. Please ship open orders.\n\n"
        "Why is this happening?\n"
    )
    after = (
        "\n\nHow do I reactivate my listing?\n-- Sign in and go to Account Health.\n-- Choose the banner at the top of the page.\n\n"
        "What happens if I do not send the requested information?\nYour listing will stay inactive. Funds may be held.\n\n"
        "We're here to help\nAccount Health shows how well your account performs against policies such as product authenticity, "
        "intellectual property, product safety and listing policy. Download the app for iOS or Android."
    )
    mail = from_fields(sender="", subject="Notice", body=before + sentence + after, received_at=None)
    said = decide([mail], model, [NOW], ZoneInfo("UTC"))[0]
    assert said.cause is Cause.PRODUCT_SAFETY
    assert said.evidence[0].source == "sentence"
    assert sentence in said.evidence[0].text


def test_training_is_deterministic(models, model):
    again = training.train(ROWS, "again", backend=Backend(1))
    first = registry.versions(models)[0]
    from triage.learn.evaluation import metrics

    assert json.dumps(metrics(ROWS, again.held_out), sort_keys=True) == json.dumps(first.metrics, sort_keys=True)
    assert again.model.thresholds == model.thresholds


@pytest.fixture
def copied(models, tmp_path):
    """A registry of the test's own."""
    shutil.copytree(models, tmp_path / "models")
    return tmp_path / "models"


def test_a_version_is_loaded_as_it_was_saved(copied, model):
    loaded = registry.load(copied)
    assert loaded.version == model.version
    assert loaded.thresholds == model.thresholds


def refused(folder, says):
    with pytest.raises(ModelError, match=says) as caught:
        registry.load(folder)
    assert "run: triage train" in str(caught.value)


def test_a_changed_model_is_not_unpickled(copied, monkeypatch):
    file = copied / registry.current(copied) / "model.joblib"
    file.write_bytes(file.read_bytes() + b"x")
    monkeypatch.setattr(registry.joblib, "load", lambda path: pytest.fail("it was unpickled"))
    refused(copied, "was changed")


def test_a_manifest_of_another_installation_is_not_trusted(copied):
    (copied / "installation.key").write_bytes(b"another key, of another installation")
    refused(copied, "not made by this installation")


def test_a_changed_manifest_is_not_trusted(copied):
    path = copied / registry.current(copied) / "manifest.json"
    path.write_text(path.read_text().replace('"warning": 0.', '"warning": 0.9'))
    refused(copied, "not made by this installation")


def test_a_link_is_not_followed(copied, tmp_path):
    file = copied / registry.current(copied) / "model.joblib"
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    refused(copied, "is a link")


def test_a_model_of_other_library_versions_is_refused(copied, monkeypatch):
    real = registry.installed
    monkeypatch.setattr(registry, "installed", lambda name: "9.9.9" if name == "scikit-learn" else real(name))
    refused(copied, r"scikit-learn .*, installed is 9\.9\.9")


def test_a_model_of_other_labels_is_refused_and_the_one_in_use_stays(copied, monkeypatch):
    using = ModelInUse(copied, lambda: NOW, list)
    before = using.get()
    manifest = {**registry._manifest(copied, copied / before.version), "version": "20990101-000000-beef"}
    manifest["labels"] = {"causes": ["authenticity", "frobnication"], "stages": ["warning"]}
    shutil.copytree(copied / before.version, copied / manifest["version"])
    signed = {**manifest, "signature": registry._signature(manifest, registry._key(copied, create=False))}
    (copied / manifest["version"] / "manifest.json").write_text(json.dumps(signed))
    (copied / "current").write_text(manifest["version"])
    monkeypatch.setattr(registry.joblib, "load", lambda path: pytest.fail("it was unpickled"))
    refused(copied, "was trained on other labels")
    assert using.get().version == before.version


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_training_that_is_ended_at_its_work_leaves_the_model_in_use(copied, tmp_path, end):
    before = sorted(path.name for path in copied.iterdir() if path.name != ".training")
    config = tmp_path / "config.toml"
    config.write_text(f'models = "{copied}"\n')
    training_ = psutil.Popen(
        [sys.executable, "-m", "triage", "train", "--config", config],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    until(lambda: [c for c in training_.children() if "LokyProcess" in " ".join(c.cmdline())], 60, "for the workers")
    time.sleep(3)
    workers = training_.children(recursive=True)
    training_.send_signal(end)
    said, _ = training_.communicate(timeout=30)
    assert training_.returncode == (-9 if end is signal.SIGKILL else 130)
    assert "Traceback" not in said
    until(lambda: not any(worker.is_running() for worker in workers), 60, "for the workers to end")
    with retrain._alone(copied):  # the next one can begin
        assert registry.load(copied).version == registry.current(copied)
    assert sorted(path.name for path in copied.iterdir() if path.name != ".training") == before


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", "x\0y"])
def test_a_path_outside_the_folder_is_no_version(copied, name):
    (copied / "current").write_text(name)
    refused(copied, "does not name a version|has no readable manifest")


def test_an_empty_folder_has_no_model(tmp_path):
    refused(tmp_path, "no model yet")


def test_the_key_is_the_owners_alone(models):
    assert (models / "installation.key").stat().st_mode & 0o077 == 0


def test_a_worse_version_is_kept_but_not_used_unless_somebody_says_why(copied, monkeypatch):
    before = registry.current(copied)
    monkeypatch.setattr(retrain, "_against", lambda *_: ["warning recall would fall", "and more"])
    outcome = retrain.retrain(copied, (), NOW)
    assert not outcome.promoted
    assert outcome.reason == "warning recall would fall; and more"
    assert registry.current(copied) == before
    assert outcome.version in {saved.version for saved in registry.versions(copied)}
    assert outcome.comparison.against == ()  # the same corpus: nothing is worse
    assert {each.change for each in outcome.comparison.differences} == {0.0}

    said = tuple(each for _, each in outcome.judged)  # what a second training would say again, a minute later
    monkeypatch.setattr(
        retrain, "train", lambda _, version, *__: training.Trained(replace(outcome.model, version=version), said)
    )
    forced = retrain.retrain(copied, (), NOW, force="we take more false alarms", by="li")
    assert forced.promoted
    last = journal.entries(copied)[-1]
    assert (last.version, last.before, last.by, last.forced) == (forced.version, before, "li", True)
    assert last.why == "we take more false alarms (in spite of: warning recall would fall; and more)"


# ---- the comparison ----------------------------------------------------------------------------------------------


def a_thousand(wrong=(), *, sure=0.9):
    """Rows in families of five, half of them warnings of two causes, and what a version says: right but for some."""
    causes = ["none", "kyc", "none", "payments"]
    rows = [
        corpus.Row.model_validate({"cause": causes[n % 4], "body": f"mail {n}", "group": f"family {n // 5}"})
        for n in range(1000)
    ]
    said = {
        comparison.key(row): (
            (row.cause is not Cause.NONE) != (n in wrong),
            ("none" if row.cause is not Cause.NONE else "kyc") if n in wrong else row.cause.value,
            sure,
        )
        for n, row in enumerate(rows)
    }
    return rows, said


KYC = range(1, 1000, 4)
NONE = range(0, 1000, 2)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ((), (), []),
        ((), NONE[:3], []),  # three false alarms more among 500 ordinary mails
        (
            (),
            KYC[:40],
            [
                "warning recall would fall from 1.000 to 0.920",
                "F1 of kyc would fall from 1.000 to 0.913",
                "F1 of none would fall",
            ],
        ),
        (KYC[:2], KYC[2:4], []),  # others, not more
        (KYC[:5], (), []),  # better
        ((), NONE[:60], ["F1 of kyc would fall", "F1 of none would fall"]),
    ],
)
def test_a_version_that_is_worse_on_the_same_mails_is_refused_in_words(before, after, says):
    rows, old = a_thousand(before)
    _, new = a_thousand(after)
    against = comparison.compare(rows, old, new).against
    assert bool(against) == bool(says)
    assert all(any(part in line for line in against) for part in says), against


def test_a_version_that_is_less_honest_about_its_doubts_is_refused():
    rows, old = a_thousand(NONE[:100], sure=0.9)
    _, new = a_thousand(NONE[:100], sure=1.0)
    assert "its confidence would be less true" in comparison.compare(rows, old, new).against[0]
    assert comparison.compare(rows, new, old).against == ()


def test_a_difference_has_an_interval_that_holds_it():
    rows, old = a_thousand(KYC[:10])
    _, new = a_thousand(KYC[5:20])
    recall = next(d for d in comparison.compare(rows, old, new).differences if d.name == "warning_recall")
    assert recall.change == pytest.approx(-0.01)
    assert recall.low < recall.change < recall.high


def test_versions_that_were_tested_on_other_mails_are_not_compared():
    rows, old = a_thousand()
    assert comparison.compare(rows, dict(list(old.items())[:100]), old) is None


def test_corrections_that_do_not_come_out_right_speak_against_a_version(model):
    said = retrain._against(model, None, [True] * 8 + [False] * 2, None)
    assert said == ["of 10 corrected mails only 8 would come out as they were corrected"]
    assert retrain._against(model, None, [True] * 9 + [False], [True] * 10) == [
        "of 10 corrected mails 9 would come out right, 10 do now"
    ]
    assert retrain._against(model, None, [True] * 9 + [False], [False] * 10) == []


# ---- the registry ------------------------------------------------------------------------------------------------


def again(folder, version):
    """The model in use once more, as a version of its own, without the minute of training."""
    known = next(saved for saved in registry.versions(folder) if saved.current)
    model = replace(registry.load(folder), version=version)
    registry.save(folder, model, metrics=known.metrics, data=known.data, now=NOW)
    return version


@pytest.fixture
def two(copied):
    """A registry with two versions of the same model, the second in use."""
    first = registry.current(copied)
    second = again(copied, "20990101-000000-beef")
    registry.promote(copied, second, by="li", why="no figure is worse", now=NOW)
    return copied, first, second


def test_versions_are_shown_put_into_use_rolled_back_and_deleted_by_command(two, tmp_path, monkeypatch):
    folder, first, second = two
    (tmp_path / "config.toml").write_text(f'data = "{tmp_path}/data"\nmodels = "{folder}"\n', encoding="utf-8")
    monkeypatch.setenv("TRIAGE_CONFIG", str(tmp_path / "config.toml"))

    def ran(*words):
        return CliRunner().invoke(app, ["models", *words])

    assert f"* {second}" in ran().output
    shown = ran("show", second).output
    assert "by li: no figure is worse" in shown
    assert "scikit-learn" in shown
    assert ran("roll-back", "--by", "wang", "--why", "too many false alarms").exit_code == 0
    assert registry.current(folder) == first
    assert (journal.entries(folder)[-1].by, journal.entries(folder)[-1].why) == ("wang", "too many false alarms")
    assert isinstance(ran("delete", first).exception, ModelError)  # it is in use
    assert ran("promote", second).exit_code == 0
    assert registry.current(folder) == second
    assert ran("delete", first).exit_code == 0
    assert [saved.version for saved in registry.versions(folder)] == [second]
    assert isinstance(ran("roll-back").exception, ModelError)  # what was before is deleted


@pytest.mark.parametrize("name", ["..", ".", "../models", ".building-x", "a/b"])
def test_no_name_leads_out_of_the_registry(copied, name):
    for act in (
        lambda: registry.load(copied, name),
        lambda: registry.delete(copied, name),
        lambda: registry.promote(copied, name, by="x", why="y", now=NOW),
    ):
        with pytest.raises(ModelError, match="no name of a version"):
            act()
    assert registry.current(copied)


def test_a_version_under_another_versions_name_is_not_trusted(copied):
    (copied / registry.current(copied)).rename(copied / "20990101-000000-ffff")
    with pytest.raises(ModelError, match="holds the version"):
        registry.load(copied, "20990101-000000-ffff")


def test_what_was_said_of_unseen_rows_is_not_believed_once_it_was_changed(copied):
    version = registry.current(copied)
    assert len(registry.held_out(copied, version)) > 5000
    (copied / version / "held_out.json").write_text("{}")
    with pytest.raises(ModelError, match="was changed"):
        registry.held_out(copied, version)


def test_the_journal_survives_a_line_that_was_cut_off(copied):
    known = journal.entries(copied)
    with (copied / "journal.jsonl").open("a") as file:
        file.write('{"version": "2026')
    assert journal.entries(copied) == known


def test_what_a_killed_training_left_is_cleared_away(copied):
    left = copied / ".building-abc"
    left.mkdir()
    (left / "model.joblib").write_bytes(b"half")
    again(copied, "20990101-000000-beef")
    assert not left.exists()


def test_a_full_disk_leaves_the_model_in_use(copied, monkeypatch):
    before = registry.current(copied)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(registry.joblib, "dump", full)
    with pytest.raises(ModelError, match="No space left on device; the model in use stays"):
        again(copied, "20990101-000000-beef")
    assert registry.current(copied) == before
    assert not list(copied.glob(".building-*"))


def test_a_model_that_fails_its_self_test_is_not_taken_over_and_the_registry_goes_back(two, monkeypatch):
    folder, first, second = two
    registry.promote(folder, first, by="li", why="for the test", now=NOW)
    in_use = ModelInUse(folder, lambda: NOW, list)
    assert in_use.get().version == first
    real = self_test.failing
    monkeypatch.setattr(self_test, "failing", lambda model: ["all"] if model.version == second else real(model))
    registry.promote(folder, second, by="li", why="let us see", now=NOW)

    assert in_use.get().version == first
    assert registry.current(folder) == first
    last = journal.entries(folder)[-1]
    assert (last.version, last.by) == (first, "triage")
    assert "fails its self-test" in last.why


def test_at_the_start_a_refused_version_gives_way_to_the_one_before_it(two):
    folder, first, second = two
    (folder / second / "model.joblib").write_bytes(b"changed")

    assert ModelInUse(folder, lambda: NOW, list).get().version == first
    assert registry.current(folder) == first


def test_every_plain_case_is_decided_right_and_one_that_is_not_is_named(model, monkeypatch):
    assert self_test.failing(model) == []
    assert len(self_test.plain_cases()) >= 10
    case = self_test.plain_cases()[0]
    monkeypatch.setattr(self_test, "plain_cases", lambda: (replace(case, cause=Cause.EPR),))
    assert self_test.failing(model) == [f'"{case.mail.subject}" is epr, said: {case.cause}']


def test_two_trainings_at_once_are_refused(copied):
    with retrain._alone(copied), pytest.raises(ModelError, match="another training"), retrain._alone(copied):
        pass


def test_a_correction_is_learned_and_a_running_daemon_takes_it_over(db, model, settings, copied):
    cursor.begin(db, "shop", "INBOX", 7, last_uid=0, history_through=0)
    text = "Your seller account was suspended. Notice {}: frobnication of the storefront was not shown. Send the frobnication papers."
    take_in(db, a_batch(*(a_raw(f"Frobnikation {n}", text.format(n)) for n in range(6))), model, settings, NOW)
    for case in {row["case_id"] for row in db.query("SELECT case_id FROM messages WHERE case_id IS NOT NULL")}:
        actions.correct(db, case, cause=Cause.VAT_TAX, stage=Stage.SUSPENDED, by="li", now=NOW)
    learned = corrections.rows(db)
    assert learned

    in_use = ModelInUse(copied, lambda: NOW, list)
    before = in_use.get()
    outcome = retrain.retrain(copied, learned, NOW)

    assert outcome.corrections == outcome.corrections_right == len(learned)
    assert outcome.promoted
    assert before.version != in_use.get().version == outcome.version


def test_a_promotion_that_fails_to_load_leaves_the_old_model_at_work(copied):
    in_use = ModelInUse(copied, lambda: NOW, list)
    version = in_use.get().version
    (copied / "current").write_text("20990101-000000-none\n")
    assert in_use.get().version == version
    assert registry.current(copied) == version  # and the registry goes back to it
