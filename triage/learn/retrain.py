"""What a training does: corpus and corrections to a tested version, which is put into use unless it is worse."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from triage.errors import ModelError
from triage.learn import comparison, corpus, journal, registry, self_test
from triage.learn.backends import LOCAL, Backend
from triage.learn.comparison import Comparison
from triage.learn.corpus import Row
from triage.learn.evaluation import Prediction, metrics, predict
from triage.learn.training import PARAMETERS, Progress, train
from triage.understand.classifier import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a training led to."""

    version: str
    model: Model
    promoted: bool
    reason: str  # why it was or was not put into use
    metrics: dict[str, Any]
    before: dict[str, Any]  # metrics of the version it was measured against; {} for the first one
    comparison: Comparison | None  # with that version, on the same rows; None where there is nothing to compare
    rows: int
    corrections: int
    corrections_right: int  # of the corrected mails, how many the new version gets right
    corrections_right_before: int | None
    corrections_wrong: tuple[Row, ...]  # those that still come out otherwise
    judged: tuple[tuple[Row, Prediction], ...]  # the rows of the corpus, by models that had not seen their families


def retrain(
    models: Path,
    corrections: Sequence[Row],
    now: datetime,
    *,
    extra: Sequence[Row] = (),
    force: str = "",
    by: str = journal.BY,
    progress: Progress = lambda share, what: None,
    backend: Backend = LOCAL,
) -> Outcome:
    """Train a version, test it on unseen families, save it, and put it into use unless it is worse.

    force: a reason to use it all the same; it is written down with who gave it.

    Raises:
        CorpusError: the training data cannot be used.
        ModelError: it cannot be saved, or another training is running. The version in use stays.
    """
    with _alone(models):
        shipped = corpus.shipped()
        rows = [*shipped.rows, *extra, *corrections]
        trained = train(rows, registry.new_version(now), progress, backend)
        base = len(shipped.rows) + len(extra)
        figures = metrics(rows[:base], trained.held_out[:base])
        said = comparison.said_of(rows[:base], trained.held_out[:base])
        champion = _champion(models)
        compared = comparison.compare(rows[:base], _held_out(models, champion), said) if champion else None
        right = _right(corrections, trained.model)
        right_before = _right(corrections, champion) if champion else None
        data = {
            "rows": base,
            "corrections": len(corrections),
            "sha256": shipped.digest,
            "corrections_sha256": hashlib.sha256("".join(map(comparison.key, corrections)).encode()).hexdigest(),
        }
        registry.save(models, trained.model, metrics=figures, data=data, now=now, parameters=PARAMETERS, held_out=said)
        against = (
            _against(trained.model, compared, right, right_before) if champion else self_test.failing(trained.model)
        )
        promoted = not against or bool(force)
        reason = "; ".join(against) or _why(champion, compared)
        if promoted:
            why = f"{force} (in spite of: {reason})" if against else force or reason
            registry.promote(models, trained.model.version, by=by, why=why, now=now, forced=bool(against))
            registry.prune(models)
        return Outcome(
            version=trained.model.version,
            model=trained.model,
            promoted=promoted,
            reason=reason,
            metrics=figures,
            before=_metrics(models, champion) if compared and champion else {},
            comparison=compared,
            rows=base,
            corrections=len(corrections),
            corrections_right=sum(right),
            corrections_right_before=sum(right_before) if right_before is not None else None,
            corrections_wrong=tuple(row for row, well in zip(corrections, right, strict=True) if not well),
            judged=tuple(zip(rows[:base], trained.held_out[:base], strict=True)),
        )


def _champion(models: Path) -> Model | None:
    try:
        return registry.load(models) if registry.current(models) else None
    except ModelError:
        return None  # a refused model is no champion: training anew is the way out


def _held_out(models: Path, champion: Model) -> comparison.Said:
    try:
        return registry.held_out(models, champion.version)
    except ModelError:
        return {}


def _metrics(models: Path, champion: Model) -> dict[str, Any]:
    return next((s.metrics for s in registry.versions(models) if s.version == champion.version), {})


def _right(rows: Sequence[Row], model: Model) -> list[bool]:
    """Which of some rows come out as they are."""
    return [row.cause is said.cause for row, said in zip(rows, predict(rows, model), strict=True)] if rows else []


def _why(champion: Model | None, compared: Comparison | None) -> str:
    if champion is None:
        return "the first one"
    return "no figure is worse" if compared else "the version before was tested on other data"


def _against(
    model: Model, compared: Comparison | None, right: Sequence[bool], before: Sequence[bool] | None
) -> list[str]:
    """What speaks against putting a version into use, in words."""
    found = [f"plain case: {each}" for each in self_test.failing(model)]
    if compared:
        found += compared.against
    if sum(right) < comparison.CORRECTED_RIGHT * len(right):
        found.append(f"of {len(right)} corrected mails only {sum(right)} would come out as they were corrected")
    elif before is not None and sum(right) < sum(before):
        found.append(f"of {len(right)} corrected mails {sum(right)} would come out right, {sum(before)} do now")
    return found


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
