"""Training by itself: when enough was corrected, at a quiet hour, in a process of its own that gives way to everything else."""

from __future__ import annotations

import multiprocessing
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from triage import log as logging
from triage.config import Settings
from triage.errors import TriageError
from triage.learn import corrections, registry
from triage.learn.backends import Backend
from triage.orphans import end_with
from triage.store.connection import opened
from triage.store.moments import stored

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    from sqlite_utils import Database

log = structlog.get_logger()


def due(db: Database, settings: Settings, now: datetime) -> bool:
    """Whether it is time: at a quiet hour, and enough was corrected since a version was last made, in use or not."""
    wanted = settings.learning
    if not wanted.after or not wanted.hours.hold(now.astimezone(settings.zone).time()):
        return False
    made = registry.versions(settings.models_dir)
    newest = max((saved.created_at for saved in made), default=datetime.fromtimestamp(0, UTC))
    return corrections.since(db, stored(newest)) >= wanted.after


class Apprentice:
    """At most one training under way. It may be ended at any moment: the model in use stays."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running: SpawnProcess | None = None

    @property
    def busy(self) -> bool:
        """Whether a training is under way."""
        return self._running is not None and self._running.is_alive()

    def look(self, db: Database, now: datetime) -> bool:
        """Begin a training if one is due; whether it was begun."""
        if self.busy or not due(db, self._settings, now):
            return False
        where = (self._settings.models_dir, self._settings.database)
        self._running = multiprocessing.get_context("spawn").Process(target=_train, args=(os.getpid(), *where))
        self._running.start()
        log.info("training_begun")
        return True

    def stop(self) -> None:
        """End what is under way."""
        if self._running is not None and self._running.is_alive():
            self._running.terminate()
            self._running.join(2)


def _train(service: int, models: Path, database: Path) -> None:
    """What the process does: as low as priority goes, on one core, so that alerts and new mail never wait for it."""
    from triage.learn import retrain  # scikit-learn is for this process alone

    os.nice(19)
    end_with(service)
    logging.configure(level="info")
    try:
        with opened(database) as db:
            learned = corrections.rows(db)
        outcome = retrain.retrain(models, learned, datetime.now(UTC), by="triage (by itself)", backend=Backend(1))
    except TriageError as error:
        log.error("training_failed", reason=str(error))
        return
    log.info("trained", version=outcome.version, promoted=outcome.promoted, reason=outcome.reason)
