"""What a mail does: one batch, from bytes to stored cases and queued alerts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog

from triage import replies
from triage.advice.limits import assumed
from triage.cases import matching, messages
from triage.config import Account, Settings
from triage.errors import TriageError
from triage.labels import SenderVerdict
from triage.mail import cursor, quarantine, reading, receiving
from triage.store.connection import store_errors
from triage.store.moments import stored
from triage.store.transaction import transaction
from triage.telling import tell_case, tell_owner
from triage.types import Batch, Decision, Mail, RawMessage, Unreadable
from triage.understand.classifier import Model
from triage.understand.decide import decide

if TYPE_CHECKING:
    from sqlite_utils import Database

log = structlog.get_logger()

#: Verifies a raw mail's DKIM signatures; returns the domains whose signature holds.
Verify = Callable[[bytes], tuple[str, ...]]


def take_in(
    db: Database,
    batch: Batch,
    model: Model,
    settings: Settings,
    now: datetime,
    signatures: Verify | None = None,
) -> list[Decision]:
    """Bring one batch of mail from bytes to stored cases and queued alerts.

    The cursor moves in the same transaction as all that the mails led to: after a crash the batch is there
    whole, or it comes again whole. Returns the decisions on what could be read, in UID order.

    Raises:
        StoreError: nothing of the batch is kept; it will come again.
    """
    account = settings.account(batch.account)
    assert account is not None, "a batch belongs to a configured account"
    recipient = _recipient(db, account, settings, signatures)
    readings = [(message, read(message, recipient)) for message in batch.messages]
    own = {
        message.uid: case
        for message, mail in readings
        if isinstance(mail, Mail) and (case := replies.about(mail, settings)) is not None
    }
    mails = [(message, mail) for message, mail in readings if isinstance(mail, Mail) and message.uid not in own]
    unreadable = [(message, reason) for message, reason in readings if isinstance(reason, Unreadable)]
    decisions = [
        replace(decision, store=decision.store or account.store)
        for decision in understood(
            [mail for _, mail in mails],
            model,
            [message.received_at for message, _ in mails],
            settings.zone_for(batch.account),
        )
    ]
    with store_errors(settings.database), transaction(db):
        for (message, mail), decision in zip(mails, decisions, strict=True):
            event = matching.record(db, batch, message, mail, decision, now)
            if event and not batch.history:
                tell_case(db, event, settings, now)
        for message, what in readings:
            if isinstance(what, Mail) and message.uid in own:
                replies.take(db, batch, message, what, own[message.uid], now)
        for message, fault in unreadable:
            _put_aside(db, batch, message, fault, settings, now)
        receiving.note(db, account.name, [mail for _, mail in mails])
        cursor.advance(db, batch)
    return decisions


def understood(
    mails: Sequence[Mail], model: Model, moments: Sequence[datetime], zone: ZoneInfo, *, explain_all: bool = False
) -> list[Decision]:
    """One decision for each mail; a warning that sets no limit has the usual one of its cause, marked as assumed."""
    decisions = decide(mails, model, moments, zone, explain_all=explain_all)
    return [
        replace(
            decision,
            deadline=assumed(decision.cause, decision.platform, decision.stage, min(mail.sent_at or moment, moment)),
        )
        if decision.warning and decision.deadline is None and decision.sender is not SenderVerdict.FORGED
        else decision
        for decision, mail, moment in zip(decisions, mails, moments, strict=True)
    ]


def take_in_around_faults(
    db: Database,
    batch: Batch,
    model: Model,
    settings: Settings,
    now: datetime,
    signatures: Verify | None = None,
) -> list[Decision]:
    """take_in(), and where one message breaks it, the others all the same: that one is put aside.

    A fault of ours in one message must not stop the folder behind it for ever.

    Raises:
        StoreError: nothing of what was left of the batch is kept; it will come again.
    """
    try:
        return take_in(db, batch, model, settings, now, signatures)
    except TriageError:
        raise
    except Exception as error:
        if len(batch.messages) != 1:
            ones = [replace(batch, messages=(message,), last_uid=message.uid) for message in batch.messages]
            decisions = [d for one in ones for d in take_in_around_faults(db, one, model, settings, now, signatures)]
            # The cursor, behind what was expunged.
            take_in(db, replace(batch, messages=()), model, settings, now)
            return decisions
        log.exception("message_put_aside", account=batch.account, folder=batch.folder, uid=batch.last_uid)
        message = batch.messages[0]
        fault = Unreadable(hashlib.sha256(message.raw).hexdigest(), f"a fault of Triage: {type(error).__name__}")
        with store_errors(settings.database), transaction(db):
            _put_aside(db, batch, message, fault, settings, now)
            cursor.advance(db, batch)
        return []


def read(message: RawMessage, recipient: reading.Recipient) -> Mail | Unreadable:
    """One raw message as a Mail, read for whoever receives it."""
    return reading.read(message.raw, recipient, size_bytes=message.size_bytes)


def _recipient(db: Database, account: Account, settings: Settings, signatures: Verify | None) -> reading.Recipient:
    return reading.Recipient(
        account.auth_server or receiving.learned(db, account.name),
        account.forwarders,
        settings.zone_for(account.name),
        signatures,
    )


def _put_aside(
    db: Database, batch: Batch, message: RawMessage, what: Unreadable, settings: Settings, now: datetime
) -> None:
    if messages.seen(db, batch, message.uid):
        return
    messages.insert(db, batch, message, digest=what.digest, outcome="quarantined")
    quarantine.keep(db, batch, message, what.reason)
    detail = {
        "account": batch.account,
        "reason": what.reason,
        "folder": batch.folder,
        "uid": message.uid,
        "received": stored(message.received_at)[:16].replace("T", " "),
    }
    key = f"quarantine:{batch.account}:{batch.folder}:{batch.uidvalidity}:{message.uid}"
    tell_owner(db, batch.account, "quarantined", key, settings, now, detail=detail)
