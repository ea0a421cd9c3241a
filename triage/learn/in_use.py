"""The model a running daemon judges with; it follows promotions without a restart."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import structlog

from triage.errors import ModelError
from triage.learn import registry, retrain
from triage.learn.corpus import Row
from triage.understand.classifier import Model

log = structlog.get_logger()


class ModelInUse:
    """Gives the current model to any thread. A version that cannot be loaded never replaces one that works."""

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
        a version that fails to load is left alone as long as one works.

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
            if registry.current(self._models) is not None:
                return registry.load(self._models)
        except ModelError as error:
            log.warning("model_refused", reason=str(error))
        log.info("model_training")
        return retrain.retrain(self._models, self._corrections(), self._clock(), force=True).model

    def _follow(self, model: Model) -> Model:
        version = None
        try:
            version = registry.current(self._models)
            if version is None or version in {model.version, self._refused}:
                return model
            self._model = registry.load(self._models, version)
        except ModelError as error:
            self._refused = version or ""
            log.error("model_not_taken_over", reason=str(error), stays=model.version)
            return model
        log.info("model_taken_over", version=self._model.version, was=model.version)
        return self._model
