"""The model in use as a page: its figures and charts on mails it had not seen, the pairs it confuses with examples, the words
that carry each cause, and how what it says has moved from week to week."""

from __future__ import annotations

import base64
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from triage.drift import FIGURES, Week, drifting
from triage.errors import ModelError
from triage.labels import CAUSE_NAMES, Cause, Platform, Stage
from triage.learn import comparison, corpus, journal, registry, report
from triage.learn.corpus import Row
from triage.learn.evaluation import Prediction
from triage.understand.classifier import Model, against_others

#: Of a confused pair so many examples, and of a cause so many words.
_EXAMPLES, _WORDS = 2, 14


@dataclass(frozen=True, slots=True)
class Confused:
    """A cause that is taken for another."""

    true: str
    said: str
    rows: int
    examples: tuple[str, ...]  # beginnings of mails of our own corpus


def page(models: Path, weeks: Sequence[Week]) -> str:
    """The page, complete in one file.

    Raises:
        ModelError: there is no model in use, or it is refused.
    """
    model = registry.load(models)
    saved = next(each for each in registry.versions(models) if each.version == model.version)
    rows, said = _judged(models, model)
    used = [entry for entry in journal.entries(models) if entry.version == model.version]
    return str(
        report.template("model.html.jinja").render(
            saved=saved,
            used=used[-1] if used else None,
            figures=saved.metrics,
            charts={
                "confusion": _inline(report.confusion_chart(rows, said)),
                "reliability": _inline(report.reliability_chart(rows, said)),
                **({"drift": _inline(_drift_chart(weeks))} if len(weeks) > 1 else {}),
            },
            confused=_confused(rows, said),
            words=_carrying(model),
            drifts=drifting(weeks),
            names=CAUSE_NAMES["en"],
        )
    )


def _judged(models: Path, model: Model) -> tuple[list[Row], list[Prediction]]:
    """The rows of the corpus and what was said of them by models that had not seen their families."""
    held_out = registry.held_out(models, model.version)
    rows = [row for row in corpus.shipped().rows if comparison.key(row) in held_out]
    if not rows:
        raise ModelError(f"{model.version}: was made with another corpus, so nothing can be shown; run: triage train")
    found = []
    for row in rows:
        warning, cause, confidence = held_out[comparison.key(row)]
        found.append(
            Prediction(
                warning=warning,
                cause=Cause(cause),
                also=(),
                stage=Stage.NONE,
                platform=Platform.NONE,
                confidence=confidence,
                needs_review=False,
            )
        )
    return rows, found


def _confused(rows: Sequence[Row], said: Sequence[Prediction], most: int = 12) -> list[Confused]:
    pairs: dict[tuple[Cause, Cause], list[Row]] = defaultdict(list)
    for row, prediction in zip(rows, said, strict=True):
        if row.cause is not prediction.cause:
            pairs[row.cause, prediction.cause].append(row)
    ranked = sorted(pairs.items(), key=lambda item: -len(item[1]))[:most]
    return [
        Confused(
            true.value,
            taken.value,
            len(found),
            tuple(f"{row.subject or ''}: {' '.join((row.body or '').split())[:160]}" for row in found[:_EXAMPLES]),
        )
        for (true, taken), found in ranked
    ]


def _carrying(model: Model) -> Mapping[str, list[str]]:
    """By cause, the words that speak for it most against the other causes."""
    linear = model.cause.linear
    names = np.array(model.features.names())
    found = {}
    for at, cause in enumerate(model.causes):
        contrast = against_others(linear.weights, at) * linear.lift
        words = names[np.argsort(-contrast)[: 3 * _WORDS]]
        found[cause.value] = [
            str(word).replace("~", "…") for word in words if not str(word).startswith(("cause:", "stage:", "signal:"))
        ][:_WORDS]
    return found


def _drift_chart(weeks: Sequence[Week]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5.5), layout="constrained")
    for axes, name in zip(figure.subplots(2, 2, sharex=True).flat, FIGURES, strict=True):
        values = [getattr(week, name) for week in weeks]
        axes.plot(
            [week.until for week in weeks], [np.nan if v is None else v for v in values], marker="o", color="#4c78a8"
        )
        axes.set(title=name.replace("_", " "), ylim=(0, 1 if name == "confidence" else None))
        axes.tick_params(axis="x", rotation=45)
    return figure


def _inline(figure: Any) -> str:
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=110, format="png")
    return "data:image/png;base64," + base64.b64encode(drawn.getvalue()).decode()
