"""Workers for looks at mailboxes, with a lane for each mail server: one that hangs holds up only those behind it."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

log = structlog.get_logger()

Work = Callable[[], None]


class Lanes:
    """Does what it is given, in order within a lane, by turns between lanes, never all workers in one lane."""

    def __init__(self, workers: int, a_lane: int) -> None:
        """workers: threads in all; a_lane: how many of them one lane may hold."""
        self._free = workers
        self._a_lane = a_lane
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="look")
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, deque[Work]] = OrderedDict()
        self._held: dict[str, int] = {}
        self._stopped = False

    def ask(self, lane: str, work: Work) -> None:
        """Have something done as soon as its lane and a worker are free."""
        with self._lock:
            self._waiting.setdefault(lane, deque()).append(work)
            self._assign()

    def stop(self) -> None:
        """Begin nothing more."""
        with self._lock:
            self._stopped = True
            self._waiting.clear()

    def ended(self) -> None:
        """Wait until everything that was begun has ended."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _assign(self) -> None:
        """Give the free workers something to do; the lane that was served goes to the end of the row."""
        for lane in list(self._waiting):
            if self._stopped or not self._free:
                return
            if self._held.get(lane, 0) >= self._a_lane:
                continue
            work = self._waiting[lane].popleft()
            if self._waiting[lane]:
                self._waiting.move_to_end(lane)
            else:
                del self._waiting[lane]
            self._free -= 1
            self._held[lane] = self._held.get(lane, 0) + 1
            self._pool.submit(self._do, lane, work)

    def _do(self, lane: str, work: Work) -> None:
        try:
            work()
        except Exception:
            log.exception("look_failed")
        finally:
            with self._lock:
                self._free += 1
                self._held[lane] -= 1
                if not self._held[lane]:
                    del self._held[lane]
                self._assign()
