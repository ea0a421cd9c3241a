"""The background service: builds the parts, starts them, stops them in order. It decides nothing."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor as JobPool
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from triage import forgetting
from triage.advice.playbook import playbooks
from triage.config import Account, Settings, Target
from triage.couriers import Courier
from triage.digests import queue_digests
from triage.errors import StoreError, TriageError
from triage.judges import Judges
from triage.learn import corrections
from triage.learn.corpus import Row
from triage.learn.in_use import ModelInUse
from triage.learn.scheduled import Apprentice
from triage.mail.signatures import Signatures
from triage.mailbox import Mailbox
from triage.mailboxes import Mailboxes
from triage.polling import Looked, Looker
from triage.reports.writing import write_calendar, write_report
from triage.store import backups
from triage.store.connection import opened, store_errors
from triage.store.transaction import transaction
from triage.suspects import Suspects
from triage.telling import remind
from triage.understand.classifier import Model
from triage.watching import beat, clock_was_set, trouble, watch, well

if TYPE_CHECKING:
    from sqlite_utils import Database

    from triage.web.server import Serving

log = structlog.get_logger()

T = TypeVar("T")

#: A clock that differs by so much from what it should show was set, in seconds.
CLOCK_STEP = 20.0
#: How often it is asked which reminders and digests are due, in seconds.
REMIND_EVERY = 15.0
#: How often space and silence are looked at, in seconds.
WATCH_EVERY = 60.0
#: A courier that has not come round for so long beyond its target's time hangs, in seconds.
COURIER_GRACE = 60.0
#: How often report and calendar are looked after, in seconds.
FILES_EVERY = 60.0
#: How often it is asked whether a copy of the database is due, in seconds.
BACKUP_LOOK = 600.0
#: How often what is too old is looked for, in seconds.
FORGET_EVERY = 6 * 3600.0
#: How often it is asked whether a training is due, in seconds.
LEARN_LOOK = 600.0
#: How often it is asked whether another version of the model was put into use, in seconds; every look at a mailbox asks too.
FOLLOW_EVERY = 5.0
#: After SIGTERM, what runs gets this long to reach its next safe point, in seconds. systemd is told the same.
GRACE = 4.0


def now() -> datetime:
    """The clock of the whole service."""
    return datetime.now(UTC)


def _ahead() -> float:
    """How far the clock is ahead of the time that passes."""
    return time.time() - time.monotonic()


class Daemon:
    """All configured mailboxes and targets, at work in threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = threading.Event()
        self._model_down = True  # one that was missing before the last start is told to be back
        self._web: Serving | None = None
        self._model = ModelInUse(settings.models_dir, now, self._corrections)
        self._judges = Judges(settings.models_dir, settings.polling.processes, Suspects(settings.data / "judging"))
        signatures = Signatures().valid if settings.sender.verify_dkim else None
        looker = Looker(settings, self._judges, now, signatures, self.wake)
        self._mailboxes = Mailboxes(settings, looker, self._current_model, self._look_again)
        self._couriers = {target.name: Courier(target, settings, now) for target in settings.targets}
        self._scheduler = BackgroundScheduler(
            executors={"default": JobPool(4)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        self._apprentice = Apprentice(settings)
        self._clock_is_ahead = _ahead()

    def check(self) -> None:
        """What must hold before anything is begun.

        Raises:
            StoreError: the database cannot be opened.
            ConfigError: the user's own playbooks cannot be used.
        """
        playbooks(self._settings.playbooks)  # a fault in them is said at the start, not when an alert is due
        if fault := backups.damage(self._settings.database) if self._settings.database.exists() else "":
            raise StoreError(f"{self._settings.database}: damaged ({fault}); go back to the last copy: triage restore")
        with opened(self._settings.database) as db, store_errors(self._settings.database), transaction(db):
            clock_was_set(db, now())  # while we were not there

    def start(self) -> None:
        """Begin: every mailbox at once, then at its interval; every target at once.

        Raises:
            StoreError, ConfigError: see check().
        """
        self.check()
        self._current_model()  # without one the targets are told, and every look tries again
        self._scheduler.add_job(self.remind, "interval", seconds=REMIND_EVERY, id="remind", next_run_time=now())
        self._scheduler.add_job(self.watch, "interval", seconds=WATCH_EVERY, id="watch", next_run_time=now())
        if self._settings.heartbeat.url:
            beat_every = self._settings.heartbeat.every.total_seconds()
            self._scheduler.add_job(self.beat, "interval", seconds=beat_every, id="beat", next_run_time=now())
        if self._settings.report.folder or self._settings.calendar.path:
            self._scheduler.add_job(self.write, "interval", seconds=FILES_EVERY, id="files", next_run_time=now())
        if self._settings.backup.every:
            self._scheduler.add_job(self.back_up, "interval", seconds=BACKUP_LOOK, id="backup", next_run_time=now())
        if self._settings.keep:
            self._scheduler.add_job(self.forget, "interval", seconds=FORGET_EVERY, id="forget", next_run_time=now())
        if self._settings.learning.after:
            self._scheduler.add_job(self.learn, "interval", seconds=LEARN_LOOK, id="learn")
        self._scheduler.add_job(self.follow, "interval", seconds=FOLLOW_EVERY, id="follow")
        if self._settings.web.listen:
            self._serve()
        if plain := [
            account.name for account in self._settings.accounts if account.password and account.secret.kind == "plain"
        ]:
            log.warning(
                "passwords_in_configuration", accounts=plain[:10], of=len(plain), better="env:, file:, cmd: or keyring:"
            )
        for courier in self._couriers.values():
            courier.start()
        self._scheduler.start()
        self._mailboxes.start()
        log.info("started", accounts=len(self._settings.accounts), targets=len(self._settings.targets))

    def stop(self) -> bool:
        """End within GRACE seconds; whether all work reached a safe point. What did not is repeated at the next start."""
        self._stopping.set()
        for courier in self._couriers.values():
            courier.stop()
        if self._web is not None:
            self._web.stop()
        until = time.monotonic() + GRACE
        read = self._mailboxes.stop(GRACE)
        self._judges.stop()
        self._apprentice.stop()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        late = [courier for courier in self._couriers.values() if not courier.ended(max(until - time.monotonic(), 0))]
        clean = read and not late
        log.info("stopped", clean=clean)
        return clean

    def alive(self) -> bool:
        """Whether couriers and watcher still come round; before their start they are not missed."""
        limit = max((target.timeout.total_seconds() for target in self._settings.targets), default=0) + COURIER_GRACE
        late = [each for each in self._couriers.values() if time.monotonic() - each.seen_at > limit]
        return not late and self._mailboxes.alive()

    def poll(self, account: Account) -> Looked | None:
        """Read all that is new in an account now; None if that failed."""
        return self._mailboxes.read(account.name)

    def _look_again(self, mailbox: Mailbox, wait: float) -> None:
        """Look at a mailbox in so many seconds."""
        if self._scheduler.running and not self._stopping.is_set():
            at = now() + timedelta(seconds=wait)
            self._scheduler.add_job(mailbox.ask, "date", run_date=at, id=f"look:{mailbox.name}", replace_existing=True)

    def mind_the_clock(self) -> None:
        """What was planned by a clock that was set since is planned anew: a day's step back must not mean a day's wait."""
        ahead = _ahead()
        if abs(ahead - self._clock_is_ahead) < CLOCK_STEP:
            return
        log.warning("clock_was_set", by_s=round(ahead - self._clock_is_ahead))
        self._clock_is_ahead = ahead
        for job in self._scheduler.get_jobs():
            with contextlib.suppress(JobLookupError):  # it has run meanwhile
                job.modify(next_run_time=now())
        self._step(lambda db: clock_was_set(db, now()))
        self.wake()

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

    def back_up(self) -> None:
        """Copy the database if the last copy is old enough; tell if that fails."""
        settings, reason = self._settings, ""
        copies = backups.listed(settings.backups_dir)
        if copies and now() - copies[0][0] < settings.backup.every:
            return
        try:
            made = backups.back_up_into(settings.database, settings.backups_dir, now(), settings.backup.keep)
            log.info("backed_up", path=str(made))
        except TriageError as error:
            reason = str(error)
        self._step(
            lambda db: trouble(
                db, "backup", "backup_down", "backup_up", bool(reason), {"reason": reason}, settings, now()
            )
        )

    def follow(self) -> None:
        """Take over another version of the model, if one was put into use."""
        if not self._model_down:  # else every look at a mailbox tries
            self._current_model()

    def learn(self) -> None:
        """Begin a training if one is due."""
        try:
            with opened(self._settings.database) as db:
                self._apprentice.look(db, now())
        except TriageError as error:
            log.warning("step_failed", reason=str(error))
        except Exception:
            log.exception("step_failed")

    def forget(self) -> None:
        """Delete what is older than is to be kept."""
        assert self._settings.keep is not None
        try:
            with opened(self._settings.database) as db:
                found = forgetting.older_than(db, self._settings.keep, now())
                if found:
                    forgetting.forget(db, found)
                    log.info("forgotten", cases=len(found.cases), messages=len(found.messages))
        except TriageError as error:
            log.warning("step_failed", reason=str(error))
        except Exception:
            log.exception("step_failed")

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
            self._web = serve(self._settings, now, self.alive)
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
