"""What a look at a mailbox does: sign in, find what is new in each folder, take it in batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from triage.config import Account, Settings
from triage.errors import ConfigError, FolderMissing, MailboxUnavailable, SignInRefused, TriageError
from triage.mail import cursor
from triage.mail.session import Folder, Session
from triage.pipeline import Verify, take_in_around_faults
from triage.store.connection import store_errors
from triage.store.transaction import transaction
from triage.telling import tell_owner
from triage.types import Batch, Decision
from triage.understand.classifier import Model

if TYPE_CHECKING:
    from sqlite_utils import Database

log = structlog.get_logger()

#: Called between batches; when it says True the look ends early. Nothing is lost: the cursor says where to go on.
Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at an account brought."""

    messages: int
    kept: int  # those that became or joined a case


def look(
    db: Database,
    account: Account,
    model: Model,
    settings: Settings,
    clock: Callable[[], datetime],
    stop: Stop = lambda: False,
    sessions: list[Session] | None = None,
    signatures: Verify | None = None,
    wake: Callable[[], None] = lambda: None,
) -> Looked:
    """Read everything new in all folders of one account.

    sessions: where the open session is put while it lasts, so that another thread can abort it.
    signatures: verifies the DKIM signatures of mail that no server has judged.
    wake: called when something may have been put into the outbox.

    Raises:
        MailboxUnavailable, SignInRefused, FolderMissing, ConfigError, StoreError: recorded in the cursor's row as well, and told to
            the owner when it lasts.
    """
    total = kept = 0
    folder_now = account.folders[0]
    missing: FolderMissing | None = None
    try:
        with Session(account, settings.polling) as session:
            if sessions is not None:
                sessions.append(session)
            for folder_now in account.folders:
                try:
                    for decisions in _folder(
                        db, session, account, folder_now, model, settings, clock, stop, signatures
                    ):
                        wake()
                        total += len(decisions)
                        kept += sum(decision.kept for decision in decisions)
                except FolderMissing as error:  # the folders behind it are read all the same
                    missing = error
                    _failed(db, account, folder_now, error, settings, clock())
                if stop():
                    break
    except (MailboxUnavailable, SignInRefused, ConfigError) as error:  # ConfigError: the password cannot be had now
        if not stop():
            _failed(db, account, folder_now, error, settings, clock())
        raise
    finally:
        wake()
        if sessions is not None:
            sessions.clear()
    if missing is not None:
        raise missing
    return Looked(total, kept)


def _folder(
    db: Database,
    session: Session,
    account: Account,
    name: str,
    model: Model,
    settings: Settings,
    clock: Callable[[], datetime],
    stop: Stop,
    signatures: Verify | None,
) -> Iterator[list[Decision]]:
    folder = session.open(name)
    uids, history_through = _new_uids(db, session, account, folder, settings, clock())
    old, new = [uid for uid in uids if uid <= history_through], [uid for uid in uids if uid > history_through]
    for part, history in ((old, True), (new, False)):
        for last_uid, messages in session.batches(part):
            batch = Batch(
                account=account.name,
                folder=name,
                uidvalidity=folder.uidvalidity,
                messages=messages,
                last_uid=last_uid,
                history=history,
            )
            started = clock()
            decisions = take_in_around_faults(db, batch, model, settings, started, signatures)
            took_ms = round((clock() - started).total_seconds() * 1000)
            log.info("batch_stored", account=account.name, folder=name, messages=len(messages), took_ms=took_ms)
            yield decisions
            if stop():
                return
    with store_errors(settings.database), transaction(db):
        _finished(db, account, name, settings, clock())


def _new_uids(
    db: Database, session: Session, account: Account, folder: Folder, settings: Settings, now: datetime
) -> tuple[list[int], int]:
    """What to read in a folder, and up to which UID it is history.

    A folder that was never read, or whose UIDVALIDITY changed, is read from some days back. After a change
    the mails that are known by their content open nothing again; the others are new, and alerted as new.
    """
    known = cursor.of(db, account.name, folder.name)
    back = account.history if account.history is not None else settings.polling.history
    if known is not None and known.uidvalidity == folder.uidvalidity:
        uids = session.uids_after(known.last_uid)
        if known.last_uid < known.history_through:
            recent = set(session.uids_since((now - back).date()))
            uids = [uid for uid in uids if uid in recent or uid > known.history_through]
        return uids, known.history_through
    first = known is None or known.uidvalidity == 0
    since = now - back
    if not first and known is not None:
        log.warning("uidvalidity_changed", account=account.name, folder=folder.name)
        since = min(since, known.last_success_at or since)
    uids = session.uids_since(since.date())
    before = uids[0] - 1 if uids else (folder.uidnext or max(session.uids_after(0), default=0) + 1) - 1
    history_through = max(uids[-1] if uids else before, folder.uidnext - 1) if first else 0
    with store_errors(settings.database), transaction(db):
        cursor.begin(
            db, account.name, folder.name, folder.uidvalidity, last_uid=before, history_through=history_through
        )
    return uids, history_through


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


def _failed(db: Database, account: Account, folder: str, error: TriageError, settings: Settings, now: datetime) -> None:
    """Remember a failure, and tell the owner when waiting will not mend it or has gone on too long."""
    with store_errors(settings.database), transaction(db):
        cursor.failed(db, account.name, folder, str(error), now)
        known = cursor.of(db, account.name, folder)
        assert known is not None
        assert known.failing_since is not None
        lasting = not error.temporary or now - known.failing_since >= settings.alerting.mailbox_down_after
        if lasting and not known.told_failing:
            key = f"mailbox_down:{account.name}:{folder}:{known.failing_since}"
            detail = {"account": account.name, "reason": str(error)}
            topic = f"mailbox:{account.name}/{folder}"
            tell_owner(db, account.name, "mailbox_down", key, settings, now, topic=topic, detail=detail)
            cursor.told_failing(db, account.name, folder)
