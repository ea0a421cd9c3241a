"""What an alert does: due, rendered, sent, marked."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from triage.advice.limits import limit_words
from triage.advising import advised
from triage.alerts import outbox, render, targets
from triage.alerts.outbox import Queued
from triage.alerts.render import Text
from triage.cases import messages, queries
from triage.config import Settings, Target
from triage.errors import ConfigError, TargetFailed, TargetMisconfigured
from triage.labels import SenderVerdict
from triage.store.connection import store_errors
from triage.store.moments import stored
from triage.store.transaction import transaction
from triage.types import Deadline

if TYPE_CHECKING:
    from sqlite_utils import Database

log = structlog.get_logger()


def deliver_due(
    db: Database,
    target: Target,
    settings: Settings,
    clock: Callable[[], datetime],
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Send one target everything that is due for it, oldest first; how many it took.

    The first failure ends the round: the ones behind it would fail the same way, and their order must hold.

    Raises:
        StoreError: the outbox cannot be read or written; what was sent and not marked will be sent again.
    """
    sent = 0
    with store_errors(settings.database):
        for alert in outbox.due(db, target.name, clock()):
            if stop():
                break
            try:
                text, facts = rendered(db, alert, target, settings, clock())
                targets.send(target, text, facts)
            except (TargetFailed, TargetMisconfigured, ConfigError) as error:
                _not_taken(db, alert, str(error), target, settings, clock())
                break
            with transaction(db):
                outbox.delivered(db, alert.id, clock())
            sent += 1
            log.info("alert_delivered", alert=alert.id, kind=alert.kind, target=target.name, case=alert.case_id)
    return sent


def rendered(
    db: Database, alert: Queued, target: Target, settings: Settings, now: datetime
) -> tuple[Text, dict[str, Any]]:
    """An alert's text for a target, as things stand now, and the same as data."""
    facts: dict[str, Any] = {"alert": alert.id, "kind": alert.kind, "at": stored(now), **alert.detail}
    case = queries.get(db, alert.case_id) if alert.case_id is not None else None
    if case is None:
        language = settings.language_for(str(alert.detail.get("account", "")), target)
        return render.plain_text(alert.kind, dict(alert.detail), language), facts
    language = settings.language_for(case.account, target)
    mails = messages.of_case(db, case.id)
    decided = [mail.decision for mail in mails if mail.decision is not None]
    decision = decided[-1] if decided else None
    reason = next((d.review_reason for d in reversed(decided) if d.review_reason), "")
    told = advised(db, case, settings, language, now)
    subject = mails[-1].subject if mails else case.title
    if case.sender is SenderVerdict.FORGED:
        sender = mails[-1].sender if mails else ""
        text = render.phishing_text(case, told, language=language, subject=subject, sender=sender, decision=decision)
    else:
        text = render.case_text(
            alert.kind if alert.kind != "phishing" else "case_opened",
            replace(case, deadline=_in_words(case.deadline, language)),
            told,
            language=language,
            zone=settings.zone_for(case.account),
            now=now,
            subject=subject,
            decision=decision,
            reason=reason,
        )
    return text, {
        **facts,
        **queries.facts(case, now),
        "appealability": told.practice.value,
        "next_steps": [step.text for step in told.steps],
    }


def _in_words(deadline: Deadline | None, language: str) -> Deadline | None:
    """A deadline with its rule in the reader's language; the mail's own words stay as they are."""
    if deadline is None or not deadline.assumed:
        return deadline
    return replace(deadline, text=limit_words(deadline.text, language))


def _not_taken(db: Database, alert: Queued, reason: str, target: Target, settings: Settings, now: datetime) -> None:
    with transaction(db):
        last = outbox.failed(
            db,
            alert,
            reason,
            tries=settings.alerting.tries,
            spread=random.random(),  # noqa: S311 - jitter
            now=now,
        )
        if last and alert.kind != "target_failed":
            others = [other.name for other in settings.targets if other.name != target.name]
            detail = {"target": target.name, "reason": reason, "attempts": alert.attempts + 1}
            outbox.queue(db, others, "target_failed", f"target_failed:{alert.id}", now=now, case=None, detail=detail)
    log.warning(
        "alert_not_taken", alert=alert.id, target=target.name, attempts=alert.attempts + 1, gave_up=last, reason=reason
    )
