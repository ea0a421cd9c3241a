"""The service as a process: alone on its database, told to stop or to read its configuration anew by signals."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from triage import systemd
from triage.config import Settings
from triage.daemon import Daemon
from triage.errors import StoreError, TriageError
from triage.store.lock import alone

log = structlog.get_logger()

#: How often signals, the clock and the parts are looked after, in seconds.
_ROUND_S = 1.0
#: Open files that are enough for thousands of mailboxes.
_MANY = 65_536


def run(settings: Settings, reload: Callable[[], Settings]) -> None:
    """Work until SIGTERM or SIGINT, then end within five seconds. SIGHUP: work by the configuration as it is now.

    reload: gives it, or raises what is wrong with it; then the old one stays.
    """
    over, again = threading.Event(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    signal.signal(signal.SIGHUP, lambda *_: again.set())
    _many_connections()
    with alone(settings.data):
        daemon = Daemon(settings)
        daemon.start()
        systemd.notify("READY=1")
        watched, told_at = systemd.watchdog_every(), 0.0
        while not over.wait(_ROUND_S):
            daemon.mind_the_clock()
            if watched and time.monotonic() - told_at > watched - _ROUND_S and daemon.alive():
                told_at = time.monotonic()
                systemd.notify("WATCHDOG=1")
            if again.is_set():
                again.clear()
                daemon = _reloaded(daemon, settings, reload)
        systemd.notify("STOPPING=1")
        clean = daemon.stop()
    if not clean:
        # Threads that hang in a dead server's answer cannot be ended; all they would still do is in the database.
        os._exit(0)


def _reloaded(daemon: Daemon, settings: Settings, reload: Callable[[], Settings]) -> Daemon:
    """A service that works by the new configuration; the same as before if that cannot be used."""
    try:
        new = reload()
        if new.database != settings.database:
            raise StoreError(f"data: {new.data}: another database needs a restart")
        fresh = Daemon(new)
        fresh.check()
    except TriageError as error:
        log.error("configuration_refused", reason=str(error), stays="the old one")
        return daemon
    systemd.notify(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")
    daemon.stop()
    fresh.start()
    systemd.notify("READY=1")
    log.info("configuration_reloaded")
    return fresh


def _many_connections() -> None:
    """As many open files as the system allows: each mailbox holds a connection, and the usual limit is 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, _MANY) if hard > 0 else _MANY, hard))


def run_once(settings: Settings) -> int:
    """Look at every mailbox once and deliver what is due, for cron; how many mailboxes failed."""
    with alone(settings.data):
        daemon = Daemon(settings)
        daemon.check()
        with ThreadPoolExecutor(settings.polling.workers) as pool:
            looked = list(pool.map(daemon.poll, settings.accounts))
            daemon.remind()
            daemon.watch()
            list(pool.map(daemon.deliver, settings.targets))
        daemon.write()
        daemon.beat()
        daemon.stop()
    return sum(result is None for result in looked)
