"""One thread that watches all connections that rest in IDLE, and wakes the mailbox in which something arrives."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger()

#: How long a look at the sockets takes when nothing happens, in seconds.
_PATIENCE = 1.0


class Watcher:
    """Reads nothing itself: whatever arrives, data or the end of the line, wakes the mailbox, which finds out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self.seen_at = time.monotonic()  # when it last came round, by the monotonic clock

    def start(self) -> None:
        """Begin."""
        # epoll and kqueue take changes from other threads while one waits in them.
        self._selector = selectors.DefaultSelector()
        self._end, self._ended = socket.socketpair()
        self._selector.register(self._ended, selectors.EVENT_READ, lambda: None)
        self._thread.start()

    def stop(self) -> None:
        """End; what rests is woken no more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._end.close()
            self._thread.join()
            self._selector.close()
            self._ended.close()

    def rest(self, line: socket.socket, woken: Callable[[], None]) -> None:
        """Watch a connection until something arrives, once."""
        if self._stopping.is_set():
            return
        with self._lock:
            self._selector.register(line, selectors.EVENT_READ, woken)

    def release(self, line: socket.socket) -> None:
        """Watch it no more; nothing happens if it was woken already."""
        with self._lock, contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(line)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.seen_at = time.monotonic()
            try:
                ready = self._selector.select(_PATIENCE)
            except OSError:  # a socket that was closed a moment ago
                continue
            for key, _ in ready:
                self.release(key.fileobj)  # type: ignore[arg-type]
                try:
                    key.data()
                except Exception:
                    log.exception("waking_failed")
