"""One connection of an account: kept open, resting in IDLE where the server knows it, looked at when woken or when it is time."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Sequence

import structlog

from triage.config import Account
from triage.errors import ConfigError, FolderMissing, SignInRefused, TriageError
from triage.lanes import Lanes
from triage.mail.session import Session
from triage.polling import Looked, Looker
from triage.store.connection import opened
from triage.understand.classifier import Model
from triage.watcher import Watcher

log = structlog.get_logger()

#: After so long a look ends for a while, so that others of its lane have their turn, in seconds.
SLICE_S = 3.0
#: A connection that did not last so long is not built again at once, in seconds.
_SHORT_S = 20.0
#: After a failure: the first pause and the longest, in seconds. Each is twice the one before, and shortened by chance,
#: so that a thousand mailboxes do not come back to a restarted server at the same moment.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 4.0, 900.0


#: A number between 0 and 1.
_chance = random.SystemRandom().random


def pause(failures: int, chance: Callable[[], float] = _chance) -> float:
    """Seconds until the next try after so many failures in a row."""
    return min(FIRST_PAUSE_S * 2.0 ** min(failures - 1, 20), LONGEST_PAUSE_S) * (0.5 + chance() / 2)


class Door:
    """How an account is entered. A password that was refused is not tried again, by none of its connections."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._refused: str | None = None
        self._lock = threading.Lock()

    def shut(self) -> bool:
        """Whether the password there is was refused."""
        try:
            return self._refused is not None and self._refused == self._credential()
        except ConfigError:
            return False  # the sign-in says so

    def enter(self, session: Session) -> None:
        """Sign in; one connection at a time, so that a wrong password is tried once.

        Raises:
            SignInRefused, MailboxUnavailable, ConfigError: see Session.connect().
        """
        with self._lock:
            if self.shut():
                raise SignInRefused(f"{self._account.name}: sign-in refused; waiting for another password")
            try:
                session.connect()
            except SignInRefused:
                self._refused = self._credential()
                raise
            self._refused = None

    def _credential(self) -> str:
        """What was refused: the password, or the sign-in whose tokens are kept."""
        if self._account.sign_in == "password":
            return self._account.secret.reveal()
        try:
            return str(self._account.tokens.stat().st_mtime_ns)
        except OSError:
            return ""


class Mailbox:
    """Some folders of an account and the connection over which they are read; it rests in the first of them."""

    def __init__(
        self,
        account: Account,
        folders: Sequence[str],
        door: Door,
        looker: Looker,
        lanes: Lanes,
        watcher: Watcher,
        model: Callable[[], Model | None],
        again_in: Callable[[Mailbox, float], None],
    ) -> None:
        """again_in: called at the end of every look; asks for the next one in so many seconds."""
        self.account, self.folders = account, tuple(folders)
        self._door, self._looker, self._lanes, self._watcher = door, looker, lanes, watcher
        self._model, self._again_in = model, again_in
        self._session = Session(account, looker.settings.polling)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._asked = self._woken = False
        self._failures = 0
        self._connected_at = 0.0

    @property
    def name(self) -> str:
        """The account and the folder it rests in."""
        return f"{self.account.name}/{self.folders[0]}"

    def ask(self) -> None:
        """Look at it as soon as a worker is free."""
        with self._lock:
            if self._asked:
                self._woken = True  # it has just begun to rest, and its worker is still on the way out
                return
            self._asked = True
        self._lanes.ask(self.account.host, self._turn)

    def stop(self) -> None:
        """End at the next safe point, from another thread."""
        self._stopping.set()
        self._session.abort()

    def close(self) -> None:
        """Sign out; no look is under way any more."""
        self._release()
        self._session.close(politely=not self._stopping.is_set())

    def _turn(self) -> None:
        """A worker's turn with this mailbox."""
        wait = self._every
        try:
            looked = self.look(SLICE_S)
            wait = self._after(looked)
        finally:
            with self._lock:
                if self._woken:
                    wait = 0.0
                self._asked = self._woken = False
            if not self._stopping.is_set():
                self._again_in(self, wait) if wait else self.ask()

    def look(self, slice_s: float = math.inf) -> Looked | None:
        """Look at it now, for so long at most; None if that failed. A failure stays with this mailbox."""
        try:
            model = self._model()
            if model is None or self._stopping.is_set() or self._door.shut():
                self._failures = 0  # nothing was tried: no reason to come back sooner, or later, than usual
                return None
            self._wake_up()
            with opened(self._looker.settings.database) as db:
                looked = self._looker.look(
                    db, self.account, model, self._session, self.folders, self._stopping.is_set, self._connect, slice_s
                )
            self._failures = 0
            if looked.messages:
                log.info("mailbox_read", account=self.account.name, messages=looked.messages, kept=looked.kept)
            return looked
        except FolderMissing as error:  # the others were read
            log.warning("folder_missing", mailbox=self.name, reason=str(error))
            self._session.close()
        except TriageError as error:
            self._failed(str(error), temporary=error.temporary)
        except Exception as error:
            log.exception("mailbox_failed", mailbox=self.name)
            self._failed(type(error).__name__, temporary=True)
        return None

    def _after(self, looked: Looked | None) -> float:
        """Rest, if there is nothing more to be done; in how many seconds to look again, 0 for at once."""
        if looked is None:
            return pause(self._failures) if self._failures else self._every
        if looked.more or looked.messages:
            return 0.0  # what came while these were fetched was announced then, and is not announced again
        try:
            if self.folders[1:]:
                self._session.open(self.folders[0])
            if self._session.idle():
                return 0.0
            if self._session.idling:
                self._watcher.rest(self._session.line, self.ask)
        except TriageError as error:
            self._failed(str(error), temporary=error.temporary)
            return pause(self._failures)
        # What is in the other folders of a connection is known only by looking.
        relaxed = self._session.idling and not self.folders[1:]
        wait = self._looker.settings.polling.renew.total_seconds() if relaxed else self._every
        return wait * (0.75 + _chance() / 4)  # a thousand that began together must not come back together

    def _connect(self) -> None:
        self._door.enter(self._session)
        self._connected_at = time.monotonic()

    def _wake_up(self) -> None:
        """Find out whether the connection that was kept is still one.

        Raises:
            MailboxUnavailable: it was lost as soon as it was made; it is not made again at once.
        """
        self._release()
        with self._lock:
            self._woken = False
        if not self._session.connected:
            return
        try:
            self._session.rise()
        except TriageError as error:
            self._session.close(politely=False)
            lasted = time.monotonic() - self._connected_at
            log.info("connection_lost", mailbox=self.name, lasted_s=round(lasted), reason=str(error))
            if lasted < _SHORT_S:
                raise

    def _release(self) -> None:
        if self._session.idling:
            self._watcher.release(self._session.line)

    def _failed(self, reason: str, *, temporary: bool) -> None:
        self._release()
        self._session.close(politely=False)
        self._failures += 1
        if not self._stopping.is_set():
            log.warning(
                "mailbox_failed", mailbox=self.name, reason=reason, temporary=temporary, failures=self._failures
            )

    @property
    def _every(self) -> float:
        return self._looker.settings.polling.every.total_seconds()
