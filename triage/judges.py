"""Who judges a batch: this thread, or worker processes as well once a pile has to be worked through.

One process judges a thousand mails a second and more, which no stream of new mail reaches. The start of a worker costs
seconds and its memory as much as the service itself, so workers exist only while there is a pile, and for a minute after
it, and there is one less than cores: where all have enough to do, the thread that brings the mail judges some of it itself.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Future
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from joblib.externals.loky import ProcessPoolExecutor

from triage import log
from triage.errors import ModelError
from triage.judging import Judged, judge
from triage.learn import registry
from triage.mail.reading import Recipient
from triage.mail.signatures import Signatures
from triage.orphans import end_with
from triage.suspects import Suspects
from triage.types import Batch, RawMessage
from triage.understand.classifier import Model

#: So many messages are a pile.
PILE = 600
#: So many batches wait for each worker, so that none is ever without.
_QUEUED = 2
#: Workers that have had nothing to do for so long end, in seconds.
_IDLE_S = 60

#: Gives what was made of a batch, waiting for it if it must; raises what went wrong.
Pending = Callable[[], Sequence[Judged]]


class Judges:
    """Judges batches for all mailboxes."""

    def __init__(self, models: Path, processes: int | None = None, suspects: Suspects | None = None) -> None:
        """processes: how many workers a pile may have; None for one a core but one, 0 for none."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._models = models
        self._processes = processes if processes is not None else cores - 1
        self._queued = threading.Semaphore(self._processes * _QUEUED)
        self._suspects = suspects
        self._pool: Any = None  # loky has no types
        self._pool_lock = threading.Lock()
        self._starting: Any = None
        self._used_at = 0.0
        self._work = _judge_apart

    @property
    def ahead(self) -> int:
        """So many batches of a pile are worth being fetched while others are judged."""
        return self._processes * _QUEUED + 1

    def begin(self, batch: Batch, recipient: Recipient, model: Model, *, pile: bool) -> Pending:
        """Have a batch judged: by a worker from now on; in this thread at once where the workers of a pile have enough to do;
        else in this thread, when the result is asked for."""
        if self._suspects and self._suspects.among(batch):
            return lambda: self.apart(batch.messages, recipient, model)
        if not (pile and self._processes and self._ready(model)):
            return lambda: self._here(batch, recipient, model)
        if self._queued.acquire(blocking=False):
            return self._given(batch.messages, recipient, model, self._queued.release)
        at_once: Future[Sequence[Judged]] = Future()
        try:
            at_once.set_result(self._here(batch, recipient, model))
        except Exception as error:  # raised where the result is asked for
            at_once.set_exception(error)
        return at_once.result

    def apart(self, messages: Sequence[RawMessage], recipient: Recipient, model: Model) -> Sequence[Judged]:
        """Judge messages in another process, because one of them may take its process with it."""
        return self._given(messages, recipient, model)()

    def again(self, messages: Sequence[RawMessage], recipient: Recipient, model: Model) -> Sequence[Judged]:
        """Judge messages of a batch that could not be judged as a whole: where that was tried."""
        used = self._starting is not None
        return self.apart(messages, recipient, model) if used else judge(messages, recipient, model)

    def _here(self, batch: Batch, recipient: Recipient, model: Model) -> Sequence[Judged]:
        if not self._suspects:
            return judge(batch.messages, recipient, model)
        with self._suspects.noted(batch):
            return judge(batch.messages, recipient, model)

    def _given(
        self,
        messages: Sequence[RawMessage],
        recipient: Recipient,
        model: Model,
        done: Callable[[], None] = lambda: None,
    ) -> Pending:
        if self._starting is None:
            self._start(model)
        plain = replace(recipient, signatures=None)
        future = self._submit(
            self._work, list(messages), plain, recipient.signatures is not None, self._models, model.version
        )
        future.add_done_callback(lambda _: done())

        def result() -> Sequence[Judged]:
            try:
                return cast(Sequence[Judged], future.result())
            except ModelError:  # promoted and deleted meanwhile: the one in hand is as good as it was
                return judge(messages, recipient, model)

        return result

    def _ready(self, model: Model) -> bool:
        """Whether there are workers; they take seconds to start, in which this thread goes on by itself."""
        if self._starting is None or (self._starting.done() and time.monotonic() - self._used_at > _IDLE_S):
            self._start(model)
        self._used_at = time.monotonic()
        return bool(self._starting.done())

    def _start(self, model: Model) -> None:
        self._starting = self._submit(loaded, self._models, model.version)

    def stop(self) -> None:
        """End the workers at once; what they had is judged at the next start."""
        with self._pool_lock:
            if self._pool is not None:
                self._pool.shutdown(wait=False, kill_workers=True)
                self._pool = None

    def _submit(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Give work to the workers; where one of them died, all are started anew."""
        with self._pool_lock:
            try:
                return self._workers().submit(work, *arguments)
            except BrokenExecutor:
                self._pool = None
                return self._workers().submit(work, *arguments)

    def _workers(self) -> Any:
        """Workers of our own: joblib's shared ones may belong to a training in the same process."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                max_workers=max(self._processes, 1), timeout=_IDLE_S, initializer=_prepare, initargs=(os.getpid(),)
            )
        return self._pool


def _prepare(service: int) -> None:
    """A worker ends when the service tells it to, not when somebody presses Ctrl-C; it says only what went wrong, and leaves
    the processor to whoever has a new mail in hand."""
    os.nice(10)
    end_with(service)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log.configure(level="error")


def _judge_apart(
    messages: list[RawMessage], recipient: Recipient, verify: bool, models: Path, version: str
) -> list[Judged]:
    known = replace(recipient, signatures=_signatures().valid if verify else None)
    return judge(messages, known, loaded(models, version))


@lru_cache(maxsize=1)
def _signatures() -> Signatures:
    return Signatures()


@lru_cache(maxsize=1)
def loaded(models: Path, version: str) -> Model:
    """A version of the model, loaded once in each process."""
    return registry.load(models, version)
