"""What a look at a mailbox does: find what is new in each folder, take it in batch by batch, new mail before old."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from triage import teaching
from triage.cases import messages
from triage.config import Account, Settings
from triage.errors import ConfigError, FolderMissing, MailboxUnavailable, MarkingRefused, SignInRefused, TriageError
from triage.judges import PILE, Judges
from triage.judging import Judged
from triage.labels import Cause
from triage.mail import cursor, marking
from triage.mail.session import Folder, Session
from triage.pipeline import Verify, recipient, store_around_faults
from triage.store.connection import store_errors
from triage.store.transaction import transaction
from triage.telling import tell_owner
from triage.types import Batch, RawMessage
from triage.understand.classifier import Model
from triage.watching import trouble

if TYPE_CHECKING:
    from sqlite_utils import Database

log = structlog.get_logger()

#: Called between batches; when it says True the look ends early. Nothing is lost: the cursor says where to go on.
Stop = Callable[[], bool]

#: While older mail is worked through, it is asked this often whether new mail has come, in seconds.
_NEW_EVERY_S = 1.0
#: Folders of corrections are looked at this often at most, in seconds.
_CORRECTIONS_EVERY_S = 60.0
#: How often the log says how far the older mail is, in seconds.
_PROGRESS_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at an account brought."""

    messages: int
    kept: int  # those that became or joined a case
    more: bool  # it was ended early: there is more to be read

    def __add__(self, other: Looked) -> Looked:
        return Looked(self.messages + other.messages, self.kept + other.kept, self.more or other.more)


@dataclass(frozen=True, slots=True)
class Looker:
    """What every look needs."""

    settings: Settings
    judges: Judges
    clock: Callable[[], datetime]
    signatures: Verify | None  # verifies the DKIM signatures of mail that no server has judged
    wake: Callable[[], None]  # called when something may have been put into the outbox

    def look(
        self,
        db: Database,
        account: Account,
        model: Model,
        session: Session,
        folders: Sequence[str] = (),
        stop: Stop = lambda: False,
        connect: Callable[[], None] | None = None,
        slice_s: float = math.inf,
    ) -> Looked:
        """Read everything new in some folders of an account; in all of them if none are named.

        session: where it is not connected, connect() is called, its own if none is given.
        slice_s: after so many seconds the look ends early too.

        Raises:
            MailboxUnavailable, SignInRefused, FolderMissing, ConfigError, StoreError: recorded in the cursor's row as well, and
                told to the owner when it lasts.
        """
        total = Looked(0, 0, False)
        names = folders or account.folders
        name = names[0]
        missing: FolderMissing | None = None
        try:
            if not session.connected:
                (connect or session.connect)()
            until = time.monotonic() + slice_s
            enough: Stop = lambda: stop() or time.monotonic() > until  # noqa: E731
            for name in names:
                try:
                    total += _Reading(self, db, account, model, session, name, enough).everything()
                except FolderMissing as error:  # the folders behind it are read all the same
                    missing = error
                    self.failed(db, account, name, error)
                if stop():
                    break
            if account.corrections and account.folders[0] in names:
                for said, name in self._said(session, account):
                    total += _Reading(self, db, account, model, session, name, enough, said).everything()
        except (MailboxUnavailable, SignInRefused, ConfigError) as error:  # ConfigError: the password cannot be had now
            if not stop():
                self.failed(db, account, name, error)
            raise
        finally:
            self.wake()
        if missing is not None:
            raise missing
        return total

    def _said(self, session: Session, account: Account) -> list[tuple[Cause, str]]:
        """The folders into which mails are moved to say what they are, asked for now and then."""
        if time.monotonic() - session.corrections_at < _CORRECTIONS_EVERY_S:
            return []
        session.corrections_at = time.monotonic()
        there = session.folders_below(account.corrections)
        return [(Cause(name), whole) for name, whole in there.items() if name in set(Cause)]

    def failed(self, db: Database, account: Account, folder: str, error: TriageError) -> None:
        """Remember a failure, and tell the owner when waiting will not mend it or has gone on too long."""
        now = self.clock()
        with store_errors(self.settings.database), transaction(db):
            cursor.failed(db, account.name, folder, str(error), now)
            known = cursor.of(db, account.name, folder)
            assert known is not None
            assert known.failing_since is not None
            lasting = not error.temporary or now - known.failing_since >= self.settings.alerting.mailbox_down_after
            if lasting and not known.told_failing:
                key = f"mailbox_down:{account.name}:{folder}:{known.failing_since}"
                detail = {"account": account.name, "reason": str(error)}
                topic = f"mailbox:{account.name}/{folder}"
                tell_owner(db, account.name, "mailbox_down", key, self.settings, now, topic=topic, detail=detail)
                cursor.told_failing(db, account.name, folder)


