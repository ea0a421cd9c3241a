"""From mails to the matrix the classifiers take: words, characters where a script has no spaces, lexicon, sender, structure."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, repeat

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from triage.labels import SenderVerdict
from triage.phrases import Finder
from triage.types import Mail
from triage.understand import lexicon
from triage.understand.text import JUDGED, judged

#: Runs of letters of one script. Han and kana have no spaces: their runs are cut into pairs and triples.
_RUN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff]+|[a-z\u00c0-\u024f\u0400-\u04ff\uac00-\ud7af\u0e00-\u0e7f][\w'%-]*|0%?"
)
#: The first letter of a run tells its script: kana and Han lie behind all letters of scripts with spaces but Hangul.
_KANA, _HANGUL = "\u3040", "\uac00"

_UNSPACED = re.compile(r"[\u3040-\u9fff]")

#: A longer word also counts as its first letters: "infringes" and "infringement" are one to a small corpus.
_STEMS = (4, 6)

#: What the sender column says, in this order.
SENDER_COLUMNS = ("platform", "relay", "third_party", "unknown", "bulk", "forwarded")

#: Up to so many letters a term of the lexicon has its full weight.
_SHORT_TEXT = 500
_LETTERS_PER_IDEOGRAPH = 2.5

#: What the structure columns say, in this order: how a mail is built, whatever it says.
STRUCTURE_COLUMNS = (
    "quoted_lines", "reply_or_forward", "questions", "exclamations", "links", "addresses",
    "you", "your", "i",
)  # fmt: skip

#: Beside words of L2 norm 1, what one column of each kind weighs at most.
_LEXICON_WEIGHT = 0.5
_SENDER_WEIGHT = 0.5
_STRUCTURE_WEIGHT = 0.35

_ANSWERED = re.compile(r"(?:re|fwd?|aw|wg|tr|rv|sv|回复|转发|答复|返信|転送)\s*[::]", re.IGNORECASE)
#: Words by which a mail speaks of its reader, the reader's things, and its writer.
_ADDRESSED = Finder(
    {
        word: column
        for column, words in enumerate(
            (
                (" you ", "您", "你"),
                (" your ", "您的", "贵店", " ihr", " votre ", " vos ", " su ", " sus ", " tuo ", "お客様の"),
                (" i ", " i'm", " i'll", " my ", " me ", " ich ", " mein", " je ", " mon ", " yo ", " mi ", " io ", " mio ", "我"),
            )
        )
        for word in words
    }
)  # fmt: skip


def tokens(text: str) -> list[str]:
    """Words, their stems, pairs of neighbouring words; in Chinese and Japanese, pairs and triples of characters."""
    found: list[str] = []
    add = found.append  # looked up once: this loop is most of what judging a mail costs
    short, long = _STEMS
    previous = ""
    for run in _RUN.findall(text):
        length = len(run)
        if _KANA <= run[0] < _HANGUL:
            found += [run[i : i + 2] for i in range(length - 1)]
            found += [run[i : i + 3] for i in range(length - 2)]
            previous = ""
            continue
        add(run)
        if length > short + 1:
            add(run[:short] + "~")
            if length > long + 1:
                add(run[:long] + "~")
        if previous:
            add(previous + " " + run)
        previous = run
    return found


def counted(text: str) -> Mapping[str, int]:
    """How often each token is in a text: Counter(tokens(text)), but each distinct word is cut once."""
    if not text.isascii() and _UNSPACED.search(text):
        return Counter(tokens(text))
    runs = _RUN.findall(text)
    found = Counter(runs)
    short, long = _STEMS
    stems: dict[str, int] = {}
    for run, count in found.items():
        length = len(run)
        if length > short + 1:
            stem = run[:short] + "~"
            stems[stem] = stems.get(stem, 0) + count
            if length > long + 1:
                stem = run[:long] + "~"
                stems[stem] = stems.get(stem, 0) + count
    found.update(map(" ".join, pairwise(runs)))
    return {**found, **stems}  # a word has no "~" in it


@dataclass(frozen=True, slots=True)
class Features:
    """Mails to float32 rows: TF-IDF of tokens, then lexicon, sender and structure columns.

    The words of a row are not brought to length 1 here: Linear does it after its own weights. A mail gives the same row in
    any batch.
    """

    vocabulary: Mapping[str, int]  # the column of each token
    rarity: NDArray[np.float32]  # of each column, its inverse document frequency

    @property
    def words(self) -> int:
        """How many leading columns are words."""
        return len(self.vocabulary)

    def rows(self, mails: Sequence[Mail]) -> tuple[csr_matrix, NDArray[np.float64]]:
        """Rows in the order of mails, of shape (len(mails), width), and of each mail the share of its distinct tokens that
        are not in the vocabulary, 0 to 1."""
        texts = [judged(mail.subject, mail.text) for mail in mails]
        about = np.hstack([_sender_rows(mails), _structure_rows(mails, texts)])
        words, unknown = self.word_rows(texts)
        return self._beside(words, texts, csr_matrix(about)), unknown

    def pieces(self, texts: Sequence[str]) -> csr_matrix:
        """Rows of parts of mails, in their normal form: only their words and lexicon count."""
        about = csr_matrix((len(texts), len(SENDER_COLUMNS) + len(STRUCTURE_COLUMNS)), dtype=np.float32)
        return self._beside(self.word_rows(texts)[0], texts, about)

    def _beside(self, words: csr_matrix, texts: Sequence[str], about: csr_matrix) -> csr_matrix:
        return hstack([words, _lexicon_rows(texts), about], format="csr", dtype=np.float32)

    def word_rows(self, texts: Sequence[str]) -> tuple[csr_matrix, NDArray[np.float64]]:
        """What scikit-learn's TfidfVectorizer gives with sublinear term frequencies and no norm, in a third of its time: it
        asks for the column of every token of a text, this of every distinct one. And the share of unknown ones in each."""
        column_of = self.vocabulary.get
        columns: list[int] = []
        counts: list[int] = []
        ends = [0]
        for text in texts:
            found = counted(text)
            columns += map(column_of, found.keys(), repeat(-1))
            counts += found.values()
            ends.append(len(columns))
        indices = np.array(columns, dtype=np.int32)
        known = indices >= 0
        indices = indices[known]
        weights = np.log(np.array(counts, dtype=np.float32)[known]) + np.float32(1)
        weights *= self.rarity[indices]
        starts = np.concatenate(([0], np.cumsum(known)))[ends]
        unknown = 1.0 - np.diff(starts) / np.maximum(np.diff(ends), 1)
        return csr_matrix((weights, indices, starts), shape=(len(texts), self.words), dtype=np.float32), unknown

    def names(self) -> list[str]:
        """What each column stands for: a token, "cause:..." of the lexicon, "sender:...", "structure:..."."""
        return [
            *sorted(self.vocabulary, key=lambda word: self.vocabulary[word]),
            *lexicon.COLUMNS,
            *(f"sender:{name}" for name in SENDER_COLUMNS),
            *(f"structure:{name}" for name in STRUCTURE_COLUMNS),
        ]


def fingerprint() -> str:
    """SHA-256 over what a column means, hex: a model goes with the columns it was trained on."""
    parts = (
        lexicon.digest(),
        SENDER_COLUMNS,
        STRUCTURE_COLUMNS,
        _STEMS,
        JUDGED,
        _SHORT_TEXT,
        _LEXICON_WEIGHT,
        _SENDER_WEIGHT,
        _STRUCTURE_WEIGHT,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


#: How much so many terms of one column say: the first much, the fifth little.
_SAY = [math.log1p(terms) / math.log(6) for terms in range(6)]


def _lexicon_rows(texts: Sequence[str]) -> csr_matrix:
    rows = np.zeros((len(texts), len(lexicon.COLUMNS)), dtype=np.float32)
    for number, text in enumerate(texts):
        # A newsletter or a licence of some pages has a term of everything: what is found there by chance weighs less.
        weight = _LEXICON_WEIGHT * min(1.0, _SHORT_TEXT / max(_letters(text), 1))
        for column, terms in lexicon.hits(text).items():
            rows[number, column] = _SAY[min(len(terms), 5)] * weight
    return csr_matrix(rows)


def _letters(text: str) -> float:
    """The length of a text as if it were written in letters; its middle tells the script."""
    middle = text[len(text) // 2 : len(text) // 2 + 1]
    return len(text) * (_LETTERS_PER_IDEOGRAPH if _KANA <= middle < _HANGUL else 1.0)


def _sender_rows(mails: Sequence[Mail]) -> NDArray[np.float32]:
    rows = np.zeros((len(mails), len(SENDER_COLUMNS)), dtype=np.float32)
    for number, mail in enumerate(mails):
        rows[number, SENDER_COLUMNS.index(_sender_kind(mail))] = _SENDER_WEIGHT
        rows[number, SENDER_COLUMNS.index("bulk")] = mail.bulk * _SENDER_WEIGHT
        rows[number, SENDER_COLUMNS.index("forwarded")] = (mail.forwarded is not None) * _SENDER_WEIGHT
    return rows


def _structure_rows(mails: Sequence[Mail], texts: Sequence[str]) -> NDArray[np.float32]:
    rows = np.zeros((len(mails), len(STRUCTURE_COLUMNS)), dtype=np.float32)
    for number, (mail, text) in enumerate(zip(mails, texts, strict=True)):
        per_word = 8 / max(len(text), 80)
        addressed = Counter(column for _, _, column in _ADDRESSED.found(text))
        rows[number] = (
            mail.text.count("\n>", 0, JUDGED) / 10,
            bool(_ANSWERED.match(mail.subject)),
            text.count("?") / 5,
            text.count("!") / 5,
            "urlx" in text,
            "mailx" in text,
            addressed[0] * per_word,
            addressed[1] * per_word,
            addressed[2] * per_word,
        )
    return np.minimum(rows, 1.0) * np.float32(_STRUCTURE_WEIGHT)


def _sender_kind(mail: Mail) -> str:
    if not mail.sender.email or mail.origin.verdict is SenderVerdict.FORGED:
        # Phishing keeps the cause it pretends: that a mail is forged must not say what it is about.
        return "unknown"
    if mail.origin.relay:
        return "relay"
    return "platform" if mail.origin.platform != "none" else "third_party"
