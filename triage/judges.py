"""Who judges a batch: this thread, or worker processes once a pile has to be worked through.

One process judges some 1,200 mails a second, which no stream of new mail reaches. Its start costs seconds and its memory
as much as the service itself, so workers exist only while there is a pile, and for a minute after it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from joblib.externals.loky import get_reusable_executor

from triage import log
from triage.errors import ModelError
from triage.judging import Judged, judge
from triage.learn import registry
from triage.mail.reading import Recipient
from triage.mail.signatures import Signatures
from triage.types import RawMessage
from triage.understand.classifier import Model

#: So many messages are a pile.
PILE = 600
#: Workers that have had nothing to do for so long end, in seconds.
_IDLE_S = 60

#: Gives what was made of a batch, waiting for it if it must; raises what went wrong.
Pending = Callable[[], Sequence[Judged]]


class Judges:
    """Judges batches for all mailboxes."""

    def __init__(self, models: Path, processes: int | None = None) -> None:
        """processes: how many workers a pile may have; None for one a core, 0 for none."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._models = models
        self._processes = processes if processes is not None else (cores if cores > 1 else 0)
        self._starting: Any = None
        self._used_at = 0.0

    @property
    def ahead(self) -> int:
        """So many batches of a pile are worth being fetched while others are judged."""
        return self._processes + 1

    def begin(
        self, messages: Sequence[RawMessage], recipient: Recipient, model: Model, *, apart: bool = False
    ) -> Pending:
        """Have a batch judged.

        apart: in another process, because there is a pile, or because one of the messages may take its process with it.
        """
        if not apart or not self._ready(model):
            return lambda: judge(messages, recipient, model)
        plain = replace(recipient, signatures=None)
        future = self._workers().submit(
            _judge_apart, list(messages), plain, recipient.signatures is not None, self._models, model.version
        )

        def result() -> Sequence[Judged]:
            try:
                return cast(Sequence[Judged], future.result())
            except ModelError:  # promoted and deleted meanwhile: the one in hand is as good as it was
                return judge(messages, recipient, model)

        return result

    def _ready(self, model: Model) -> bool:
        """Whether there are workers; they take seconds to start, in which this thread goes on by itself."""
        if not self._processes:
            return False
        if self._starting is None or (self._starting.done() and time.monotonic() - self._used_at > _IDLE_S):
            self._starting = self._workers().submit(_model, self._models, model.version)
        self._used_at = time.monotonic()
        return bool(self._starting.done())

    def again(self, messages: Sequence[RawMessage], recipient: Recipient, model: Model) -> Sequence[Judged]:
        """Judge messages of a batch that could not be judged as a whole."""
        return self.begin(messages, recipient, model, apart=self._starting is not None)()

    def stop(self) -> None:
        """End the workers at once; what they had is judged at the next start."""
        if self._starting is not None:
            self._workers().shutdown(wait=False, kill_workers=True)

    def _workers(self) -> Any:  # loky has no types
        return get_reusable_executor(max_workers=self._processes, timeout=_IDLE_S, initializer=_prepare)


def _prepare() -> None:
    """A worker ends when the service tells it to, not when somebody presses Ctrl-C; it says only what went wrong."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log.configure(level="error")


def _judge_apart(
    messages: list[RawMessage], recipient: Recipient, verify: bool, models: Path, version: str
) -> list[Judged]:
    known = replace(recipient, signatures=_signatures().valid if verify else None)
    return judge(messages, known, _model(models, version))


@lru_cache(maxsize=1)
def _signatures() -> Signatures:
    return Signatures()


@lru_cache(maxsize=1)
def _model(models: Path, version: str) -> Model:
    return registry.load(models, version)
