"""From a corpus to a fitted model: one pipeline, deterministic, evaluated on template families it has not seen."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib import delayed
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.model_selection import LeaveOneGroupOut

from triage.errors import CorpusError
from triage.labels import Cause, Stage
from triage.learn import fitting
from triage.learn.backends import LOCAL, Backend
from triage.learn.corpus import Row
from triage.learn.evaluation import Prediction
from triage.types import Address, Mail, Origin
from triage.understand.classifier import Model, Question, Thresholds, judge_pieces
from triage.understand.features import Features
from triage.understand.linear import Linear

FOLDS = 5
#: A missed warning costs as much as this many false alarms.
MISS_COSTS = 50
#: The share of warnings in a seller's mail; the corpus has far more.
WARNINGS_IN_MAIL = 0.05
#: The corpus' ordinary mail is nearly all hard; in a mailbox this share of it looks like a warning at all.
HARD_IN_ORDINARY = 0.3
#: So much more than the least expected cost is as good, because another corpus of this size would differ by more.
AS_GOOD = 0.03
#: The questions: how much the words that tell their answers apart are lifted, and the loss (see fitting.linear).
#: Chosen by group-wise cross-validation; docs/classifier.md has what was tried.
_QUESTIONS: dict[str, tuple[float, fitting.Loss]] = {
    "warning": (0.0, "hinge"),
    "cause": (0.75, "squared"),
    "stage": (0.5, "squared"),
}
#: What a version was trained with, for its manifest.
PARAMETERS: dict[str, Any] = {
    "folds": FOLDS,
    "miss_costs": MISS_COSTS,
    "questions": {task: {"power": power, "loss": loss} for task, (power, loss) in _QUESTIONS.items()},
}
#: Fewer than this cannot be split into folds with something of everything.
FEWEST_ROWS = 60

#: What is called with the share of the work that is done, 0 to 1, and a word for what is going on.
Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Example:
    """One mail to learn from, in one of the shapes it may arrive in."""

    mail: Mail
    row: Row
    number: int  # of the row
    weight: float


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, and what it would have said of each row had it not known the row's family."""

    model: Model
    held_out: tuple[Prediction, ...]  # in the order of the rows


def train(
    rows: Sequence[Row],
    version: str,
    progress: Progress = lambda share, what: None,
    backend: Backend = LOCAL,
) -> Trained:
    """Fit a model and predict every row by a model that has seen nothing of its group.

    Raises:
        CorpusError: too few rows, or only warnings, or none.
    """
    _check(rows)
    progress(0.02, "reading")
    examples = _examples(rows)
    groups = np.array([_group(example.row, example.number) for example in examples])
    everything = np.arange(len(examples))
    splits = list(LeaveOneGroupOut().split(everything, groups=_folds(groups)))
    tasks = [delayed(_fit)(examples, everything), *(delayed(_held_out)(examples, *split) for split in splits)]
    found: list[Any] = []
    for result in backend.each(tasks):
        found.append(result)
        progress(0.05 + 0.9 * len(found) / len(tasks), "testing on unseen families")
    fitted, *folds = found
    warning, cause, stage = _calibrated(rows, fitted, folds)
    model = Model(version, fitted.features, warning, cause, stage, Thresholds())
    by_row = _predictions(rows, model, folds)
    held_out = [by_row[number] for number in range(len(rows))]
    # What a threshold costs is told by the corpus: corrections weigh more because they are few, and are much alike.
    common = [number for number, row in enumerate(rows) if row.weight <= 1.0] or list(range(len(rows)))
    thresholds = choose_thresholds([rows[n] for n in common], [held_out[n] for n in common])
    progress(1.0, "done")
    return Trained(replace(model, thresholds=thresholds), tuple(p.judged(thresholds) for p in held_out))


def judge_without(
    rows: Sequence[Row], parts: Sequence[set[int]], model: Model, backend: Backend = LOCAL
) -> list[dict[int, Prediction]]:
    """For each part (row numbers): what is said of its rows by classifiers that have seen neither them nor their groups.

    model: the one trained on everything; its probabilities' sharpness and its thresholds are used.
    """
    examples = _examples(rows)
    tasks = []
    for part in parts:
        groups = {_group(rows[number], number) for number in part}
        known = [i for i, e in enumerate(examples) if _group(e.row, e.number) not in groups]
        unseen = [i for i, e in enumerate(examples) if e.number in part]
        tasks.append(delayed(_held_out)(examples, np.array(known), np.array(unseen)))
    return [_predictions(rows, model, [fold]) for fold in backend.each(tasks)]


