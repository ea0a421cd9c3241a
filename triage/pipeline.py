"""What a mail does: one batch, from bytes to stored cases and queued alerts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from triage import drift, replies, teaching
from triage.cases import matching, messages
from triage.config import Settings
from triage.errors import TriageError
from triage.judging import Judged, judge
from triage.labels import SenderVerdict
from triage.mail import cursor, marking, quarantine, reading, receiving
from triage.store.connection import store_errors
from triage.store.moments import stored
from triage.store.transaction import transaction
from triage.telling import tell_case, tell_owner
from triage.types import Batch, Decision, Mail, RawMessage, Unreadable
from triage.understand.classifier import Model

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
    """Bring one batch of mail from bytes to stored cases and queued alerts: judge(), then store().

    Raises:
        StoreError: nothing of the batch is kept; it will come again.
    """
    judged = judge(batch.messages, recipient(db, batch.account, settings, signatures), model)
    return store(db, batch, judged, settings, now)


def store(db: Database, batch: Batch, judged: Sequence[Judged], settings: Settings, now: datetime) -> list[Decision]:
    """Store what was made of a batch, and queue the alerts it leads to.

    The cursor moves in the same transaction as all that the mails led to: after a crash the batch is there
    whole, or it comes again whole. Returns the decisions on what could be read, in UID order; own alerts that
    came back are no mail to be judged.

    Raises:
        StoreError: nothing of the batch is kept; it will come again.
    """
    with store_errors(settings.database), transaction(db):
        return kept(db, batch, judged, settings, now)


def kept(db: Database, batch: Batch, judged: Sequence[Judged], settings: Settings, now: datetime) -> list[Decision]:
    """What store() does, within the transaction of whoever calls it."""
    account = settings.account(batch.account)
    assert account is not None, "a batch belongs to a configured account"
    decisions: list[Decision] = []
    counted: list[Mail] = []
    ordinary: list[tuple[RawMessage, Mail, Decision]] = []
    for message, each in zip(batch.messages, judged, strict=True):
        if isinstance(each.mail, Unreadable):
            _put_aside(db, batch, message, each.mail, settings, now)
        elif (case := replies.about(each.mail, settings)) is not None:
            replies.take(db, batch, message, each.mail, case, now)
        elif each.decision is not None and not each.decision.kept:
            ordinary.append((message, each.mail, each.decision))
            decisions.append(each.decision)
            counted.append(each.mail)
        elif each.decision is not None:
            decision = replace(each.decision, store=each.decision.store or account.store)
            event = matching.record(db, batch, message, each.mail, decision, now)
            if event:
                log.info(
                    f"case_{event.kind}",
                    case=event.case_id,
                    account=batch.account,
                    folder=batch.folder,
                    uid=message.uid,
                    message_id=each.mail.message_id[:200],
                )
            if event and not batch.history and batch.said is None:
                tell_case(db, event, settings, now)
            if event and account.then and decision.warning and decision.sender is not SenderVerdict.FORGED:
                marking.add(db, batch, message.uid)
            decisions.append(decision)
            counted.append(each.mail)
    messages.insert_ordinary(db, batch, ordinary)
    if batch.said is not None:
        read = [(message, each.mail) for message, each in zip(batch.messages, judged, strict=True)]
        teaching.moved(db, batch, [pair for pair in read if isinstance(pair[1], Mail)], account, now)  # type: ignore[misc]
    receiving.note(db, account.name, counted)
    drift.note(db, account.name, decisions, now)
    cursor.advance(db, batch)
    return decisions


def store_around_faults(
    db: Database,
    batch: Batch,
    judged: Callable[[], Sequence[Judged]],
    again: Callable[[Sequence[RawMessage]], Sequence[Judged]],
    settings: Settings,
    now: datetime,
) -> list[Decision]:
    """store(), and where one message breaks it, the others all the same: that one is put aside.

    A fault of ours in one message must not stop the folder behind it for ever.

    judged: gives what was made of the batch, or raises the fault.
    again: judges some of its messages anew.

    Raises:
        StoreError: nothing of what was left of the batch is kept; it will come again.
    """
    try:
        return store(db, batch, judged(), settings, now)
    except TriageError:
        raise
    except Exception as error:
        if not batch.messages:
            raise
        if len(batch.messages) > 1:
            decisions = []
            for message in batch.messages:
                one = replace(batch, messages=(message,), last_uid=message.uid)
                decisions += store_around_faults(db, one, lambda one=one: again(one.messages), again, settings, now)  # type: ignore[misc]
            store(db, replace(batch, messages=()), [], settings, now)  # the cursor, behind what was expunged
            return decisions
        log.exception("message_put_aside", account=batch.account, folder=batch.folder, uid=batch.last_uid)
        message = batch.messages[0]
        fault = Unreadable(hashlib.sha256(message.raw).hexdigest(), f"a fault of Triage: {type(error).__name__}")
        return store(db, batch, [Judged(fault, None)], settings, now)


def recipient(db: Database, name: str, settings: Settings, signatures: Verify | None) -> reading.Recipient:
    """What is known of whoever receives an account's mail."""
    account = settings.account(name)
    assert account is not None, "only mail of configured accounts is read"
    return reading.Recipient(
        account.auth_server or receiving.learned(db, name), account.forwarders, settings.zone_for(name), signatures
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
