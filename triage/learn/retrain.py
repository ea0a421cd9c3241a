"""What a training does: corpus and corrections to a tested version, which is put into use unless it is worse."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from triage.errors import ModelError, OutdatedModelError
from triage.learn import corpus, registry
from triage.learn.corpus import Row
from triage.learn.evaluation import Prediction, metrics, predict
from triage.learn.training import Progress, train
from triage.understand.classifier import Model

#: How far a figure may fall by chance when a few rows are added.
MARGIN = 0.01
_GUARDED = ("warning_recall", "cause_macro_f1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a training led to."""

    version: str
    model: Model
    promoted: bool
    reason: str  # why it was or was not put into use
    metrics: dict[str, Any]
    before: dict[str, Any]  # metrics of the version it was measured against; {} for the first one
    rows: int
    corrections: int
    corrections_right: int  # of the corrected mails, how many the new version gets right
    corrections_right_before: int | None
    judged: tuple[tuple[Row, Prediction], ...]  # the rows of the corpus, by models that had not seen their families


def retrain(
    models: Path,
    corrections: Sequence[Row],
    now: datetime,
    *,
    extra: Sequence[Row] = (),
    force: bool = False,
    progress: Progress = lambda share, what: None,
) -> Outcome:
    """Train a version, test it on unseen families, save it, and put it into use unless it is worse.

    Raises:
        CorpusError: the training data cannot be used.
        ModelError: it cannot be saved, or another training is running. The version in use stays.
    """
    with _alone(models):
        shipped = corpus.shipped()
        rows = [*shipped.rows, *extra, *corrections]
        trained = train(rows, registry.new_version(now), progress)
        base = len(shipped.rows) + len(extra)
        figures = metrics(rows[:base], trained.held_out[:base])
        champion = _champion(models)
        # Figures of another corpus (after an upgrade) say nothing about this one.
        comparable = [s for s in registry.versions(models) if s.current and s.data.get("sha256") == shipped.digest]
        before = comparable[0].metrics if comparable and not extra else {}
        right = _right(corrections, trained.model)
        right_before = _right(corrections, champion) if champion else None
        data = {"rows": base, "corrections": len(corrections), "sha256": shipped.digest}
        registry.save(models, trained.model, metrics=figures, data=data, now=now)
        worse = _worse(before, figures)
        promoted = force or champion is None or not worse
        if promoted:
            registry.promote(models, trained.model.version)
            registry.prune(models)
        return Outcome(
            version=trained.model.version,
            model=trained.model,
            promoted=promoted,
            reason=worse or _why(champion, before),
            metrics=figures,
            before=before,
            rows=base,
            corrections=len(corrections),
            corrections_right=right,
            corrections_right_before=right_before,
            judged=tuple(zip(rows[:base], trained.held_out[:base], strict=True)),
        )


def ready(
    models: Path,
    now: datetime,
    progress: Progress = lambda share, what: None,
    corrections: Callable[[], Sequence[Row]] = tuple,
) -> Model:
    """The model in use; if there is none yet, or it is older than this version of Triage, one is trained first.

    Raises:
        ModelError: there is one, but it was refused. CorpusError: there is nothing to train from.
    """
    try:
        if registry.current(models) is not None:
            return registry.load(models)
    except OutdatedModelError:
        pass
    return retrain(models, corrections(), now, force=True, progress=progress).model


def _champion(models: Path) -> Model | None:
    try:
        return registry.load(models) if registry.current(models) else None
    except ModelError:
        return None  # a refused model is no champion: training anew is the way out


def _right(rows: Sequence[Row], model: Model) -> int:
    return sum(row.cause is said.cause for row, said in zip(rows, predict(rows, model), strict=True)) if rows else 0


def _why(champion: Model | None, before: dict[str, Any]) -> str:
    if champion is None:
        return "the first one"
    return "no figure is worse" if before else "the version before was tested on other data"


def _worse(before: dict[str, Any], after: dict[str, Any]) -> str:
    for name in _GUARDED:
        old, new = before.get(name), after.get(name)
        if old is not None and new is not None and new < old - MARGIN:
            return f"{name} would fall from {old:.3f} to {new:.3f}"
    return ""


@contextmanager
def _alone(models: Path) -> Iterator[None]:
    """No two trainings at once, in whatever process."""
    try:
        models.mkdir(parents=True, exist_ok=True)
        lock = (models / ".training").open("w")
    except OSError as error:
        raise ModelError(f"{models}: cannot be written: {error.strerror}; the model in use stays") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ModelError("another training is running; wait for it to end") from error
        yield
