"""The model: is it a warning, of what cause, at what stage. Three calibrated linear classifiers over the same features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.calibration import CalibratedClassifierCV

from triage.labels import Cause, Stage
from triage.types import Evidence, Mail
from triage.understand import lexicon
from triage.understand.features import Features
from triage.understand.text import judged

#: Words named as evidence for a decision.
_NAMED = 8

Probabilities = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where a probability becomes a word. Chosen in training, so that a missed warning costs fifty false alarms."""

    warning: float = 0.4  # from here on it is a warning
    review: float = 0.15  # from here on a person looks at it
    sure: float = 0.5  # below this probability of the cause a person looks at it
    also: float = 0.2  # a further cause must be at least so likely


@dataclass(frozen=True, slots=True)
class Scores:
    """What the classifiers say of a batch. Rows in the order of the mails."""

    warning: Probabilities  # shape (n,)
    causes: Probabilities  # shape (n, len(model.causes)): of each cause, given that it is a warning
    stages: Probabilities  # shape (n, len(model.stages))
    rows: csr_matrix  # the features, to explain with


@dataclass(frozen=True)
class Model:
    """A fitted model with its version; immutable and safe to share between threads."""

    version: str
    features: Features
    warning: CalibratedClassifierCV
    cause: CalibratedClassifierCV
    stage: CalibratedClassifierCV
    thresholds: Thresholds

    @property
    def causes(self) -> list[Cause]:
        """Columns of Scores.causes."""
        return [Cause(label) for label in self.cause.classes_]

    @property
    def stages(self) -> list[Stage]:
        """Columns of Scores.stages."""
        return [Stage(label) for label in self.stage.classes_]

    def scores(self, mails: Sequence[Mail]) -> Scores:
        """Probabilities for a batch of at least one mail."""
        rows = self.features.transform(mails)
        yes = list(self.warning.classes_).index(True)
        return Scores(
            warning=self.warning.predict_proba(rows)[:, yes],
            causes=self.cause.predict_proba(rows),
            stages=self.stage.predict_proba(rows),
            rows=rows,
        )

    def evidence(self, mail: Mail, row: csr_matrix, cause: Cause) -> tuple[Evidence, ...]:
        """What speaks for a cause (or, for ``none``, against a warning) in one row of the features, strongest first.

        The weight is the log-odds a word or group of terms adds against the average of the other causes.
        """
        if cause is Cause.NONE:
            weights = -_coefficients(self.warning)[0]
        else:
            all_weights = _coefficients(self.cause)
            at = self.causes.index(cause)
            weights = all_weights[at] - np.delete(all_weights, at, axis=0).mean(axis=0)
        parts = weights[row.indices] * row.data
        order = np.argsort(-parts)[:_NAMED]
        names = self._names
        found = lexicon.hits(judged(mail.subject, mail.text))
        return tuple(_named(names[row.indices[i]], float(parts[i]), found) for i in order if parts[i] > 0.02)

    @cached_property
    def _names(self) -> list[str]:
        """What the columns stand for; made once, at the first explanation."""
        return self.features.names()


def _named(name: str, weight: float, found: dict[int, list[str]]) -> Evidence:
    if name in lexicon.COLUMNS:
        terms = found.get(lexicon.COLUMNS.index(name), [])
        return Evidence("phrase", ", ".join(term.strip() for term in terms[:6]), round(weight, 3))
    if name.startswith("sender:"):
        return Evidence("sender", name.removeprefix("sender:"), round(weight, 3))
    return Evidence("word", name, round(weight, 3))


def _coefficients(classifier: CalibratedClassifierCV) -> NDArray[np.float64]:
    """Weights of the one linear model inside, of shape (classes or 1, features)."""
    return np.asarray(classifier.calibrated_classifiers_[0].estimator.coef_)
