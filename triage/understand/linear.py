"""The linear classifier of every question, ready for use: word weights, rows of length 1, one product. Learned in
triage/learn/fitting.py; this side needs no scikit-learn, whose import takes longer than judging a mailbox of a day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """Scores of every answer, one against the rest.

    words: how many leading columns are words; the others (lexicon, sender, structure) are left as they are.
    """

    answers: tuple[Any, ...]  # in ascending order
    words: int
    lift: NDArray[np.float32]  # shape (width,): what each column is multiplied by
    weights: NDArray[np.float32]  # shape (width, answers), or (width, 1) where there are two
    bias: NDArray[np.float64]  # shape (answers,) or (1,)

    def weighed(self, rows: csr_matrix) -> csr_matrix:
        """The rows as the classifier sees them (see lifted())."""
        return lifted(rows, self.lift, self.words)

    def scores(self, rows: csr_matrix) -> NDArray[np.float64]:
        """Of shape (n, answers), or (n,) of the second where there are two answers."""
        found = np.asarray(self.weighed(rows) @ self.weights + self.bias)
        return found[:, 0] if found.shape[1] == 1 else found


def lifted(rows: csr_matrix, lift: NDArray[np.float32], words: int) -> csr_matrix:
    """Each column of the rows multiplied, then the leading columns of each row, its words, brought to length 1."""
    data = rows.data * lift[rows.indices]
    is_word = rows.indices < words
    per_row = np.diff(rows.indptr)
    number = np.repeat(np.arange(rows.shape[0]), per_row)
    squares = np.bincount(number, weights=np.where(is_word, data * data, 0.0), minlength=rows.shape[0])
    lengths = np.sqrt(np.where(squares > 0, squares, 1.0)).astype(np.float32)
    data = np.where(is_word, data / np.repeat(lengths, per_row), data)
    return csr_matrix((data, rows.indices, rows.indptr), shape=rows.shape)
