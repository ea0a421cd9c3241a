"""Alerts as text and as data, as things stand when they are sent: one matter, or many like ones in a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from triage import installation
from triage.advice.limits import limit_words
from triage.advising import advised
from triage.alerts import links, render, targets
from triage.alerts.outbox import Queued
from triage.alerts.text import Part, Text
from triage.cases import messages, queries
from triage.config import Settings, Target
from triage.digests import digest
from triage.labels import SenderVerdict, Status
from triage.store.moments import stored
from triage.types import Case, Deadline

if TYPE_CHECKING:
    from sqlite_utils import Database

#: Which of several alerts about a case names the message.
_FOREMOST = ("phishing", "case_opened", "reminder", "case_advanced")


def rendered(
    db: Database, alerts: Sequence[Queued], target: Target, settings: Settings, now: datetime
) -> tuple[Text, dict[str, Any]]:
    """Alerts of one message as text for a target, and the same as data."""
    topics: dict[str, list[Queued]] = {}
    for alert in alerts:
        topics.setdefault(alert.topic, []).append(alert)
    shown = [_about_one(db, each, target, settings, now) for each in topics.values()]
    text, facts = shown[0]
    if len(shown) > 1:
        language = settings.language_for(str(facts.get("account", "")), target)
        text = render.together([text for text, _ in shown], [facts for _, facts in shown], language)
        facts = {**facts, "together": [facts for _, facts in shown]}
    facts = {**facts, "alerts": [alert.id for alert in alerts], "events": [alert.key for alert in alerts]}
    if targets.takes_replies(target):
        case = alerts[0].case_id if len(shown) == 1 else None
        text = replace(text, title=f"{text.title[:110]} {links.reference(_key(settings), case or 0)}")
    return text, facts


def preview(db: Database, case: int, target: Target, settings: Settings, now: datetime) -> Text:
    """What a target would be sent if a case came now.

    Raises:
        UsageError: there is no such case.
    """
    known = queries.existing(db, case)
    text, _ = _about_case(db, known, ["case_opened"], {}, target, settings, now)
    return text


def _about_one(
    db: Database, alerts: Sequence[Queued], target: Target, settings: Settings, now: datetime
) -> tuple[Text, dict[str, Any]]:
    first = alerts[0]
    facts: dict[str, Any] = {"alert": first.id, "kind": first.kind, "at": stored(now), **first.detail}
    case = queries.get(db, first.case_id) if first.case_id is not None else None
    if case is None:
        language = settings.language_for(str(first.detail.get("account", "")), target)
        if first.kind == "digest":
            text, more = digest(db, str(first.detail["person"]), language, settings, now)
            return text, {**facts, **more}
        texts = [render.plain_text(alert.kind, dict(alert.detail), language) for alert in alerts]
        return (texts[0] if len(texts) == 1 else render.in_a_row(texts)), facts
    kinds = [alert.kind for alert in alerts]
    why = next((dict(alert.detail) for alert in alerts[::-1] if alert.kind == "reminder"), {})
    text, more = _about_case(db, case, kinds, why, target, settings, now)
    kind = next((kind for kind in _FOREMOST if kind in kinds), kinds[0])
    return text, {**facts, "kind": kind, **queries.facts(case, now), **more}


def _about_case(
    db: Database,
    case: Case,
    kinds: Sequence[str],
    reminder: dict[str, Any],
    target: Target,
    settings: Settings,
    now: datetime,
) -> tuple[Text, dict[str, Any]]:
    language = settings.language_for(case.account, target)
    mails = messages.of_case(db, case.id)
    decided = [mail.decision for mail in mails if mail.decision is not None]
    decision = decided[-1] if decided else None
    told = advised(db, case, settings, language, now)
    facts = {"appealability": told.practice.value, "next_steps": [step.text for step in told.steps]}
    subject = mails[-1].subject if mails else case.title
    if case.sender is SenderVerdict.FORGED:
        sender = mails[-1].sender if mails else ""
        text = render.phishing_text(case, told, language=language, subject=subject, sender=sender, decision=decision)
        return text, facts
    kind = next((kind for kind in _FOREMOST[1:] if kind in kinds), "case_opened")
    waited = now - (case.open_since or case.opened_at)
    text = render.case_text(
        kind,
        replace(case, deadline=_in_words(case.deadline, language)),
        told,
        language=language,
        zone=settings.zone_for(case.account),
        now=now,
        subject=subject,
        decision=decision,
        reason=next((d.review_reason for d in reversed(decided) if d.review_reason), ""),
        first=render.reminded(str(reminder["why"]), waited, language) if reminder else (),
        more=_ways_to_acknowledge(case, target, settings, language),
    )
    return text, facts


def _ways_to_acknowledge(case: Case, target: Target, settings: Settings, language: str) -> tuple[Part, ...]:
    if case.status is not Status.OPEN:
        return ()
    url = acknowledge_url(case, target, settings)
    mail = targets.takes_replies(target) and replies_are_read(target, settings)
    return render.to_acknowledge(url, language, by_reply=mail)


def acknowledge_url(case: Case, target: Target, settings: Settings) -> str:
    """The link by which whoever reads a target acknowledges a case; empty where the service serves none."""
    if not (settings.web.listen and settings.web.public_url):
        return ""
    owner = next((person for person in settings.recipients if target.name in person.targets), None)
    name = owner.name if owner else target.name
    permit = links.Permit(case.id, name, stored(case.open_since or case.opened_at))
    return f"{settings.web.public_url.rstrip('/')}/ack/{links.token(_key(settings), permit)}"


def replies_are_read(target: Target, settings: Settings) -> bool:
    """Whether a reply to what this target sends comes to a mailbox that is watched."""
    from urllib.parse import parse_qs, unquote, urlsplit

    parts = urlsplit(target.secret.reveal())
    query = parse_qs(parts.query)
    own = f"{unquote(parts.username)}@{parts.hostname}" if parts.username else ""
    senders = " ".join([*query.get("reply", []), *query.get("from", []), own]).lower()
    return any(account.user.lower() in senders for account in settings.accounts if "@" in account.user)


def _key(settings: Settings) -> bytes:
    return installation.key(settings.data, create=True)


def _in_words(deadline: Deadline | None, language: str) -> Deadline | None:
    """A deadline with its rule in the reader's language; the mail's own words stay as they are."""
    if deadline is None or not deadline.assumed:
        return deadline
    return replace(deadline, text=limit_words(deadline.text, language))
