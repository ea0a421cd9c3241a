"""A courier for each target: waits until something is due for it, or until it is woken, and delivers."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from datetime import datetime

import structlog

from triage.alerts import targets
from triage.config import Settings, Target
from triage.delivery import deliver_due
from triage.errors import TriageError
from triage.store.connection import opened

log = structlog.get_logger()

#: How often the outbox is looked at when nothing wakes the courier, in seconds: other processes write into it too.
LOOK_EVERY = 1.0
#: After a fault of the database, in seconds.
_AFTER_A_FAULT = 5.0


class Courier:
    """One target's thread. What it does for another target, or that it hangs, is no other's business."""

    def __init__(self, target: Target, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._target, self._settings, self._clock = target, settings, clock
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"courier {target.name}", daemon=True)
        self.seen_at = time.monotonic()  # when it last came round, by the monotonic clock

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Something was put into the outbox."""
        self._woken.set()

    def stop(self) -> None:
        """End after the message under way."""
        self._stopping.set()
        self._woken.set()

    def ended(self, limit: float) -> bool:
        """Whether it has ended within so many seconds."""
        if self._thread.is_alive():
            self._thread.join(limit)
        return not self._thread.is_alive()

    def deliver(self) -> int:
        """Everything that is due, now; how many alerts were taken. A failure stays with this target."""
        try:
            with opened(self._settings.database) as db:
                return deliver_due(db, self._target, self._settings, self._clock, self._round)
        except TriageError as error:
            log.warning("delivery_failed", target=self._target.name, reason=str(error))
        except Exception:
            log.exception("delivery_failed", target=self._target.name)
        return 0

    def _round(self) -> bool:
        """Called before each message: whether to end."""
        self.seen_at = time.monotonic()
        return self._stopping.is_set()

    def _run(self) -> None:
        try:
            targets.check(self._target)  # what its way needs is loaded before the first alert, and a fault told early
        except TriageError as error:
            log.warning("target_unusable", target=self._target.name, reason=str(error))
        except Exception:
            log.exception("target_unusable", target=self._target.name)
        while not self._stopping.is_set():
            with contextlib.suppress(Exception):  # not even a log that cannot be written to ends a courier
                self._until_a_fault()
            self._stopping.wait(_AFTER_A_FAULT)

    def _until_a_fault(self) -> None:
        """Work on one connection for as long as that goes: opening one costs more than looking."""
        try:
            with opened(self._settings.database) as db:
                while not self._stopping.is_set():
                    deliver_due(db, self._target, self._settings, self._clock, self._round)
                    self._woken.wait(LOOK_EVERY)
                    self._woken.clear()
        except TriageError as error:
            log.warning("delivery_failed", target=self._target.name, reason=str(error))
        except Exception:
            log.exception("delivery_failed", target=self._target.name)
