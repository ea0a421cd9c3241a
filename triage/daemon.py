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
from typing import TYPE_CHECKING

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor as JobPool
from apscheduler.schedulers.background import BackgroundScheduler

from triage.advice.playbook import playbooks
from triage.alerts import outbox
from triage.config import Account, Settings, Target
from triage.delivery import deliver_due
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
from triage.understand.classifier import Model

if TYPE_CHECKING:
    from triage.web.server import Serving

log = structlog.get_logger()

#: How often the outbox is looked at when nothing wakes it, in seconds.
OUTBOX_EVERY = 1.0
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
        self._model_down = False
        self._web: Serving | None = None
        self._model = ModelInUse(settings.models_dir, now, self._corrections)
        # One worker more than mailboxes may wait at once: a hanging server or target must not hold up the others.
        pool = JobPool(max(settings.polling.workers, 1) + len(settings.targets) + 1)
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
        for target in self._settings.targets:
            self._scheduler.add_job(
                self.deliver, "interval", seconds=OUTBOX_EVERY, args=[target], id=f"deliver:{target.name}",
                next_run_time=now(),
            )  # fmt: skip
        if self._settings.report.folder or self._settings.calendar.path:
            self._scheduler.add_job(self.write, "interval", seconds=FILES_EVERY, id="files", next_run_time=now())
        if self._settings.web.listen:
            self._serve()
        for account in self._settings.accounts:
            if account.secret.kind == "plain":
                log.warning("password_in_configuration", account=account.name, better="env:, file:, cmd: or keyring:")
        self._scheduler.start()
        log.info("started", accounts=len(self._settings.accounts), targets=len(self._settings.targets))

    def stop(self) -> bool:
        """End within GRACE seconds; whether all work reached a safe point. What did not is repeated at the next start."""
        self._stopping.set()
        if self._web is not None:
            self._web.stop()
        for sessions in self._sessions.values():
            for session in list(sessions):
                session.abort()
        ended = threading.Thread(
            target=lambda: self._scheduler.running and self._scheduler.shutdown(wait=True), daemon=True
        )
        ended.start()
        ended.join(GRACE)
        log.info("stopped", clean=not ended.is_alive())
        return not ended.is_alive()

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
        try:
            with opened(self._settings.database) as db:
                return deliver_due(db, target, self._settings, now, self._stopping.is_set)
        except TriageError as error:
            log.warning("delivery_failed", target=target.name, reason=str(error))
        except Exception:
            log.exception("delivery_failed", target=target.name)
        return 0

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
            self._tell_model("model_down", str(error))
            return None
        if self._model_down:
            self._tell_model("model_up", "")
        return model

    def _tell_model(self, kind: str, reason: str) -> None:
        if self._model_down == (kind == "model_down"):
            return
        self._model_down = kind == "model_down"
        log.warning(kind, reason=reason)
        with opened(self._settings.database) as db, store_errors(self._settings.database), transaction(db):
            names = [target.name for target in self._settings.targets]
            outbox.queue(db, names, kind, f"{kind}:{now().isoformat()}", now=now(), detail={"reason": reason})

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
        asked.wait()
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
            list(pool.map(daemon.deliver, settings.targets))
        daemon.write()
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
