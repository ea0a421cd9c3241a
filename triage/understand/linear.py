"""The linear classifier of every question: words that tell the answers apart weigh more, then ridge regression or an SVM."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import RidgeClassifier
from sklearn.svm import LinearSVC

#: Documents' worth of doubt: a word seen once tells nothing yet, however clear that once was.
_DOUBT = 3.0
#: The boilerplate that every notice shares keeps this much of its weight.
_LEAST = 0.05
#: How strongly the weights are held small: the ridge's penalty, the SVM's price of an error.
_RIDGE = 0.7
_MARGIN = 0.5


class InformativeLinear(BaseEstimator, ClassifierMixin):  # type: ignore[misc]
    """A linear classifier, one answer against the rest, over words weighted by how well they tell the answers apart.

    Long notices are mostly text that is the same for every cause. With plain TF-IDF its weight is taken from the one
    sentence that differs. Here each word column is multiplied by (1 - the entropy of the answers among the rows that have
    it, from 0 to 1) to the power of ``power``; only then the words of a row are brought to length 1.

    words: how many leading columns are words; the others (lexicon, sender, structure) are left as they are.
    power: 0 for plain TF-IDF.
    loss: "squared" for ridge regression, "hinge" for a linear support vector machine.
    """

    def __init__(self, words: int = 0, power: float = 0.75, loss: Literal["squared", "hinge"] = "squared") -> None:
        self.words = words
        self.power = power
        self.loss = loss

    def fit(self, X: csr_matrix, y: NDArray[Any], sample_weight: NDArray[np.float64]) -> InformativeLinear:
        """Learn from rows X of shape (n, width), their answers and their weights."""
        self.scale_ = np.ones(X.shape[1], dtype=np.float32)
        if self.power:
            self.scale_[: self.words] = _informative(X[:, : self.words], y, sample_weight) ** self.power
        linear = RidgeClassifier(alpha=_RIDGE) if self.loss == "squared" else LinearSVC(C=_MARGIN, random_state=0)
        self.linear_ = linear.fit(self.weighed(X), y, sample_weight=sample_weight)
        self.linear_.coef_ = self.linear_.coef_.astype(np.float32)  # half the memory of a daemon's largest part
        self.classes_ = self.linear_.classes_
        return self

    def weighed(self, X: csr_matrix) -> csr_matrix:
        """The rows as the regression sees them."""
        data = X.data * self.scale_[X.indices]
        is_word = X.indices < self.words
        squares = np.bincount(_row_numbers(X), weights=np.where(is_word, data * data, 0.0), minlength=X.shape[0])
        lengths = np.sqrt(np.where(squares > 0, squares, 1.0)).astype(np.float32)
        data = np.where(is_word, data / np.repeat(lengths, np.diff(X.indptr)), data)
        return csr_matrix((data, X.indices, X.indptr), shape=X.shape)

    def decision_function(self, X: csr_matrix) -> NDArray[np.float64]:
        """Scores of shape (n, answers), or (n,) where there are two answers."""
        return np.asarray(self.linear_.decision_function(self.weighed(X)))

    def predict(self, X: csr_matrix) -> NDArray[Any]:
        """The best answer for each row."""
        return np.asarray(self.linear_.predict(self.weighed(X)))


def _row_numbers(X: csr_matrix) -> NDArray[np.int64]:
    return np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))


def _informative(X: csr_matrix, y: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each column, from 0 (says nothing about the answer) to 1 (decides it)."""
    answers, where = np.unique(y, return_inverse=True)
    here = csr_matrix((np.ones(X.nnz), X.indices, X.indptr), shape=X.shape)
    per_answer = csr_matrix((weights, (where, np.arange(len(y)))), shape=(len(answers), len(y)))
    shares = np.asarray((per_answer @ here).todense()) / np.asarray(per_answer.sum(axis=1))
    times = np.asarray(here.sum(axis=0)).ravel()
    shares = shares / np.maximum(shares.sum(axis=0), 1e-9)
    shares = (shares * times + _DOUBT / len(answers)) / (times + _DOUBT)
    entropy = -(shares * np.log(shares + 1e-12)).sum(axis=0) / np.log(len(answers))
    return np.asarray(np.maximum(1.0 - entropy, _LEAST))
