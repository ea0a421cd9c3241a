"""The background service: builds the parts, starts them, stops them in order. It decides nothing."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor as JobPool
from apscheduler.schedulers.background import BackgroundScheduler

from triage import systemd
from triage.advice.playbook import playbooks
from triage.config import Account, Settings, Target
from triage.couriers import Courier
from triage.digests import queue_digests
from triage.errors import SignInRefused, StoreError, TriageError
from triage.learn import corrections
from triage.learn.corpus import Row
from triage.learn.in_use import ModelInUse
from triage.mail.session import Session
from triage.mail.signatures import Signatures
from triage.polling import Looked, look
from triage.reports.writing import write_calendar, write_report
from triage.store.connection import opened, store_errors
from triage.store.transaction import transaction
from triage.telling import remind
from triage.understand.classifier import Model
from triage.watching import beat, trouble, watch, well

if TYPE_CHECKING:
    from sqlite_utils import Database

    from triage.web.server import Serving

log = structlog.get_logger()

T = TypeVar("T")

#: How often it is asked which reminders and digests are due, in seconds.
REMIND_EVERY = 15.0
#: How often space and silence are looked at, in seconds.
WATCH_EVERY = 60.0
#: A courier that has not come round for so long beyond its target's time hangs, in seconds.
COURIER_GRACE = 60.0
#: How often report and calendar are looked after, in seconds.
FILES_EVERY = 60.0
#: After SIGTERM, what runs gets this long to reach its next safe point, in seconds. systemd is told the same.
GRACE = 4.0


def now() -> datetime:
    """The clock of the whole service."""
    return datetime.now(UTC)


class Daemon:
    """All configured mailboxes and targets, at work in threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._signatures = Signatures()
        self._stopping = threading.Event()
        self._sessions: dict[str, list[Session]] = {account.name: [] for account in settings.accounts}
        self._refused: dict[str, str] = {}
        self._model_down = True  # one that was missing before the last start is told to be back
        self._web: Serving | None = None
        self._model = ModelInUse(settings.models_dir, now, self._corrections)
        self._couriers = {target.name: Courier(target, settings, now) for target in settings.targets}
        # More workers than mailboxes may be looked at at once: a hanging server must not hold up the service's own work.
        pool = JobPool(max(settings.polling.workers, 1) + 3)
        self._scheduler = BackgroundScheduler(
            executors={"default": pool},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )

    def start(self) -> None:
        """Begin: every mailbox at once, then at its interval; every target at once.

        Raises:
            StoreError: the database cannot be opened.
            ConfigError: the user's own playbooks cannot be used.
        """
        playbooks(self._settings.playbooks)  # a fault in them is said at the start, not when an alert is due
        with opened(self._settings.database):
            pass
        self._current_model()  # without one the targets are told, and every look tries again
        every = self._settings.polling.every.total_seconds()
        for account in self._settings.accounts:
            self._scheduler.add_job(
                self.poll, "interval", seconds=every, args=[account], id=f"poll:{account.name}",
                next_run_time=now(), jitter=min(every / 10, 5),
            )  # fmt: skip
        self._scheduler.add_job(self.remind, "interval", seconds=REMIND_EVERY, id="remind", next_run_time=now())
        self._scheduler.add_job(self.watch, "interval", seconds=WATCH_EVERY, id="watch", next_run_time=now())
        if self._settings.heartbeat.url:
            beat_every = self._settings.heartbeat.every.total_seconds()
            self._scheduler.add_job(self.beat, "interval", seconds=beat_every, id="beat", next_run_time=now())
        if self._settings.report.folder or self._settings.calendar.path:
            self._scheduler.add_job(self.write, "interval", seconds=FILES_EVERY, id="files", next_run_time=now())
        if self._settings.web.listen:
            self._serve()
        for account in self._settings.accounts:
            if account.secret.kind == "plain":
                log.warning("password_in_configuration", account=account.name, better="env:, file:, cmd: or keyring:")
        for courier in self._couriers.values():
            courier.start()
        self._scheduler.start()
        log.info("started", accounts=len(self._settings.accounts), targets=len(self._settings.targets))

    def stop(self) -> bool:
        """End within GRACE seconds; whether all work reached a safe point. What did not is repeated at the next start."""
        self._stopping.set()
        for courier in self._couriers.values():
            courier.stop()
        if self._web is not None:
            self._web.stop()
        for sessions in self._sessions.values():
            for session in list(sessions):
                session.abort()
        ended = threading.Thread(
            target=lambda: self._scheduler.running and self._scheduler.shutdown(wait=True), daemon=True
        )
        ended.start()
        until = time.monotonic() + GRACE
        ended.join(GRACE)
        late = [courier for courier in self._couriers.values() if not courier.ended(max(until - time.monotonic(), 0))]
        clean = not late and not ended.is_alive()
        log.info("stopped", clean=clean)
        return clean

    def alive(self) -> bool:
        """Whether the couriers still come round; before their start they are not missed."""
        limit = max((target.timeout.total_seconds() for target in self._settings.targets), default=0) + COURIER_GRACE
        late = [each for each in self._couriers.values() if time.monotonic() - each.seen_at > limit]
        return not late

    def poll(self, account: Account) -> Looked | None:
        """Look at one mailbox now; None if that failed. A failure stays with this mailbox."""
        refused = self._refused.get(account.name)
        try:
            if refused is not None and refused == account.secret.reveal():
                return None  # the same wrong password again could lock the account
            model = self._current_model()
            if model is None or self._stopping.is_set():
                return None
            with opened(self._settings.database) as db:
                looked = look(
                    db,
                    account,
                    model,
                    self._settings,
                    now,
                    self._stopping.is_set,
                    self._sessions[account.name],
                    self._signatures.valid if self._settings.sender.verify_dkim else None,
                    self.wake,
                )
            self._refused.pop(account.name, None)
            if looked.messages:
                log.info("mailbox_read", account=account.name, messages=looked.messages, kept=looked.kept)
            return looked
        except TriageError as error:
            if not self._stopping.is_set():
                log.warning("mailbox_failed", account=account.name, reason=str(error), temporary=error.temporary)
                if isinstance(error, SignInRefused):
                    self._refused[account.name] = account.secret.reveal()
        except Exception:
            log.exception("mailbox_failed", account=account.name)
        return None

    def deliver(self, target: Target) -> int:
        """Send a target what is due for it; a failure stays with this target."""
        return self._couriers[target.name].deliver()

    def wake(self) -> None:
        """Something was put into the outbox: it leaves at once."""
        for courier in self._couriers.values():
            courier.wake()

    def remind(self) -> None:
        """Queue the reminders and digests that are due."""
        self._step(lambda db: remind(db, self._settings, now()) + queue_digests(db, self._settings, now()))
        self.wake()

    def watch(self) -> None:
        """Look after the service itself: space, silence."""
        self._step(lambda db: watch(db, self._settings, now()))
        self.wake()

    def beat(self) -> None:
        """Say that all is well, if it is."""
        if self._step(lambda db: well(db, self._settings, now())) and self.alive():
            beat(self._settings)

    def _step(self, work: Callable[[Database], T]) -> T | None:
        """One transaction of the service's own work; a failure ends this step alone."""
        try:
            with opened(self._settings.database) as db, store_errors(self._settings.database), transaction(db):
                return work(db)
        except TriageError as error:
            log.warning("step_failed", reason=str(error))
        except Exception:
            log.exception("step_failed")
        return None

    def _serve(self) -> None:
        """Begin to serve over HTTP. An address that is taken stops nothing else."""
        from triage.web.server import serve  # costs a moment and memory: only where it is asked for

        try:
            self._web = serve(self._settings, now)
        except TriageError as error:
            log.error("web_failed", reason=str(error))

    def write(self) -> None:
        """Write the weekly report if it is due, and the calendar if something changed."""
        for what in (write_report, write_calendar):
            try:
                with opened(self._settings.database) as db:
                    what(db, self._settings, now())
            except TriageError as error:
                log.warning("file_not_written", reason=str(error))
            except Exception:
                log.exception("file_not_written")

    def _current_model(self) -> Model | None:
        try:
            model = self._model.get()
        except TriageError as error:
            self._tell_model(str(error))
            self._model_down = True
            return None
        if self._model_down:
            self._tell_model("")
            self._model_down = False
        return model

    def _tell_model(self, reason: str) -> None:
        with opened(self._settings.database) as db, store_errors(self._settings.database), transaction(db):
            trouble(db, "model", "model_down", "model_up", bool(reason), {"reason": reason}, self._settings, now())
        self.wake()

    def _corrections(self) -> list[Row]:
        with opened(self._settings.database) as db:
            return corrections.rows(db)


