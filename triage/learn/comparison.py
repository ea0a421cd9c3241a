"""Whether a new version may take the place of the one in use: both judged on the same mails that neither had seen.

Mails of one family are alike, so it is families that are drawn anew for the confidence intervals (a cluster bootstrap:
Field and Welsh 2007), and both versions are judged on the same draws.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.labels import Cause
from triage.learn.corpus import Row
from triage.learn.evaluation import Prediction

#: So far warning recall may fall where it may be chance; where it is none, it may not fall at all.
RECALL_MARGIN = 0.005
#: So far the F1 of a cause may fall: this much even where it may be chance, half of it where it is none.
CAUSE_MARGIN = 0.06
#: So much larger the error of calibration may become.
CALIBRATION_MARGIN = 0.01
#: Of the corrected mails so many must come out as they were corrected. (Not all: of two like mails people say two things.)
CORRECTED_RIGHT = 0.9
#: With fewer rows, or fewer of a cause, a difference says nothing.
FEWEST_ROWS, FEWEST_OF_A_CAUSE = 500, 20
_DRAWS = 1_000

Said = Mapping[str, tuple[bool, str, float]]  # by key of the row: warning or not, cause, confidence
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of two versions on the same rows."""

    name: str  # warning_recall, cause_macro_f1, calibration_error, or a cause: its F1
    before: float
    after: float
    low: float  # 95 % of the draws lie between low and high: of after minus before
    high: float

    @property
    def change(self) -> float:
        """Above 0 if the figure grew."""
        return self.after - self.before

    @property
    def fell(self) -> bool:
        """Whether it is smaller, and not by chance."""
        return self.high < 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences, and what speaks against the new version in words; none if it may be used."""

    rows: int
    differences: tuple[Difference, ...]
    against: tuple[str, ...]


def key(row: Row) -> str:
    """By what a row is known in the next version's corpus."""
    text = "\0".join((row.sender or "", row.subject or "", row.body or "", row.cause))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def said_of(rows: Sequence[Row], predictions: Sequence[Prediction]) -> dict[str, tuple[bool, str, float]]:
    """What is kept of the predictions on rows that a version had not seen, for the version after it."""
    return {
        key(row): (said.warning, said.cause.value, round(said.confidence, 4))
        for row, said in zip(rows, predictions, strict=True)
    }


def compare(rows: Sequence[Row], before: Said, after: Said) -> Comparison | None:
    """Both versions on the rows that both were tested on; None if these are too few."""
    known = {name: row for row in rows if (name := key(row)) in before and name in after}
    if len(known) < FEWEST_ROWS:
        return None
    truth, names = [row.cause.value for row in known.values()], list(known)
    _, family = np.unique([row.group or name for name, row in known.items()], return_inverse=True)
    chance = np.random.default_rng(0)
    draws = chance.multinomial(int(family.max()) + 1, np.full(family.max() + 1, 1 / (family.max() + 1)), size=_DRAWS)
    draws = np.vstack([np.ones(family.max() + 1, dtype=int), draws])  # the first draw is the families as they are
    old, new = (_figures(truth, [said[name] for name in names], family, draws) for said in (before, after))
    differences = [
        Difference(name, float(old[name][0]), float(new[name][0]), *_middle(new[name][1:] - old[name][1:]))
        for name in old
    ]
    counts = {cause: truth.count(cause) for cause in set(truth)}
    return Comparison(len(names), tuple(differences), tuple(_against(differences, counts)))


def _against(differences: Sequence[Difference], rows_of: Mapping[str, int]) -> list[str]:
    found = []
    for each in differences:
        fall = f"would fall from {each.before:.3f} to {each.after:.3f}"
        if each.name == "warning_recall":
            if each.change < 0 and (each.fell or each.change < -RECALL_MARGIN):
                found.append(f"warning recall {fall}: warnings would be missed")
        elif each.name == "calibration_error":
            if each.change > CALIBRATION_MARGIN:
                found.append(f"its confidence would be less true: error {each.after:.3f} instead of {each.before:.3f}")
        elif (
            rows_of.get(each.name, 0) >= FEWEST_OF_A_CAUSE
            and each.change < (-CAUSE_MARGIN / 2 if each.fell else -CAUSE_MARGIN)
        ):  # fmt: skip
            found.append(f"F1 of {each.name} {fall}")
    return found


def _figures(
    truth: Sequence[str], said: Sequence[tuple[bool, str, float]], family: NDArray[np.int64], draws: NDArray[np.int64]
) -> dict[str, Numbers]:
    """By name, the figure in every draw."""

    def drawn(of_rows: NDArray[np.bool_]) -> Numbers:
        """How many rows there are of a kind, by draw."""
        return np.asarray(draws @ np.bincount(family, weights=of_rows, minlength=draws.shape[1]))

    is_true, is_said = np.array(truth), np.array([cause for _, cause, _ in said])
    warning = is_true != Cause.NONE.value
    caught = np.array([alarm for alarm, _, _ in said])
    found = {"warning_recall": drawn(warning & caught) / np.maximum(drawn(warning), 1)}
    f1 = {}
    for cause in sorted(set(truth)):
        right = drawn((is_true == cause) & (is_said == cause))
        f1[cause] = 2 * right / np.maximum(drawn(is_true == cause) + drawn(is_said == cause), 1)
    found["cause_macro_f1"] = np.mean(list(f1.values()), axis=0)
    confidence = np.array([sure for _, _, sure in said])
    error = np.zeros(len(draws))
    for low in np.arange(0, 1, 0.1):
        bin_ = (confidence >= low) & (confidence < low + 0.1 if low < 0.85 else confidence <= 1)
        right_here = drawn(bin_ & (is_true == is_said))
        sure_here = draws @ np.bincount(family, weights=np.where(bin_, confidence, 0.0), minlength=draws.shape[1])
        error += np.abs(sure_here - right_here)
    found["calibration_error"] = error / np.maximum(drawn(np.ones(len(truth), dtype=bool)), 1)
    return {**found, **f1}


def _middle(draws: Numbers) -> tuple[float, float]:
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)
