"""The model: is it a warning, of what cause, at what stage. Three linear classifiers over the same features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.special import softmax

from triage.labels import Cause, Stage
from triage.types import Evidence, Mail
from triage.understand import lexicon
from triage.understand.features import Features
from triage.understand.linear import Linear
from triage.understand.segments import segments
from triage.understand.text import judged, normal

#: Words named as evidence for a decision.
_NAMED = 8
#: Of the best piece of a mail, how much is added to the score of the whole when the cause is judged.
_PIECE_SHARE = 0.4

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where a probability becomes a word. Chosen in training, so that a missed warning costs fifty false alarms."""

    warning: float = 0.4  # from here on it is a warning
    review: float = 0.15  # from here on a person looks at it
    sure: float = 0.5  # below this probability of the cause a person looks at it
    also: float = 0.2  # a further cause must be at least so likely


@dataclass(frozen=True, slots=True)
class Question:
    """One of the model's three questions: a fitted linear classifier, and what turns its scores into probabilities."""

    linear: Linear
    sharpness: float  # the inverse temperature: probabilities are softmax(sharpness * scores)

    @property
    def answers(self) -> list[Any]:
        """Columns of the probabilities."""
        return list(self.linear.answers)

    def chances(self, scores: Numbers) -> Numbers:
        """Probabilities of shape (n, answers) from the linear classifier's scores."""
        logits = np.column_stack([-scores, scores]) if scores.ndim == 1 else scores
        return np.asarray(softmax(self.sharpness * logits, axis=1))


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces of one mail, each judged on its own."""

    texts: list[str]
    scores: Numbers  # shape (len(texts), answers): the linear classifier's, of each cause

    def best(self) -> Numbers:
        """What the best piece adds to the score of each answer; nothing where a mail has no text."""
        return np.asarray(self.scores.max(axis=0) if self.texts else np.zeros(self.scores.shape[1])) * _PIECE_SHARE


@dataclass(frozen=True, slots=True)
class Scores:
    """What the classifiers say of a batch. Rows in the order of the mails."""

    warning: Numbers  # shape (n,)
    causes: Numbers  # shape (n, len(model.causes)): of each cause, given that it is a warning; 0 where it is none
    stages: Numbers  # shape (n, len(model.stages)); 0 where it is none
    rows: csr_matrix  # the features, to explain with
    pieces: dict[int, Pieces]  # by number of the mail: only of those that may be warnings
    unknown: Numbers  # shape (n,): share of each mail's tokens that the model does not know


@dataclass(frozen=True)
class Model:
    """A fitted model with its version; immutable and safe to share between threads."""

    version: str
    features: Features
    warning: Question
    cause: Question
    stage: Question
    thresholds: Thresholds

    @cached_property
    def causes(self) -> list[Cause]:
        """Columns of Scores.causes."""
        return [Cause(label) for label in self.cause.answers]

    @cached_property
    def stages(self) -> list[Stage]:
        """Columns of Scores.stages."""
        return [Stage(label) for label in self.stage.answers]

    def scores(self, mails: Sequence[Mail], *, causes_of_all: bool = False) -> Scores:
        """Probabilities for a batch of at least one mail. Of what cause it is and at what stage is asked only where it may be
        a warning, unless it is to be asked of all; elsewhere these are 0."""
        rows, unknown = self.features.rows(mails)
        warning = self.warning.chances(self.warning.linear.scores(rows))[:, 1]
        causes, stages = (np.zeros((len(mails), len(question.answers))) for question in (self.cause, self.stage))
        doubtful = np.flatnonzero((warning >= self.thresholds.review) | causes_of_all).tolist()
        pieces: dict[int, Pieces] = {}
        if doubtful:
            found = judge_pieces(self.features, self.cause.linear, [mails[i] for i in doubtful])
            best = np.array([each.best() for each in found])
            causes[doubtful] = self.cause.chances(self.cause.linear.scores(rows[doubtful]) + best)
            stages[doubtful] = self.stage.chances(self.stage.linear.scores(rows[doubtful]))
            pieces = dict(zip(doubtful, found, strict=True))
        return Scores(warning=warning, causes=causes, stages=stages, rows=rows, pieces=pieces, unknown=unknown)

    def evidence(self, mail: Mail, scores: Scores, number: int, cause: Cause) -> tuple[Evidence, ...]:
        """What speaks for a cause (or, for ``none``, against a warning) in one mail of a batch, strongest first.

        The weight is the log-odds a word or group of terms adds against the average of the other causes. For a cause the
        sentence that speaks for it most stands first, with what it adds.
        """
        if cause is Cause.NONE:
            question = self.warning
            weighed = question.linear.weighed(scores.rows[number])
            weights = -2 * question.linear.weights[weighed.indices, 0]
        else:
            question, at = self.cause, self.causes.index(cause)
            weighed = question.linear.weighed(scores.rows[number])
            weights = against_others(question.linear.weights[weighed.indices], at)
        parts = weights * weighed.data * question.sharpness
        order = np.argsort(-parts, kind="stable")[:_NAMED]
        found = lexicon.hits(judged(mail.subject, mail.text))
        words = [_named(self._names[weighed.indices[i]], float(parts[i]), found) for i in order if parts[i] > 0.05]
        return (*self._sentence(scores.pieces.get(number), cause), *words)

    def _sentence(self, pieces: Pieces | None, cause: Cause) -> list[Evidence]:
        if cause is Cause.NONE or pieces is None or not pieces.texts:
            return []
        column = self.causes.index(cause)
        best = int(np.argmax(pieces.scores[:, column]))
        against = np.delete(pieces.scores[best], column).mean()
        weight = _PIECE_SHARE * self.cause.sharpness * float(pieces.scores[best, column] - against)
        text = " ".join(pieces.texts[best].split())[:300]
        return [Evidence("sentence", text, round(weight, 2))] if weight > 0.05 else []

    @cached_property
    def _names(self) -> list[str]:
        """What the columns stand for; made once, at the first explanation."""
        return self.features.names()


def against_others(weights: NDArray[np.float32], answer: int) -> Numbers:
    """How much more each row of weights, shape (n, answers), speaks for one answer than for the others on average."""
    return np.asarray(weights[:, answer] - np.delete(weights, answer, axis=1).mean(axis=1))


def judge_pieces(features: Features, linear: Linear, mails: Sequence[Mail]) -> list[Pieces]:
    """The pieces of each mail with their scores, judged in one batch. A platform's notices are mostly the same sentences:
    one that stands in several mails is judged once."""
    texts = [segments(mail) for mail in mails]
    plain = [normal(piece) for found in texts for piece in found]
    if not plain:
        return [Pieces([], np.zeros((0, len(linear.answers)))) for _ in mails]
    number = {piece: at for at, piece in enumerate(dict.fromkeys(plain))}
    scores = linear.scores(features.pieces(list(number)))[[number[piece] for piece in plain]]
    ends = np.cumsum([len(found) for found in texts])
    return [Pieces(found, scores[end - len(found) : end]) for found, end in zip(texts, ends, strict=True)]


def _named(name: str, weight: float, found: dict[int, list[str]]) -> Evidence:
    if name in lexicon.COLUMNS:
        terms = found.get(lexicon.COLUMNS.index(name), [])
        return Evidence("phrase", ", ".join(term.strip() for term in terms[:6]), round(weight, 2))
    for kind in ("sender", "structure"):
        if name.startswith(f"{kind}:"):
            return Evidence(kind, name.removeprefix(f"{kind}:").replace("_", " "), round(weight, 2))
    return Evidence("word", name, round(weight, 2))