def run(settings: Settings, *, ready: Callable[[Daemon], None] = lambda daemon: None) -> None:
    """Work until SIGTERM or SIGINT, then end within five seconds.

    ready: called once everything has started.
    """
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    with alone(settings):
        daemon = Daemon(settings)
        daemon.start()
        ready(daemon)
        systemd.notify("READY=1")
        every = systemd.watchdog_every()
        while not asked.wait(every):
            if daemon.alive():
                systemd.notify("WATCHDOG=1")
        systemd.notify("STOPPING=1")
        clean = daemon.stop()
    if not clean:
        # Threads that hang in a dead server's answer cannot be ended; all they would still do is in the database.
        os._exit(0)


def run_once(settings: Settings) -> int:
    """Look at every mailbox once and deliver what is due, for cron; how many mailboxes failed."""
    with alone(settings):
        daemon = Daemon(settings)
        playbooks(settings.playbooks)
        with opened(settings.database):
            pass
        with ThreadPoolExecutor(settings.polling.workers) as pool:
            looked = list(pool.map(daemon.poll, settings.accounts))
            daemon.remind()
            daemon.watch()
            list(pool.map(daemon.deliver, settings.targets))
        daemon.write()
        daemon.beat()
    return sum(result is None for result in looked)


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Two services on one database would send everything twice: the second one says so and ends.

    Raises:
        StoreError: another one is running, or the folder cannot be written to.
    """
    path = settings.data / "triage.lock"
    try:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = path.open("w")
    except OSError as error:
        raise StoreError(
            f"{settings.data}: cannot be written to: {error.strerror}; set data in the configuration"
        ) from error
    with lock:
        deadline = time.monotonic() + 1
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise StoreError(
                        f"{path}: another triage run is at work on this database; stop it first"
                    ) from error
                time.sleep(0.1)
        yield
