import collections
import json
import shutil

import pytest

from tests.conftest import NOW, a_batch, a_raw
from triage import actions
from triage.errors import CorpusError, ModelError
from triage.labels import Cause, Platform, Stage
from triage.learn import corpus, corrections, registry, retrain, training
from triage.learn.in_use import ModelInUse
from triage.mail import cursor
from triage.pipeline import take_in

ROWS = corpus.shipped().rows


def test_the_corpus_has_what_it_promises():
    written = [line for path in corpus.folder().glob("*.jsonl") for _, line in corpus.lines(path)]
    raw = [json.loads(line) for line in written]
    by_cause = collections.Counter(row.cause for row in ROWS)
    assert len(ROWS) >= 400
    assert set(by_cause) == set(Cause)
    assert by_cause[Cause.NONE] >= len(ROWS) / 3
    assert {row.stage for row in ROWS} == set(Stage)
    assert len({row.platform for row in ROWS} - {Platform.NONE, Platform.OTHER}) >= 20
    assert sum(row["made"] == "combined" for row in raw) <= len(raw) / 3
    assert len({row["id"] for row in raw}) == len(raw)
    for cause in set(Cause) - {Cause.NONE}:
        for lang in ("en", "zh"):
            assert sum(row.cause is cause and row.lang == lang for row in ROWS) >= 8, (cause, lang)


def test_no_two_rows_of_different_groups_are_the_same_mail():
    seen = {}
    for row in ROWS:
        text = " ".join(f"{row.subject} {row.body}".split()).lower()
        assert seen.setdefault(text, row.group) == row.group, text[:80]


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
     (some("kyc", 40) + some("none", 40), "at least two causes")],
)  # fmt: skip
def test_a_corpus_that_cannot_be_learned_from_is_refused(rows, says):
    with pytest.raises(CorpusError, match=says):
        training.train(rows, "x")


def test_training_is_deterministic(models, model):
    again = training.train(ROWS, "again", jobs=1)
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


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", "x\0y"])
def test_a_path_outside_the_folder_is_no_version(copied, name):
    (copied / "current").write_text(name)
    refused(copied, "does not name a version|has no readable manifest")


def test_an_empty_folder_has_no_model(tmp_path):
    refused(tmp_path, "no model yet")


def test_the_key_is_the_owners_alone(models):
    assert (models / "installation.key").stat().st_mode & 0o077 == 0


def test_a_worse_version_is_kept_but_not_used(copied, monkeypatch):
    before = registry.current(copied)
    monkeypatch.setattr(retrain, "_worse", lambda old, new: "warning_recall would fall")
    outcome = retrain.retrain(copied, (), NOW)
    assert not outcome.promoted
    assert registry.current(copied) == before
    assert outcome.version in {saved.version for saved in registry.versions(copied)}


def test_figures_that_fall_are_named():
    assert (
        retrain._worse({"warning_recall": 0.99}, {"warning_recall": 0.95})
        == "warning_recall would fall from 0.990 to 0.950"
    )
    assert retrain._worse({"warning_recall": 0.99}, {"warning_recall": 0.985}) == ""


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
