"""How good a model is: figures over labelled rows, overall and by language, platform and cause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from triage.labels import Cause, Platform, Stage
from triage.learn.corpus import Row
from triage.types import Decision, Mail
from triage.understand.classifier import Model, Thresholds
from triage.understand.decide import decide
from triage.understand.platform import platform

#: Rows decided at once.
_BATCH = 200
#: Rows without a date are judged as if they had come then.
_UNDATED = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What was said of one row, in the words of the labels."""

    warning: bool
    cause: Cause
    also: tuple[Cause, ...]
    stage: Stage
    platform: Platform
    confidence: float
    needs_review: bool
    p_warning: float = 0.0
    causes: Mapping[Cause, float] = field(default_factory=dict)
    best_stage: Stage = Stage.NONE

    @classmethod
    def of(
        cls,
        *,
        p_warning: float,
        causes: Mapping[Cause, float],
        stages: Mapping[Stage, float],
        mail: Mail,
        thresholds: Thresholds,
    ) -> Prediction:
        """A prediction from bare probabilities, as decide() would make it."""
        return cls(
            warning=False,
            cause=Cause.NONE,
            also=(),
            stage=Stage.NONE,
            platform=platform(mail, warning=p_warning >= thresholds.warning),
            confidence=0.0,
            needs_review=False,
            p_warning=p_warning,
            causes=causes,
            best_stage=max(stages, key=lambda stage: stages[stage]),
        ).judged(thresholds)

    def judged(self, thresholds: Thresholds) -> Prediction:
        """The same with other thresholds."""
        warning = self.p_warning >= thresholds.warning
        ranked = sorted(self.causes, key=lambda cause: -self.causes[cause])
        confidence = self.p_warning * self.causes[ranked[0]] if warning else 1 - self.p_warning
        return Prediction(
            warning=warning,
            cause=ranked[0] if warning else Cause.NONE,
            also=tuple(c for c in ranked[1:3] if self.causes[c] >= thresholds.also) if warning else (),
            stage=self.best_stage if warning else Stage.NONE,
            platform=self.platform,
            confidence=confidence,
            needs_review=(thresholds.review <= self.p_warning < thresholds.warning)
            or (warning and confidence < thresholds.sure),
            p_warning=self.p_warning,
            causes=self.causes,
            best_stage=self.best_stage,
        )

    @classmethod
    def from_decision(cls, decision: Decision) -> Prediction:
        """What the whole understanding said."""
        return cls(
            warning=decision.warning,
            cause=decision.cause,
            also=decision.also,
            stage=decision.stage,
            platform=decision.platform,
            confidence=decision.confidence,
            needs_review=decision.needs_review,
        )


def predict(rows: Sequence[Row], model: Model) -> list[Prediction]:
    """Every row through the same understanding the daemon uses, in batches."""
    found: list[Prediction] = []
    for start in range(0, len(rows), _BATCH):
        chunk = rows[start : start + _BATCH]
        mails = [row.mail() for row in chunk]
        decisions = decide(mails, model, [mail.sent_at or _UNDATED for mail in mails], ZoneInfo("UTC"))
        found.extend(Prediction.from_decision(decision) for decision in decisions)
    return found


def metrics(rows: Sequence[Row], predictions: Sequence[Prediction]) -> dict[str, Any]:
    """All figures. Shares are between 0 and 1, rounded to four digits; None where there is nothing to divide by."""
    pairs = list(zip(rows, predictions, strict=True))
    return {
        **_figures(pairs),
        "by_language": _by(pairs, lambda row: row.lang or "und"),
        "by_platform": _by(pairs, lambda row: str(row.platform or "none")),
        "by_cause": _by_cause(pairs),
        "by_stage": _by_stage(pairs),
        "calibration_error": _calibration_error(pairs),
        "confused": _confused(pairs),
    }


