"""One service on one database: two would send everything twice."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from triage.errors import StoreError

#: A service that is just ending gets so long, in seconds.
_PATIENCE_S = 1.0


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Hold the data folder for this process, until the block ends or the process dies.

    Raises:
        StoreError: another process holds it, or the folder cannot be written to.
    """
    path = data / "triage.lock"
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = path.open("w")
    except OSError as error:
        raise StoreError(f"{data}: cannot be written to: {error.strerror}; set data in the configuration") from error
    with lock:
        deadline = time.monotonic() + _PATIENCE_S
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