@dataclass(slots=True)
class _Reading:
    """One folder during one look."""

    looker: Looker
    db: Database
    account: Account
    model: Model
    session: Session
    name: str
    stop: Stop
    said: Cause | None = None  # what the mails of this folder are, as their owner says
    read: int = 0
    kept: int = 0
    pile: int = 0  # so many were there to be read
    last_uid: int = 0  # new mail up to it was asked for
    asked_at: float = 0.0  # when it was last asked whether there is more of it
    told_at: float = 0.0

    def everything(self) -> Looked:
        """All that is new; then what is old, for which new mail does not wait."""
        folder = self.session.open(self.name)
        settings, clock = self.looker.settings, self.looker.clock
        if self.said is not None:
            _begun_to_correct(self.db, self.account, folder, settings)
        known = _started(self.db, self.session, self.account, folder, settings, clock())
        self.last_uid = known.last_uid
        new = self.session.uids_after(known.last_uid)
        old: list[int] = []
        if known.history_uid < known.history_through:
            there = self.session.uids_since((clock() - _back(self.account, settings)).date())
            old = [uid for uid in there if known.history_uid < uid <= known.history_through]
        self.pile = len(new) + len(old)
        self.asked_at = self.told_at = time.monotonic()
        if self.pile > settings.polling.batch:
            with store_errors(settings.database), transaction(self.db):
                cursor.counted(self.db, self.account.name, self.name, self.pile)
        ended = self._take(folder, new, history=False) and self._take(folder, old, history=True)
        if ended:
            with store_errors(settings.database), transaction(self.db):
                _finished(self.db, self.account, self.name, settings, clock())
        if self.account.then and self.said is None:
            self._mark(folder)
        if self.account.corrections and self.said is None:
            self._learn_keywords(folder)
        return Looked(self.read, self.kept, not ended)

    def _take(self, folder: Folder, uids: Sequence[int], *, history: bool) -> bool:
        """Take messages in, some batches fetched ahead of what is being judged; False if it was ended early."""
        pile = len(uids) > PILE
        under_way: deque[Callable[[], None]] = deque()
        ended = True
        for batch in self._batches(folder, uids, history=history):
            under_way.append(self._begun(batch, pile=pile))
            if len(under_way) > (self.looker.judges.ahead if pile else 0):
                under_way.popleft()()
            if self.stop():
                ended = False
                break
            if history and time.monotonic() - self.asked_at > _NEW_EVERY_S:
                self.session.rise()  # a server looks for what came only when it is asked for nothing else
                self._take(folder, self.session.uids_after(self.last_uid), history=False)
                self.asked_at = time.monotonic()
        for store in under_way:
            store()
        return ended

    def _mark(self, folder: Folder) -> None:
        """Do in the mailbox what the configuration asks for."""
        account, settings = self.account, self.looker.settings
        uids = marking.due(self.db, account.name, self.name, folder.uidvalidity)
        if not uids:
            return
        reason = ""
        try:
            self.session.mark(self.name, folder.uidvalidity, uids, account.then)
        except MarkingRefused as error:
            reason = str(error)
        detail = {"account": account.name, "reason": reason}
        with store_errors(settings.database), transaction(self.db):
            if not reason:
                marking.done(self.db, account.name, self.name, folder.uidvalidity, uids)
            topic = f"then:{account.name}"
            trouble(self.db, topic, "marking_down", "marking_up", bool(reason), detail, settings, self.looker.clock())

    def _learn_keywords(self, folder: Folder) -> None:
        """Mails that were given a keyword that says what they are."""
        names = {flag.lower() for flag in folder.flags}
        for cause in Cause:
            keyword = teaching.keyword(self.account, cause)
            if keyword.lower() not in names:
                continue
            for uid in self.session.with_keyword(keyword):
                message = messages.number(self.db, self.account.name, self.name, folder.uidvalidity, uid)
                if message is None or teaching.is_said(self.db, message, cause):
                    continue
                raw = [each.raw for _, batch in self.session.batches([uid]) for each in batch]
                with store_errors(self.looker.settings.database), transaction(self.db):
                    teaching.marked(self.db, message, cause, raw[0] if raw else b"", self.account, self.looker.clock())

    def _batches(self, folder: Folder, uids: Sequence[int], *, history: bool) -> Iterator[Batch]:
        for last_uid, found in self.session.batches(uids):
            if not history:
                self.last_uid = max(self.last_uid, last_uid)
            yield Batch(
                account=self.account.name,
                folder=self.name,
                uidvalidity=folder.uidvalidity,
                messages=found,
                last_uid=last_uid,
                history=history,
                said=self.said,
            )

    def _begun(self, batch: Batch, *, pile: bool) -> Callable[[], None]:
        """Have a batch judged; what is given waits for that, and stores it."""
        looker = self.looker
        known = recipient(self.db, self.account.name, looker.settings, looker.signatures)
        judged = looker.judges.begin(batch, known, self.model, pile=pile)

        def again(messages: Sequence[RawMessage]) -> Sequence[Judged]:
            return looker.judges.again(messages, known, self.model)

        def store() -> None:
            started = time.monotonic()
            decisions = store_around_faults(self.db, batch, judged, again, looker.settings, looker.clock())
            looker.wake()
            self.read += len(decisions)
            self.kept += sum(decision.kept for decision in decisions)
            took_ms = round((time.monotonic() - started) * 1000)
            log.debug(
                "batch_stored",
                account=batch.account,
                folder=batch.folder,
                messages=len(batch.messages),
                took_ms=took_ms,
            )
            if time.monotonic() - self.told_at > _PROGRESS_EVERY_S:
                self.told_at = time.monotonic()
                log.info("reading", account=batch.account, folder=batch.folder, read=self.read, of=self.pile)

        return store