def choose_thresholds(rows: Sequence[Row], held_out: Sequence[Prediction]) -> Thresholds:
    """The warning threshold of least expected cost in a mailbox, a miss costing MISS_COSTS false alarms."""
    truth = np.array([row.cause is not Cause.NONE for row in rows])
    p = np.array([prediction.p_warning for prediction in held_out])
    candidates = np.arange(0.20, 0.61, 0.01)  # below, alerts would lose their meaning
    misses = np.array([np.mean(p[truth] < t) for t in candidates])
    alarms = np.array([np.mean(p[~truth] >= t) for t in candidates])
    costs = MISS_COSTS * WARNINGS_IN_MAIL * misses + (1 - WARNINGS_IN_MAIL) * HARD_IN_ORDINARY * alarms
    # The costs hardly differ over a wide range, and where in it the least lies is chance. Of those as good as the least the
    # highest: fewer false alarms among mails the corpus does not know, and nearly the same threshold after each training.
    best = float(candidates[costs <= costs.min() * (1 + AS_GOOD)].max())
    return replace(Thresholds(), warning=round(best, 2), review=round(max(best / 2, 0.05), 3))


def _check(rows: Sequence[Row]) -> None:
    warnings = sum(row.cause is not Cause.NONE for row in rows)
    if len(rows) < FEWEST_ROWS:
        raise CorpusError(f"{len(rows)} rows are too few to train from; at least {FEWEST_ROWS} are needed")
    if warnings in {0, len(rows)}:
        missing = "no warnings" if not warnings else 'no row with the cause "none"'
        raise CorpusError(f"the training data has {missing}; both kinds are needed")
    if len({row.cause for row in rows}) < 4 or len({_group(row, n) for n, row in enumerate(rows)}) < FOLDS:
        raise CorpusError(f"the training data needs at least three causes beside none, and {FOLDS} groups")
    if len({row.stage for row in rows if row.cause is not Cause.NONE} - {None, Stage.NONE}) < 3:
        raise CorpusError("the training data needs warnings at three stages at least; give the rows a stage")


def _group(row: Row, number: int) -> str:
    return row.group or f"row {number}"


def _folds(groups: NDArray[np.str_]) -> NDArray[np.int64]:
    """The fold of each example. A group stays in its fold whatever is added, so that versions can be compared."""
    names, where = np.unique(groups, return_inverse=True)
    folds = np.array([zlib.crc32(name.encode()) % FOLDS for name in names])
    if len(set(folds)) < 2:  # a handful of groups that fell together
        folds = np.arange(len(names)) % FOLDS
    return folds[where]


def _examples(rows: Sequence[Row]) -> list[Example]:
    """Each row as it is, and as it arrives when pasted or forwarded: without sender, without subject."""
    examples: list[Example] = []
    for number, row in enumerate(rows):
        mail = row.mail()
        shapes = [mail]
        if mail.sender.email:
            shapes.append(replace(mail, sender=Address(), origin=Origin(), forwarded=None))
        if mail.subject and len(mail.text) > 80:
            shapes.append(replace(shapes[-1], subject=""))
        weights = [1.0] if len(shapes) == 1 else [0.6, *[0.4 / (len(shapes) - 1)] * (len(shapes) - 1)]
        examples.extend(Example(shape, row, number, row.weight * w) for shape, w in zip(shapes, weights, strict=True))
    return examples


def _labels(examples: Sequence[Example], task: str) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[np.float64]]:
    """Which examples a task learns from, what they are, and their weights (classes balanced by their square root)."""
    if task == "warning":
        keep = list(range(len(examples)))
        labels = np.array([example.row.cause is not Cause.NONE for example in examples])
    elif task == "cause":
        keep = [i for i, e in enumerate(examples) if e.row.cause is not Cause.NONE]
        labels = np.array([examples[i].row.cause.value for i in keep])
    else:
        keep = [
            i for i, e in enumerate(examples) if e.row.cause is not Cause.NONE and e.row.stage not in {None, Stage.NONE}
        ]
        labels = np.array([str(examples[i].row.stage) for i in keep])
    weights = np.array([examples[i].weight for i in keep])
    _, where, counts = np.unique(labels, return_inverse=True, return_counts=True)
    balance = len(labels) / (len(counts) * counts)
    # Warning or not weighs alike; among many classes the rare ones are lifted half-way, or their noise would rule.
    return np.array(keep), labels, weights * (balance if task == "warning" else np.sqrt(balance))[where]


