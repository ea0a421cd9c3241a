"""From mails to decisions: the classifiers' probabilities, the rules around them, and the reasons for both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from triage.labels import Cause, Platform, SenderVerdict, Stage
from triage.types import Decision, Evidence, Mail
from triage.understand.classifier import Model, Scores
from triage.understand.deadline import deadline
from triage.understand.identifiers import identifiers, store_name
from triage.understand.language import language
from triage.understand.platform import platform

#: Text this short, from a platform, with nothing to judge, is looked at by a person.
_TOO_LITTLE_TEXT = 12


def decide(
    mails: Sequence[Mail], model: Model, received_at: Sequence[datetime], zone: ZoneInfo, *, explain_all: bool = False
) -> list[Decision]:
    """One decision for each mail, in their order. No disk, no network, no clock.

    received_at: when each mail came; limits like "within 72 hours" count from the mail's own date if it has one.
    explain_all: also give the reasons why ordinary mail is ordinary; nobody asks for them in the daemon.
    """
    if not mails:
        return []
    scores = model.scores(mails)
    return [
        _decision(mail, model, scores, number, moment, zone, explain_all)
        for number, (mail, moment) in enumerate(zip(mails, received_at, strict=True))
    ]


def _decision(
    mail: Mail, model: Model, scores: Scores, number: int, received_at: datetime, zone: ZoneInfo, explain_all: bool
) -> Decision:
    limits = model.thresholds
    p_warning = float(scores.warning[number])
    tongue = language(f"{mail.subject}\n{mail.text}")
    if p_warning < limits.review and not _nothing_to_judge(mail):
        return Decision(
            warning=False,
            cause=Cause.NONE,
            platform=platform(mail, warning=False),
            language=tongue,
            confidence=round(1 - p_warning, 4),
            sender=mail.origin.verdict,
            evidence=model.evidence(mail, scores, number, Cause.NONE) if explain_all else (),
            model=model.version,
        )
    warning = p_warning >= limits.warning
    shares = scores.causes[number]
    order = np.argsort(-shares)
    cause = model.causes[order[0]]
    confidence = p_warning * float(shares[order[0]]) if warning else 1 - p_warning
    stage = model.stages[int(np.argmax(scores.stages[number]))] if warning else Stage.NONE
    reason = _review_reason(mail, p_warning, float(shares[order[0]]), model)
    base = mail.sent_at if mail.sent_at and mail.sent_at <= received_at else received_at
    return Decision(
        warning=warning,
        cause=cause if warning else Cause.NONE,
        also=tuple(model.causes[i] for i in order[1:3] if shares[i] >= limits.also) if warning else (),
        stage=stage,
        platform=platform(mail, warning=warning),
        language=tongue,
        confidence=round(confidence, 4),
        needs_review=bool(reason),
        review_reason=reason,
        sender=mail.origin.verdict,
        sender_findings=mail.origin.findings,
        store=store_name(mail.text),
        ids=identifiers(mail.subject, mail.text),
        # Good news sets no limit, whatever hours it names.
        deadline=None if stage is Stage.REINSTATED else deadline(f"{mail.subject}\n{mail.text}", base, zone, tongue),
        evidence=_evidence(mail, model, scores, number, cause if warning else Cause.NONE),
        model=model.version,
    )


def _nothing_to_judge(mail: Mail) -> bool:
    from_platform = mail.origin.platform is not Platform.NONE and not mail.origin.relay
    return from_platform and len(mail.text) + len(mail.subject) < _TOO_LITTLE_TEXT


def _review_reason(mail: Mail, p_warning: float, share: float, model: Model) -> str:
    if _nothing_to_judge(mail):
        return "a platform's mail without readable text"
    if p_warning < model.thresholds.warning:
        return f"may be a warning ({p_warning:.0%})"
    if p_warning * share < model.thresholds.sure:
        return f"the cause is not clear ({share:.0%})"
    return ""


def _evidence(mail: Mail, model: Model, scores: Scores, number: int, cause: Cause) -> tuple[Evidence, ...]:
    named = model.evidence(mail, scores, number, cause)
    if mail.origin.verdict is SenderVerdict.FORGED:
        return (*(Evidence("sender", finding, 1.0) for finding in mail.origin.findings), *named)
    return named
