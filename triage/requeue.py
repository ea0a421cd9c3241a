"""Messages that were put aside, tried again: after an upgrade, or because the server gives them now."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from triage.cases import messages
from triage.config import Settings
from triage.errors import TriageError, UsageError
from triage.judging import judge
from triage.mail import quarantine
from triage.mail.quarantine import SetAside
from triage.mail.session import Session
from triage.pipeline import kept, recipient
from triage.store.connection import store_errors
from triage.store.transaction import transaction
from triage.types import Batch, RawMessage, Unreadable
from triage.understand.classifier import Model

if TYPE_CHECKING:
    from sqlite_utils import Database


def retry(db: Database, aside: SetAside, model: Model, settings: Settings, now: datetime) -> str:
    """Judge a message again as if it had just come; why it still cannot be, empty if it could.

    Raises:
        UsageError: its account is no longer configured.
        MailboxUnavailable, SignInRefused: it has to be fetched first, and cannot be.
    """
    if settings.account(aside.account) is None:
        raise UsageError(f"{aside.account}: is no longer configured; its messages cannot be judged")
    message = RawMessage(uid=aside.uid, raw=aside.raw, received_at=aside.received_at, size_bytes=len(aside.raw))
    if not aside.raw:
        message = _fetched(aside, settings)
    batch = Batch(
        account=aside.account,
        folder=aside.folder,
        uidvalidity=aside.uidvalidity,
        messages=(message,),
        last_uid=aside.uid,
        history=False,
    )
    reason = ""
    try:
        judged = judge(batch.messages, recipient(db, aside.account, settings, None), model)
        if isinstance(judged[0].mail, Unreadable):
            reason = judged[0].mail.reason
    except TriageError:
        raise
    except Exception as error:
        reason = f"a fault of Triage: {type(error).__name__}"
    with store_errors(settings.database), transaction(db):
        if reason:
            quarantine.still(db, aside.id, reason)
            return reason
        messages.forget_quarantined(db, aside.account, aside.folder, aside.uidvalidity, aside.uid)
        quarantine.remove(db, aside.id)
        kept(db, batch, judged, settings, now)
    return ""


def _fetched(aside: SetAside, settings: Settings) -> RawMessage:
    account = settings.account(aside.account)
    assert account is not None
    gone = RawMessage(
        uid=aside.uid, raw=b"", received_at=aside.received_at, size_bytes=0, fault="it is no longer in the mailbox"
    )
    with Session(account, settings.polling) as session:
        if session.open(aside.folder).uidvalidity != aside.uidvalidity:
            return gone
        found = [message for _, batch in session.batches([aside.uid]) for message in batch]
    return replace(found[0], received_at=aside.received_at) if found else gone
