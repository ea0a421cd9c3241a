"""The figures of an evaluation as a page: tables, the confusion matrix, the reliability curve."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from triage.errors import CorpusError
from triage.labels import CAUSE_NAMES, Cause
from triage.learn.corpus import Row
from triage.learn.evaluation import Prediction

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BARS = 10


def write_report(
    folder: Path, title: str, rows: Sequence[Row], predictions: Sequence[Prediction], figures: dict[str, Any]
) -> None:
    """Write report.html (with the charts inside), confusion.png, reliability.png and metrics.json.

    figures: what evaluation.metrics() says of the same rows and predictions.

    Raises:
        CorpusError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "metrics.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        confusion_chart(rows, predictions).savefig(folder / "confusion.png", dpi=110)
        reliability_chart(rows, predictions).savefig(folder / "reliability.png", dpi=110)
        charts = {name: _inline(folder / f"{name}.png") for name in ("confusion", "reliability")}
        page = template("report.html.jinja").render(
            title=title, figures=figures, charts=charts, names=CAUSE_NAMES["en"]
        )
        (folder / "report.html").write_text(page, encoding="utf-8")
    except OSError as error:
        raise CorpusError(f"{folder}: the report cannot be written: {error.strerror or error}") from error


def confusion_chart(rows: Sequence[Row], predictions: Sequence[Prediction]) -> Figure:
    """Which cause is taken for which, in counts. Only causes that occur."""
    from matplotlib.figure import Figure
    from sklearn.metrics import ConfusionMatrixDisplay

    truth, said = [row.cause.value for row in rows], [prediction.cause.value for prediction in predictions]
    labels = [cause.value for cause in Cause if cause.value in {*truth, *said}]
    figure = Figure(figsize=(0.55 * len(labels) + 3, 0.55 * len(labels) + 2.6), layout="constrained")
    axes = figure.subplots()
    ConfusionMatrixDisplay.from_predictions(
        truth, said, labels=labels, xticks_rotation="vertical", cmap="Blues", colorbar=False, ax=axes, values_format="d"
    )
    for number in (text for text in axes.texts if text.get_text() == "0"):
        number.set_text("")
    axes.set(xlabel="said", ylabel="is", title="Causes")
    return figure


def reliability_chart(rows: Sequence[Row], predictions: Sequence[Prediction]) -> Figure:
    """How often a decision of some confidence is right, and how many decisions have that confidence."""
    from matplotlib.figure import Figure
    from sklearn.calibration import CalibrationDisplay

    right = [row.cause is prediction.cause for row, prediction in zip(rows, predictions, strict=True)]
    confidence = [min(max(prediction.confidence, 0.0), 1.0) for prediction in predictions]
    figure = Figure(figsize=(6.4, 6.4), layout="constrained")
    curve, bars = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    CalibrationDisplay.from_predictions(right, confidence, n_bins=_BARS, pos_label=True, name="Triage", ax=curve)
    curve.set(xlabel="", ylabel="share that is right", title="Reliability of the confidence", xlim=(0, 1))
    bars.hist(confidence, bins=_BARS, range=(0, 1), color="#4c78a8")
    bars.set(xlabel="confidence", ylabel="mails")
    return figure


def _inline(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def template(name: str) -> Any:
    """A page of this room."""
    pages = Environment(
        loader=PackageLoader("triage.learn", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )  # fmt: skip
    pages.filters["share"] = lambda value: "–" if value is None else f"{value:.1%}"
    pages.filters["figure"] = lambda value: "–" if value is None else f"{value:.3f}"
    return pages.get_template(name)
