"""From mails to the matrix the classifiers take: words, characters where a script has no spaces, the lexicon, the sender."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer

from triage.labels import SenderVerdict
from triage.types import Mail
from triage.understand import lexicon
from triage.understand.text import judged

#: Runs of letters of one script. Han and kana have no spaces: their runs are cut into pairs and triples.
_RUN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff]+|[a-z\u00c0-\u024f\u0400-\u04ff\uac00-\ud7af\u0e00-\u0e7f][\w'%-]*|0%?"
)
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")

#: A longer word also counts as its first letters: "infringes" and "infringement" are one to a small corpus.
_STEM = 5

#: What the sender column says, in this order.
SENDER_COLUMNS = ("platform", "relay", "forged", "third_party", "unknown", "bulk", "forwarded")

#: Beside words of L2 norm 1, what one lexicon column and one sender column weigh at most.
_LEXICON_WEIGHT = 0.5
_SENDER_WEIGHT = 0.35


def tokens(text: str) -> list[str]:
    """Words, their stems, pairs of neighbouring words; in Chinese and Japanese, pairs and triples of characters."""
    found: list[str] = []
    previous = ""
    for run in _RUN.findall(text):
        if _CJK.match(run):
            found.extend(run[i : i + 2] for i in range(len(run) - 1))
            found.extend(run[i : i + 3] for i in range(len(run) - 2))
            previous = ""
        else:
            found.append(run)
            if len(run) > _STEM + 1:
                found.append(f"{run[:_STEM]}~")
            if previous:
                found.append(f"{previous} {run}")
            previous = run
    return found


class Features(BaseEstimator, TransformerMixin):  # type: ignore[misc]
    """Mails to float32 rows: TF-IDF of tokens (L2 norm 1), then lexicon columns, then sender columns.

    A mail gives the same row in any batch.
    """

    def __init__(self, min_df: int = 2, max_features: int = 120_000) -> None:
        self.min_df = min_df
        self.max_features = max_features

    def fit(self, mails: Sequence[Mail], y: object = None) -> Features:
        """Learn the vocabulary and its weights."""
        self.words_ = TfidfVectorizer(
            analyzer=tokens,
            min_df=self.min_df,
            max_features=self.max_features,
            sublinear_tf=True,
            dtype=np.float32,
        )
        self.words_.fit([judged(mail.subject, mail.text) for mail in mails])
        return self

    def transform(self, mails: Sequence[Mail]) -> csr_matrix:
        """Rows in the order of mails, of shape (len(mails), width)."""
        texts = [judged(mail.subject, mail.text) for mail in mails]
        return hstack(
            [self.words_.transform(texts), _lexicon_rows(texts), _sender_rows(mails)], format="csr", dtype=np.float32
        )

    def names(self) -> list[str]:
        """What each column stands for: a token, "cause:..." or "stage:..." of the lexicon, "sender:..."."""
        return [*self.words_.get_feature_names_out(), *lexicon.COLUMNS, *(f"sender:{name}" for name in SENDER_COLUMNS)]


def _lexicon_rows(texts: Sequence[str]) -> csr_matrix:
    rows = np.zeros((len(texts), len(lexicon.COLUMNS)), dtype=np.float32)
    for number, text in enumerate(texts):
        for column, terms in lexicon.hits(text).items():
            # The first term says much, the fifth little.
            rows[number, column] = min(np.log1p(len(terms)) / np.log(6), 1.0) * _LEXICON_WEIGHT
    return csr_matrix(rows)


def _sender_rows(mails: Sequence[Mail]) -> csr_matrix:
    rows = np.zeros((len(mails), len(SENDER_COLUMNS)), dtype=np.float32)
    for number, mail in enumerate(mails):
        rows[number, SENDER_COLUMNS.index(_sender_kind(mail))] = _SENDER_WEIGHT
        rows[number, SENDER_COLUMNS.index("bulk")] = mail.bulk * _SENDER_WEIGHT
        rows[number, SENDER_COLUMNS.index("forwarded")] = (mail.forwarded_by is not None) * _SENDER_WEIGHT
    return csr_matrix(rows)


def _sender_kind(mail: Mail) -> str:
    if not mail.sender.email:
        return "unknown"
    if mail.origin.relay:
        return "relay"
    if mail.origin.platform != "none":
        return "platform"
    return "forged" if mail.origin.verdict is SenderVerdict.FORGED else "third_party"
