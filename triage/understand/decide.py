"""From mails to decisions: the classifiers' probabilities, the rules around them, and the reasons for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the classifiers and the rules around them say of a mail, before anything is looked for in it."""

    warning: bool
    cause: Cause
    also: tuple[Cause, ...] = ()
    stage: Stage
    confidence: float
    doubt: str = ""  # why a person should look at it

    @property
    def ordinary(self) -> bool:
        """Whether it concerns nobody."""
        return not self.warning and not self.doubt


def verdicts(mails: Sequence[Mail], model: Model) -> list[Verdict]:
    """Only the answers, for a small part of the time of decide(): of many mails, which a model sees otherwise than another."""
    return [] if not mails else _verdicts(mails, model, model.scores(mails))


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
    found = _verdicts(mails, model, scores)
    return [
        _decision(mail, model, scores, found[number], number, moment, zone, explain_all)
        for number, (mail, moment) in enumerate(zip(mails, received_at, strict=True))
    ]


def _verdicts(mails: Sequence[Mail], model: Model, scores: Scores) -> list[Verdict]:
    shares = _causes(mails, model, scores)
    likeliest = np.argsort(-shares, axis=1)[:, :3].tolist()
    stages = np.argmax(scores.stages, axis=1).tolist()
    said = zip(mails, scores.warning.tolist(), shares.tolist(), likeliest, stages, strict=True)
    return [_verdict(model, *of_mail) for of_mail in said]


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
        threads = [replace(mails[number], text=mails[number].history) for number in unnamed]
        quoted = model.scores(threads, causes_of_all=True).causes
        for number, shares in zip(unnamed, quoted, strict=True):
            causes[number] = (causes[number] + 2 * shares) / 3
    return causes


def _verdict(
    model: Model, mail: Mail, p_warning: float, shares: Sequence[float], likeliest: Sequence[int], stage: int
) -> Verdict:
    """likeliest: the causes of the highest shares, highest first. stage: the likeliest one."""
    limits = model.thresholds
    unjudged = _nothing_to_judge(mail)
    if p_warning < limits.warning:
        doubt = unjudged or (f"may be a warning ({p_warning:.0%})" if p_warning >= limits.review else "")
        return Verdict(
            warning=False, cause=Cause.NONE, stage=Stage.NONE, confidence=round(1 - p_warning, 4), doubt=doubt
        )
    cause, *others = likeliest
    share = shares[cause]
    unclear = f"the cause is not clear ({share:.0%})" if p_warning * share < limits.sure else ""
    return Verdict(
        warning=True,
        cause=model.causes[cause],
        also=tuple(model.causes[other] for other in others if shares[other] >= limits.also),
        stage=model.stages[stage],
        confidence=round(p_warning * share, 4),
        doubt=unjudged or unclear,
    )


def _decision(
    mail: Mail,
    model: Model,
    scores: Scores,
    verdict: Verdict,
    number: int,
    received_at: datetime,
    zone: ZoneInfo,
    explain_all: bool,
) -> Decision:
    said = Decision(
        warning=verdict.warning,
        cause=verdict.cause,
        also=verdict.also,
        stage=verdict.stage,
        platform=mail.origin.platform,
        language="und",
        confidence=verdict.confidence,
        needs_review=bool(verdict.doubt),
        review_reason=verdict.doubt,
        sender=mail.origin.verdict,
        sender_findings=mail.origin.findings,
        forwarded=mail.forwarded,
        model=model.version,
        unknown_words=round(float(scores.unknown[number]), 4),
    )
    if verdict.ordinary and not explain_all:
        return said
    said = replace(
        said,
        platform=platform(mail, warning=verdict.warning),
        language=language(f"{mail.subject}\n{mail.text}"),
        evidence=model.evidence(mail, scores, number, verdict.cause),
    )
    if verdict.ordinary:
        return said
    base = mail.sent_at if mail.sent_at and mail.sent_at <= received_at else received_at
    named = about(mail)
    return replace(
        said,
        store=store_name(mail, named),
        facts=facts(mail, named),
        # Good news sets no limit, whatever hours it names.
        deadline=None if verdict.stage is Stage.REINSTATED else deadline(f"{mail.subject}\n{mail.text}", base, zone),
        evidence=(*_forged(mail), *said.evidence),
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


def _forged(mail: Mail) -> tuple[Evidence, ...]:
    """What speaks against a sender who is not who he says."""
    if mail.origin.verdict is not SenderVerdict.FORGED:
        return ()
    against = [each for each in mail.origin.findings if each.weight > 0]
    return tuple(Evidence("sender", sentence(each, "en"), each.weight) for each in against)
