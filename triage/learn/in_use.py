"""The model a running daemon judges with; it follows promotions without a restart, and goes back where one fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from triage.errors import ModelError, OutdatedModelError
from triage.learn import journal, registry, self_test
from triage.learn.corpus import Row
from triage.understand.classifier import Model

if TYPE_CHECKING:
    from triage.learn.training import Progress

log = structlog.get_logger()


class ModelInUse:
    """Gives the current model to any thread. A version that cannot be loaded, or fails its self-test, never replaces one that
    works: the registry is put back to that."""

    def __init__(self, models: Path, clock: Callable[[], datetime], corrections: Callable[[], list[Row]]) -> None:
        self._models = models
        self._clock = clock
        self._corrections = corrections
        self._lock = threading.Lock()
        self._model: Model | None = None
        self._refused = ""

    def get(self) -> Model:
        """The model of the current version.

        None yet, or one that another installation or library version made: a new one is trained. After that
        a version that fails is taken back as long as one works.

        Raises:
            ModelError, CorpusError: there is no model and none can be made.
        """
        with self._lock:
            if self._model is None:
                self._model = self._first()
                log.info("model_loaded", version=self._model.version)
            return self._follow(self._model)

    def _first(self) -> Model:
        try:
            version = registry.current(self._models)
        except ModelError as error:
            log.warning("model_refused", reason=str(error))
            version = None
        tried = set[str]()
        while version and version not in tried:  # the one before it, and so on
            tried.add(version)
            try:
                model = _sound(self._models, version)
            except ModelError as error:
                log.warning("model_refused", reason=str(error))
                version = journal.before(self._models, version)
                continue
            if len(tried) > 1:
                self._put_back(model.version, "the versions after it were refused")
            return model
        log.info("model_training")
        why = "no version there was could be used"
        from triage.learn.retrain import retrain

        return retrain(self._models, self._corrections(), self._clock(), force=why).model

    def _follow(self, model: Model) -> Model:
        version = None
        try:
            version = registry.current(self._models)
            if version is None or version in {model.version, self._refused}:
                return model
            self._model = _sound(self._models, version)
        except ModelError as error:
            self._refused = version or ""
            log.error("model_not_taken_over", reason=str(error), stays=model.version)
            self._put_back(model.version, str(error))
            return model
        log.info("model_taken_over", version=self._model.version, was=model.version)
        return self._model

    def _put_back(self, version: str, why: str) -> None:
        try:
            registry.promote(self._models, version, by=journal.BY, why=f"gone back to: {why}", now=self._clock())
        except ModelError as error:  # it was deleted, or the disk is full: what is in memory still works
            log.error("model_not_put_back", reason=str(error))


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
    from triage.learn.retrain import retrain  # it needs scikit-learn, which judging does not

    return retrain(models, corrections(), now, force="there was none that could be used", progress=progress).model


def _sound(models: Path, version: str) -> Model:
    """A version, loaded and tested.

    Raises:
        ModelError: it is refused, or gets a plain case wrong.
    """
    model = registry.load(models, version)
    if wrong := self_test.failing(model):
        raise ModelError(f"{models / version}: fails its self-test: {wrong[0]}; run: triage models roll-back")
    return model
