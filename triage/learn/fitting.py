"""What the model knows of words, and its linear classifiers, learned from mails with scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeClassifier
from sklearn.svm import LinearSVC

from triage.types import Mail
from triage.understand.features import Features, tokens
from triage.understand.linear import Linear, lifted
from triage.understand.text import judged

#: "squared" for ridge regression, "hinge" for a linear support vector machine.
Loss = Literal["squared", "hinge"]

#: A word that one mail alone has teaches nothing; a hundred thousand are more than any corpus of ours needs.
_FEWEST_MAILS = 2
_MOST_WORDS = 120_000
#: Documents' worth of doubt: a word seen once tells nothing yet, however clear that once was.
_DOUBT = 3.0
#: The boilerplate that every notice shares keeps this much of its weight.
_LEAST = 0.05
#: How strongly the weights are held small: the ridge's penalty, the SVM's price of an error.
_RIDGE = 0.7
_MARGIN = 0.5


def features(mails: Sequence[Mail]) -> Features:
    """The vocabulary of some mails, and how rare each word is in them."""
    counting = TfidfVectorizer(
        analyzer=tokens, min_df=_FEWEST_MAILS, max_features=_MOST_WORDS, sublinear_tf=True, norm=None, dtype=np.float32
    )
    counting.fit([judged(mail.subject, mail.text) for mail in mails])
    # Plain numbers as columns: numpy's own are slower to look up, and larger in the file.
    vocabulary = {word: int(column) for word, column in counting.vocabulary_.items()}
    return Features(vocabulary, counting.idf_.astype(np.float32))


def linear(
    rows: csr_matrix,
    answers: NDArray[Any],
    weights: NDArray[np.float64],
    *,
    words: int,
    power: float = 0.75,
    loss: Loss = "squared",
) -> Linear:
    """A linear classifier, one answer against the rest, over words weighted by how well they tell the answers apart.

    Long notices are mostly text that is the same for every cause. With plain TF-IDF its weight is taken from the one
    sentence that differs. Here each word column is multiplied by (1 - the entropy of the answers among the rows that have
    it, from 0 to 1) to the power of ``power``; only then the words of a row are brought to length 1.

    rows: of shape (n, width), with their answers and their weights.
    words: how many leading columns are words.
    power: 0 for plain TF-IDF.
    """
    lift = np.ones(rows.shape[1], dtype=np.float32)
    if power:
        lift[:words] = _informative(rows[:, :words], answers, weights) ** power
    chosen = RidgeClassifier(alpha=_RIDGE) if loss == "squared" else LinearSVC(C=_MARGIN, random_state=0)
    fitted = chosen.fit(lifted(rows, lift, words), answers, sample_weight=weights)
    return Linear(
        answers=tuple(fitted.classes_.tolist()),
        words=words,
        lift=lift,
        # Half the memory of a daemon's largest part, laid out as rows of weights, which is how they are looked up.
        weights=np.ascontiguousarray(np.atleast_2d(fitted.coef_).T, dtype=np.float32),
        bias=np.atleast_1d(fitted.intercept_),
    )


def _informative(rows: csr_matrix, answers: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each column, from 0 (says nothing about the answer) to 1 (decides it)."""
    known, where = np.unique(answers, return_inverse=True)
    here = csr_matrix((np.ones(rows.nnz), rows.indices, rows.indptr), shape=rows.shape)
    per_answer = csr_matrix((weights, (where, np.arange(len(answers)))), shape=(len(known), len(answers)))
    shares = np.asarray((per_answer @ here).todense()) / np.asarray(per_answer.sum(axis=1))
    times = np.asarray(here.sum(axis=0)).ravel()
    shares = shares / np.maximum(shares.sum(axis=0), 1e-9)
    shares = (shares * times + _DOUBT / len(known)) / (times + _DOUBT)
    entropy = -(shares * np.log(shares + 1e-12)).sum(axis=0) / np.log(len(known))
    return np.asarray(np.maximum(1.0 - entropy, _LEAST))
