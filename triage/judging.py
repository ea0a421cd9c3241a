"""What is made of mails before anything is stored: each one read, then decided on. No database, no network but DNS."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from triage.advice.limits import assumed
from triage.labels import SenderVerdict
from triage.mail import reading
from triage.types import Decision, Mail, RawMessage, Unreadable
from triage.understand.classifier import Model
from triage.understand.decide import Verdict, decide, verdicts


@dataclass(frozen=True)
class Judged:
    """What a message is: read, and decided on if it could be."""

    mail: Mail | Unreadable
    decision: Decision | None  # None of what is unreadable


def judge_briefly(messages: Sequence[RawMessage], recipient: reading.Recipient, model: Model) -> list[Verdict | None]:
    """Only the answers, for a part of the time: None of what is unreadable."""
    mails = [read(message, recipient) for message in messages]
    found = iter(verdicts([mail for mail in mails if isinstance(mail, Mail)], model))
    return [next(found) if isinstance(mail, Mail) else None for mail in mails]


def judge(messages: Sequence[RawMessage], recipient: reading.Recipient, model: Model) -> list[Judged]:
    """All of them, in their order."""
    mails = [read(message, recipient) for message in messages]
    readable = [number for number, mail in enumerate(mails) if isinstance(mail, Mail)]
    decisions = understood(
        [mail for mail in mails if isinstance(mail, Mail)],
        model,
        [messages[number].received_at for number in readable],
        recipient.zone,
    )
    of_number = dict(zip(readable, decisions, strict=True))
    return [Judged(mail, of_number.get(number)) for number, mail in enumerate(mails)]


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


def read(message: RawMessage, recipient: reading.Recipient) -> Mail | Unreadable:
    """One raw message as a Mail, read for whoever receives it."""
    if message.fault:
        return Unreadable(hashlib.sha256(f"{message.uid} {message.fault}".encode()).hexdigest(), message.fault)
    return reading.read(message.raw, recipient, size_bytes=message.size_bytes)