def _back(account: Account, settings: Settings) -> timedelta:
    """How old a mail may be to be read as history."""
    return account.history if account.history is not None else settings.polling.history


def _begun_to_correct(db: Database, account: Account, folder: Folder, settings: Settings) -> None:
    """Of a folder into which mails are moved, all count, however old."""
    known = cursor.of(db, account.name, folder.name)
    if known is None or known.uidvalidity != folder.uidvalidity:
        with store_errors(settings.database), transaction(db):
            cursor.begin(db, account.name, folder.name, folder.uidvalidity, last_uid=0, history_through=0)
            cursor.history_told(db, account.name, folder.name)  # it has none: its mails were told of where they came


def _started(
    db: Database, session: Session, account: Account, folder: Folder, settings: Settings, now: datetime
) -> cursor.Cursor:
    """Where the reading of a folder stands.

    A folder that was never read, or whose UIDVALIDITY changed, is read from some days back. After a change
    the mails that are known by their content open nothing again; the others are new, and alerted as new.
    """
    known = cursor.of(db, account.name, folder.name)
    if known is not None and known.uidvalidity == folder.uidvalidity:
        return known
    first = known is None or known.uidvalidity == 0
    since = now - _back(account, settings)
    if not first and known is not None:
        log.warning("uidvalidity_changed", account=account.name, folder=folder.name)
        since = min(since, known.last_success_at or since)
    uids = session.uids_since(since.date())
    before = uids[0] - 1 if uids else (folder.uidnext or max(session.uids_after(0), default=0) + 1) - 1
    there = folder.uidnext - 1 if folder.uidnext else uids[-1] if uids else before  # before the folder was opened
    history_through = there if first else 0
    with store_errors(settings.database), transaction(db):
        cursor.begin(
            db, account.name, folder.name, folder.uidvalidity, last_uid=before, history_through=history_through
        )
    begun = cursor.of(db, account.name, folder.name)
    assert begun is not None
    return begun


def _finished(db: Database, account: Account, folder: str, settings: Settings, now: datetime) -> None:
    """The folder was read to its end: note it, sum up its history once, say that it is well again if it was not."""
    known = cursor.of(db, account.name, folder)
    topic = f"mailbox:{account.name}/{folder}"
    if known is not None and not known.history_told:
        count = _open_history(db, account.name, folder)
        if count:
            detail = {"account": account.name, "folder": folder, "count": count}
            key = f"history:{account.name}:{folder}"
            tell_owner(db, account.name, "history", key, settings, now, detail=detail)
        cursor.history_told(db, account.name, folder)
    if known is not None and known.told_failing:
        key = f"mailbox_up:{account.name}:{folder}:{known.failing_since}"
        tell_owner(db, account.name, "mailbox_up", key, settings, now, topic=topic, detail={"account": account.name})
    cursor.succeeded(db, account.name, folder, now)


def _open_history(db: Database, account: str, folder: str) -> int:
    row = db.execute(
        """SELECT count(DISTINCT cases.id) FROM cases JOIN messages ON messages.case_id = cases.id
           WHERE cases.account = ? AND messages.folder = ? AND history = 1 AND status = 'open'""",
        [account, folder],
    ).fetchone()
    return int(row[0])
