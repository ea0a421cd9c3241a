"""Messages that may have taken the service with them, when the libraries that read them crashed and not only failed.

Before messages are judged in the service's own process, their UIDs are noted in a small file, which goes away when they
are judged. A file that is still there at the next start names suspects: these are judged one by one in processes of
their own, where a crash is one message's and not everybody's.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from triage.types import Batch


class Suspects:
    """What the last run was judging when it died, and what this one is judging."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = set(_left(folder))

    def among(self, batch: Batch) -> bool:
        """Whether a message of a batch is one."""
        return bool(self._known) and any(
            (batch.account, batch.folder, batch.uidvalidity, message.uid) in self._known for message in batch.messages
        )

    @contextlib.contextmanager
    def noted(self, batch: Batch) -> Iterator[None]:
        """Remember what is being judged here, beyond this process's end. Where nothing can be written, nothing is."""
        path = self._folder / f"{os.getpid()}-{threading.get_ident()}.json"
        uids = [message.uid for message in batch.messages]
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_text(json.dumps([batch.account, batch.folder, batch.uidvalidity, uids]), encoding="utf-8")
        except OSError:  # a full disk stops other things first
            yield
            return
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _left(folder: Path) -> Iterable[tuple[str, str, int, int]]:
    """What the files of an earlier run name; they are taken away."""
    for path in list(folder.glob("*.json")) if folder.is_dir() else ():
        with contextlib.suppress(OSError, ValueError, TypeError):
            account, name, uidvalidity, uids = json.loads(path.read_text(encoding="utf-8"))
            yield from ((account, name, uidvalidity, uid) for uid in uids)
        path.unlink(missing_ok=True)
