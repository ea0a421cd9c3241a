"""From a corpus to a fitted model: one pipeline, deterministic, evaluated on template families it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GroupKFold

from triage.errors import CorpusError
from triage.labels import Cause, Stage
from triage.learn.corpus import Row
from triage.learn.evaluation import Prediction
from triage.types import Address, Mail, Origin
from triage.understand.classifier import Model, Thresholds
from triage.understand.features import Features

FOLDS = 5
#: A missed warning costs as much as this many false alarms.
MISS_COSTS = 50
#: The share of warnings in a seller's mail; the corpus has far more.
WARNINGS_IN_MAIL = 0.05
#: The corpus' ordinary mail is nearly all hard; in a mailbox this share of it looks like a warning at all.
HARD_IN_ORDINARY = 0.5
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


def train(rows: Sequence[Row], version: str, progress: Progress = lambda share, what: None, jobs: int = 2) -> Trained:
    """Fit a model and predict every row by a model that has seen nothing of its group.

    Raises:
        CorpusError: too few rows, or only warnings, or none.
    """
    _check(rows)
    progress(0.02, "reading")
    examples = _examples(rows)
    groups = np.array([_group(example.row, example.number) for example in examples])
    splits = list(GroupKFold(FOLDS).split(np.zeros(len(examples)), groups=groups))
    progress(0.05, "features")
    features = Features().fit([example.mail for example in examples])
    matrix = features.transform([example.mail for example in examples])
    fitted: dict[str, CalibratedClassifierCV] = {}
    for done, task in enumerate(("warning", "cause", "stage")):
        progress(0.15 + 0.15 * done, f"fitting: {task}")
        keep, labels, weights = _labels(examples, task)
        inner = list(GroupKFold(FOLDS).split(np.zeros(len(keep)), groups=groups[keep]))
        classifier = CalibratedClassifierCV(_linear(task), method="temperature", cv=inner, ensemble=False, n_jobs=jobs)
        fitted[task] = classifier.fit(matrix[keep], labels, sample_weight=weights)
    progress(0.6, "testing on unseen families")
    model = Model(version, features, fitted["warning"], fitted["cause"], fitted["stage"], Thresholds())
    folds = Parallel(n_jobs=jobs)(delayed(_held_out)(examples, known, unseen, model) for known, unseen in splits)
    by_row: dict[int, Prediction] = {}
    for fold in folds:
        by_row.update(fold)
    held_out = tuple(by_row[number] for number in range(len(rows)))
    thresholds = choose_thresholds(rows, held_out)
    progress(1.0, "done")
    return Trained(replace(model, thresholds=thresholds), tuple(p.judged(thresholds) for p in held_out))


def choose_thresholds(rows: Sequence[Row], held_out: Sequence[Prediction]) -> Thresholds:
    """The warning threshold of least expected cost in a mailbox, a miss costing MISS_COSTS false alarms."""
    truth = np.array([row.cause is not Cause.NONE for row in rows])
    p = np.array([prediction.p_warning for prediction in held_out])
    candidates = np.arange(0.20, 0.61, 0.01)  # below, alerts would lose their meaning
    misses = np.array([np.mean(p[truth] < t) for t in candidates])
    alarms = np.array([np.mean(p[~truth] >= t) for t in candidates])
    costs = MISS_COSTS * WARNINGS_IN_MAIL * misses + (1 - WARNINGS_IN_MAIL) * HARD_IN_ORDINARY * alarms
    # Of equal costs the highest threshold: fewer false alarms among mails the corpus does not know.
    best = float(candidates[len(costs) - 1 - int(np.argmin(costs[::-1]))])
    return replace(Thresholds(), warning=round(best, 2), review=round(max(best / 2, 0.05), 3))


def _check(rows: Sequence[Row]) -> None:
    warnings = sum(row.cause is not Cause.NONE for row in rows)
    if len(rows) < FEWEST_ROWS:
        raise CorpusError(f"{len(rows)} rows are too few to train from; at least {FEWEST_ROWS} are needed")
    if warnings in {0, len(rows)}:
        missing = "no warnings" if not warnings else 'no row with the cause "none"'
        raise CorpusError(f"the training data has {missing}; both kinds are needed")
    if len({row.cause for row in rows}) < 3 or len({_group(row, n) for n, row in enumerate(rows)}) < FOLDS:
        raise CorpusError(f"the training data needs at least two causes beside none, and {FOLDS} groups")


def _group(row: Row, number: int) -> str:
    return row.group or f"row {number}"


def _examples(rows: Sequence[Row]) -> list[Example]:
    """Each row as it is, and as it arrives when pasted or forwarded: without sender, without subject."""
    examples: list[Example] = []
    for number, row in enumerate(rows):
        mail = row.mail()
        shapes = [mail]
        if mail.sender.email:
            shapes.append(replace(mail, sender=Address(), origin=Origin(), forwarded_by=None))
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


def _linear(task: str) -> LogisticRegression | RidgeClassifier:
    """The classifier of a task, uncalibrated. Chosen by group-wise cross-validation.

    Warning or not: logistic regression. Among many causes and stages, one against the rest by least squares is three to five
    points better than logistic regression or a linear SVM, and fits in a tenth of the time.
    """
    if task == "warning":
        return LogisticRegression(C=20.0, max_iter=400, tol=1e-3)
    return RidgeClassifier(alpha=0.7)


def _held_out(
    examples: Sequence[Example], known: NDArray[np.int64], unseen: NDArray[np.int64], model: Model
) -> dict[int, Prediction]:
    """What a model without some groups says of them, by row number. Only the first shape of a row is judged.

    The final model's calibrators turn its scores into probabilities: each has one parameter, so the little they have
    seen of the held-out rows does not matter.
    """
    seen = [examples[i] for i in known]
    rows: dict[int, Example] = {}
    for i in unseen:
        rows.setdefault(examples[i].number, examples[i])
    mails = [example.mail for example in rows.values()]
    features = Features().fit([example.mail for example in seen])
    matrix, tested = features.transform([e.mail for e in seen]), features.transform(mails)
    chances: dict[str, NDArray[np.float64]] = {}
    names: dict[str, list[Any]] = {}
    for task, calibrated in (("warning", model.warning), ("cause", model.cause), ("stage", model.stage)):
        keep, labels, weights = _labels(seen, task)
        linear = _linear(task).fit(matrix[keep], labels, sample_weight=weights)
        scores = linear.decision_function(tested)
        chances[task] = calibrated.calibrated_classifiers_[0].calibrators[0].predict(scores)
        names[task] = list(linear.classes_)
    yes = names["warning"].index(True)
    return {
        number: Prediction.of(
            p_warning=float(chances["warning"][at][yes])
            if chances["warning"].ndim > 1
            else float(chances["warning"][at]),
            causes={Cause(name): float(p) for name, p in zip(names["cause"], chances["cause"][at], strict=True)},
            stages={Stage(name): float(p) for name, p in zip(names["stage"], chances["stage"][at], strict=True)},
            mail=mails[at],
            thresholds=model.thresholds,
        )
        for at, number in enumerate(rows)
    }