def _figures(pairs: Sequence[tuple[Row, Prediction]]) -> dict[str, Any]:
    warnings = [(row, said) for row, said in pairs if row.cause is not Cause.NONE]
    caught = sum(said.warning for _, said in warnings)
    seen = sum(said.warning or said.needs_review for _, said in warnings)
    alarms = sum(said.warning for _, said in pairs)
    staged = [(row, said) for row, said in warnings if row.stage is not None]
    placed = [(row, said) for row, said in pairs if row.platform is not None]
    return {
        "rows": len(pairs),
        "warnings": len(warnings),
        "warning_recall": _share(caught, len(warnings)),
        "warning_or_review_recall": _share(seen, len(warnings)),
        "warning_precision": _share(caught, alarms),
        "cause_accuracy": _share(sum(row.cause is said.cause for row, said in pairs), len(pairs)),
        "cause_accuracy_of_warnings": _share(sum(row.cause is said.cause for row, said in warnings), len(warnings)),
        "cause_macro_f1": _macro_f1(pairs),
        "stage_accuracy": _share(sum(row.stage is said.stage for row, said in staged), len(staged)),
        "platform_accuracy": _share(sum(row.platform is said.platform for row, said in placed), len(placed)),
        "needs_review": _share(sum(said.needs_review for _, said in pairs), len(pairs)),
    }


def _macro_f1(pairs: Sequence[tuple[Row, Prediction]]) -> float | None:
    """Mean F1 over the causes that occur among the rows."""
    if not pairs:
        return None
    from sklearn.metrics import f1_score

    truth = [row.cause.value for row, _ in pairs]
    said = [prediction.cause.value for _, prediction in pairs]
    return round(float(f1_score(truth, said, labels=sorted(set(truth)), average="macro", zero_division=0)), 4)


def _by(pairs: Sequence[tuple[Row, Prediction]], key: Any) -> dict[str, dict[str, Any]]:
    parts: dict[str, list[tuple[Row, Prediction]]] = defaultdict(list)
    for row, said in pairs:
        parts[key(row)].append((row, said))
    return {name: _figures(part) for name, part in sorted(parts.items())}


def _by_cause(pairs: Sequence[tuple[Row, Prediction]]) -> dict[str, dict[str, Any]]:
    figures = {}
    for cause in Cause:
        true = sum(row.cause is cause for row, _ in pairs)
        said = sum(prediction.cause is cause for _, prediction in pairs)
        right = sum(row.cause is cause is prediction.cause for row, prediction in pairs)
        if true or said:
            recall, precision = _share(right, true), _share(right, said)
            both = (recall or 0) + (precision or 0)
            f1 = round(2 * (recall or 0) * (precision or 0) / both, 4) if both else 0.0
            figures[cause.value] = {"rows": true, "recall": recall, "precision": precision, "f1": f1}
    return figures


def _by_stage(pairs: Sequence[tuple[Row, Prediction]]) -> dict[str, dict[str, Any]]:
    """Of the warnings at each stage, the share that was said to be there."""
    figures = {}
    for stage in Stage:
        here = [said for row, said in pairs if row.stage is stage and row.cause is not Cause.NONE]
        if here:
            figures[stage.value] = {"rows": len(here), "recall": _share(sum(p.stage is stage for p in here), len(here))}
    return figures


def _calibration_error(pairs: Sequence[tuple[Row, Prediction]], bins: int = 10) -> float | None:
    """Expected calibration error of the confidence, over equal-width bins."""
    if not pairs:
        return None
    confidence = np.array([said.confidence for _, said in pairs])
    right = np.array([row.cause is said.cause for row, said in pairs])
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    error = sum(
        abs(confidence[place == b].mean() - right[place == b].mean()) * np.mean(place == b)
        for b in range(bins)
        if (place == b).any()
    )
    return round(float(error), 4)


def _confused(pairs: Sequence[tuple[Row, Prediction]], most: int = 10) -> list[dict[str, Any]]:
    """The pairs of causes most often taken for each other."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for row, said in pairs:
        if row.cause is not said.cause:
            counts[row.cause.value, said.cause.value] += 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"is": true, "said": said, "rows": count} for (true, said), count in ranked[:most]]


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
