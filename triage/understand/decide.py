"""From mails to decisions: the classifiers' probabilities, the rules around them, and the reasons for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from triage.findings import sentence
from triage.labels import Cause, Platform, SenderVerdict, Stage
from triage.types import Decision, Evidence, Mail
from triage.understand.classifier import Model, Scores
from triage.understand.deadline import deadline
from triage.understand.facts import about, facts
from triage.understand.language import language
from triage.understand.naming import store_name
from triage.understand.platform import platform

#: Text this short, from a platform, with nothing to judge, is looked at by a person.
_TOO_LITTLE_TEXT = 12
_NO_TEXT = {
    "pdf_only": "a platform's mail whose text is in a PDF",
    "image_only": "a platform's mail whose text is in an image",
}


def decide(
    mails: Sequence[Mail], model: Model, received_at: Sequence[datetime], zone: ZoneInfo, *, explain_all: bool = False
) -> list[Decision]:
    """One decision for each mail, in their order. No disk, no network, no clock.

    received_at: when each mail came; limits like "within 72 hours" count from the mail's own date if it has one.
    explain_all: also say of ordinary mail why it is ordinary, whose it is and in what language; nobody asks for that in the
        daemon, where nearly all mail is.
    """
    if not mails:
        return []
    scores = model.scores(mails)
    causes = _causes(mails, model, scores)
    return [
        _decision(mail, model, scores, causes[number], number, moment, zone, explain_all)
        for number, (mail, moment) in enumerate(zip(mails, received_at, strict=True))
    ]


def _causes(mails: Sequence[Mail], model: Model, scores: Scores) -> NDArray[np.float64]:
    """The shares of the causes. What is new in a mail is judged first; an answer that names no cause itself has that of
    the thread it quotes."""
    causes = np.array(scores.causes)
    unnamed = [
        number
        for number, mail in enumerate(mails)
        if mail.history
        and scores.warning[number] >= model.thresholds.warning
        and model.causes[int(np.argmax(causes[number]))] is Cause.OTHER
    ]
    if unnamed:
        quoted = model.scores([replace(mails[number], text=mails[number].history) for number in unnamed]).causes
        for number, shares in zip(unnamed, quoted, strict=True):
            causes[number] = (causes[number] + 2 * shares) / 3
    return causes


def _decision(
    mail: Mail,
    model: Model,
    scores: Scores,
    shares: NDArray[np.float64],
    number: int,
    received_at: datetime,
    zone: ZoneInfo,
    explain_all: bool,
) -> Decision:
    limits = model.thresholds
    p_warning = float(scores.warning[number])
    unjudged = _nothing_to_judge(mail)
    if p_warning < limits.review and not unjudged:
        return Decision(
            warning=False,
            cause=Cause.NONE,
            platform=platform(mail, warning=False) if explain_all else mail.origin.platform,
            language=language(f"{mail.subject}\n{mail.text}") if explain_all else "und",
            confidence=round(1 - p_warning, 4),
            sender=mail.origin.verdict,
            sender_findings=mail.origin.findings,
            forwarded=mail.forwarded,
            evidence=model.evidence(mail, scores, number, Cause.NONE) if explain_all else (),
            model=model.version,
            unknown_words=round(float(scores.unknown[number]), 4),
        )
    warning = p_warning >= limits.warning
    order = np.argsort(-shares)
    cause = model.causes[order[0]]
    confidence = p_warning * float(shares[order[0]]) if warning else 1 - p_warning
    stage = model.stages[int(np.argmax(scores.stages[number]))] if warning else Stage.NONE
    reason = unjudged or _review_reason(p_warning, float(shares[order[0]]), model)
    base = mail.sent_at if mail.sent_at and mail.sent_at <= received_at else received_at
    named = about(mail)
    return Decision(
        warning=warning,
        cause=cause if warning else Cause.NONE,
        also=tuple(model.causes[i] for i in order[1:3] if shares[i] >= limits.also) if warning else (),
        stage=stage,
        platform=platform(mail, warning=warning),
        language=language(f"{mail.subject}\n{mail.text}"),
        confidence=round(confidence, 4),
        needs_review=bool(reason),
        review_reason=reason,
        sender=mail.origin.verdict,
        sender_findings=mail.origin.findings,
        forwarded=mail.forwarded,
        store=store_name(mail, named),
        facts=facts(mail, named),
        # Good news sets no limit, whatever hours it names.
        deadline=None if stage is Stage.REINSTATED else deadline(f"{mail.subject}\n{mail.text}", base, zone),
        evidence=_evidence(mail, model, scores, number, cause if warning else Cause.NONE),
        model=model.version,
        unknown_words=round(float(scores.unknown[number]), 4),
    )


def _nothing_to_judge(mail: Mail) -> str:
    """In words, why nobody but a person can judge a platform's mail; "" for one that has text, or is no platform's."""
    if mail.origin.platform is Platform.NONE or mail.origin.relay:
        return ""
    for trait, reason in _NO_TEXT.items():
        if trait in mail.traits:
            return reason
    unread = next((note for note in mail.notes if "cannot be read" in note or "utf-7" in note), "")
    if unread and len(mail.text) < _TOO_LITTLE_TEXT:
        return f"a platform's mail: {unread}"
    return "a platform's mail without readable text" if len(mail.text) + len(mail.subject) < _TOO_LITTLE_TEXT else ""


def _review_reason(p_warning: float, share: float, model: Model) -> str:
    if p_warning < model.thresholds.warning:
        return f"may be a warning ({p_warning:.0%})"
    if p_warning * share < model.thresholds.sure:
        return f"the cause is not clear ({share:.0%})"
    return ""


def _evidence(mail: Mail, model: Model, scores: Scores, number: int, cause: Cause) -> tuple[Evidence, ...]:
    named = model.evidence(mail, scores, number, cause)
    if mail.origin.verdict is SenderVerdict.FORGED:
        against = [each for each in mail.origin.findings if each.weight > 0]
        return (*(Evidence("sender", sentence(each, "en"), each.weight) for each in against), *named)
    return named
