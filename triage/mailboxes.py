"""All mailboxes of a configuration, and what they share: workers, the watcher, each account's door."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from triage.config import Account, Settings
from triage.lanes import Lanes
from triage.mailbox import Door, Mailbox
from triage.polling import Looked, Looker
from triage.understand.classifier import Model
from triage.watcher import Watcher

#: A server may hold so large a part of the workers.
_A_LANE = 4
#: The watcher comes round every second; if it has not for so long, it hangs, in seconds.
_MISSED_S = 60.0


class Mailboxes:
    """Reads all of them, each as soon as something arrives in it and the servers and workers allow."""

    def __init__(
        self,
        settings: Settings,
        looker: Looker,
        model: Callable[[], Model | None],
        again_in: Callable[[Mailbox, float], None],
    ) -> None:
        workers = settings.polling.workers
        self._lanes = Lanes(workers, max(workers // _A_LANE, 1))
        self._watcher = Watcher()
        self._of = {
            account.name: self._made(account, Door(account), looker, model, again_in) for account in settings.accounts
        }

    def _made(
        self,
        account: Account,
        door: Door,
        looker: Looker,
        model: Callable[[], Model | None],
        again_in: Callable[[Mailbox, float], None],
    ) -> list[Mailbox]:
        return [
            Mailbox(account, folders, door, looker, self._lanes, self._watcher, model, again_in)
            for folders in account.groups
        ]

    def start(self) -> None:
        """Look at every mailbox, and from then on whenever there is reason to."""
        self._watcher.start()
        for mailbox in self._all():
            mailbox.ask()

    def read(self, account: str) -> Looked | None:
        """Read all that is new in an account now, in this thread; None if something of it could not be read."""
        looked = []
        for mailbox in self._of[account]:
            looked.append(mailbox.look())
            mailbox.close()
        read = [each for each in looked if each is not None]
        return sum(read, Looked(0, 0, False)) if len(read) == len(looked) else None

    def stop(self, limit: float) -> bool:
        """End within so many seconds; whether every look reached a safe point."""
        self._lanes.stop()
        self._watcher.stop()
        for mailbox in self._all():
            mailbox.stop()
        # A thread that hangs in a name server's silence can be waited for, not ended.
        ending = threading.Thread(target=self._lanes.ended, daemon=True)
        ending.start()
        ending.join(limit)
        if not ending.is_alive():
            for mailbox in self._all():
                mailbox.close()
        return not ending.is_alive()

    def alive(self) -> bool:
        """Whether the watcher still comes round."""
        return time.monotonic() - self._watcher.seen_at < _MISSED_S

    def _all(self) -> list[Mailbox]:
        return [mailbox for mailboxes in self._of.values() for mailbox in mailboxes]
