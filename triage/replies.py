"""Alerts that come back: the service's own mails are no platform's, and a reply to one acknowledges its case."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from triage import actions, installation
from triage.alerts import links
from triage.cases import messages
from triage.config import Settings
from triage.errors import UsageError
from triage.types import Batch, Mail, RawMessage

if TYPE_CHECKING:
    from sqlite_utils import Database

log = structlog.get_logger()


def about(mail: Mail, settings: Settings) -> int | None:
    """The case whose signed reference stands in the subject, 0 for an alert about none; None for any other mail."""
    if "[T" not in mail.subject:
        return None
    return links.referred(installation.key(settings.data, create=True), mail.subject)


def take(db: Database, batch: Batch, message: RawMessage, mail: Mail, case: int, now: datetime) -> None:
    """Note an alert of ours, or a reply to one; a person's reply acknowledges the case. What it says is not judged.

    An automatic answer (RFC 3834) acknowledges nothing: nobody has read anything.
    """
    if messages.seen(db, batch, message.uid):
        return
    by_person = bool(mail.thread) and "automatic" not in mail.traits and not mail.bulk
    outcome = "reply" if by_person else "own"
    messages.insert(db, batch, message, digest=mail.digest, outcome=outcome, mail=mail)
    if not (by_person and case) or batch.history:
        return
    try:
        actions.acknowledged(db, case, by=mail.sender.email or "reply", now=now)
    except UsageError as error:
        log.info("reply_changes_nothing", case=case, reason=str(error))
    else:
        log.info("acknowledged_by_reply", case=case)