@dataclass(frozen=True, slots=True)
class _Fitted:
    """Features and the three linear classifiers over them, not yet calibrated."""

    features: Features
    linear: dict[str, Linear]


@dataclass(frozen=True, slots=True)
class _Fold:
    """What classifiers without some rows say of them."""

    numbers: list[int]  # of the rows
    scores: dict[str, NDArray[np.float64]]  # by task: shape (len(numbers),) or (len(numbers), answers)


def _fit(examples: Sequence[Example], known: NDArray[np.int64]) -> _Fitted:
    seen = [examples[i] for i in known]
    mails = [example.mail for example in seen]
    features = fitting.features(mails)
    matrix, _ = features.rows(mails)
    linear = {}
    for task, (power, loss) in _QUESTIONS.items():
        keep, labels, weights = _labels(seen, task)
        linear[task] = fitting.linear(matrix[keep], labels, weights, words=features.words, power=power, loss=loss)
    return _Fitted(features, linear)


def _held_out(examples: Sequence[Example], known: NDArray[np.int64], unseen: NDArray[np.int64]) -> _Fold:
    """Only the first shape of a row is judged."""
    fitted = _fit(examples, known)
    rows: dict[int, Mail] = {}
    for i in unseen:
        rows.setdefault(examples[i].number, examples[i].mail)
    mails = list(rows.values())
    matrix, _ = fitted.features.rows(mails)
    scores = {task: linear.scores(matrix) for task, linear in fitted.linear.items()}
    pieces = judge_pieces(fitted.features, fitted.linear["cause"], mails)
    scores["cause"] = scores["cause"] + np.array([found.best() for found in pieces])
    for task in ("cause", "stage"):
        scores[task] = _aligned(
            scores[task], np.array(fitted.linear[task].answers), np.unique(_labels(examples, task)[1])
        )
    return _Fold(list(rows), scores)


def _aligned(scores: NDArray[np.float64], known: NDArray[Any], answers: NDArray[Any]) -> NDArray[np.float64]:
    """Columns for all answers: one whose only group is held out was not known, and is given the worst score."""
    if len(known) == len(answers):
        return scores
    columns = np.full((len(scores), len(answers)), scores.min() - 1.0)
    columns[:, np.searchsorted(answers, known)] = scores
    return columns


def _calibrated(rows: Sequence[Row], fitted: _Fitted, folds: Sequence[_Fold]) -> list[Question]:
    """The three questions of the model; how sharp its probabilities are comes from rows the classifiers had not seen."""
    numbers = [number for fold in folds for number in fold.numbers]
    examples = [Example(rows[number].mail(), rows[number], number, rows[number].weight) for number in numbers]
    questions = []
    for task in _QUESTIONS:
        scores = np.concatenate([fold.scores[task] for fold in folds])
        keep, labels, _ = _labels(examples, task)
        linear = fitted.linear[task]
        questions.append(Question(linear, _sharpness(linear, scores[keep], labels)))
    return questions


def _sharpness(linear: Linear, scores: NDArray[np.float64], labels: NDArray[Any]) -> float:
    """The inverse temperature at which the probabilities of unseen rows lose least (Guo et al. 2017, "On Calibration")."""
    where = np.searchsorted(linear.answers, labels)

    def loss(exponent: float) -> float:
        chances = Question(linear, float(np.exp(exponent))).chances(scores)
        return float(-np.log(chances[np.arange(len(where)), where] + 1e-12).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-5.0, 5.0), method="bounded").x))


def _predictions(rows: Sequence[Row], model: Model, folds: Sequence[_Fold]) -> dict[int, Prediction]:
    """By row number."""
    by_row: dict[int, Prediction] = {}
    for fold in folds:
        warning = model.warning.chances(fold.scores["warning"])[:, 1]
        causes, stages = (getattr(model, task).chances(fold.scores[task]) for task in ("cause", "stage"))
        for at, number in enumerate(fold.numbers):
            by_row[number] = Prediction.of(
                p_warning=float(warning[at]),
                causes=dict(zip(model.causes, causes[at].tolist(), strict=True)),
                stages=dict(zip(model.stages, stages[at].tolist(), strict=True)),
                mail=rows[number].mail(),
                thresholds=model.thresholds,
            )
    return by_row
