"""Corrections from the mail program: a mail that was moved to a folder Triage/<cause>, or was given the keyword Triage-<cause>,
is what its owner says it is. Triage itself moves and marks nothing for that."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from triage import actions
from triage.cases import messages
from triage.config import Account
from triage.errors import UsageError
from triage.labels import Cause
from triage.types import Batch, Mail, RawMessage

if TYPE_CHECKING:
    from sqlite_utils import Database

SOURCE = "mailbox"


def keyword(account: Account, cause: Cause) -> str:
    """The keyword that says so. Mail programs show it as a tag."""
    return f"{account.corrections.replace('/', '-')}-{cause.value}"


def moved(
    db: Database, batch: Batch, found: Iterable[tuple[RawMessage, Mail]], account: Account, now: datetime
) -> None:
    """Mails of a batch were put into a folder that says what they are; within the transaction that stores them.

    They are known by their content: the copy that came first is what is corrected.
    """
    assert batch.said is not None, "only of a folder that says something"
    for message, mail in found:
        first = messages.twin(db, batch.account, mail.digest)
        if first is not None:
            _correct(db, first[0], batch.said, message.raw, account, now)


def marked(db: Database, message: int, cause: Cause, raw: bytes, account: Account, now: datetime) -> None:
    """A stored message carries a keyword that says what it is."""
    _correct(db, message, cause, raw, account, now)


def is_said(db: Database, message: int, cause: Cause) -> bool:
    """Whether a keyword has said so already. It says so once: whoever takes it back or says something else later is not
    overruled by a keyword that is still there."""
    return bool(
        db.execute(
            "SELECT 1 FROM corrections WHERE message_id = ? AND cause = ? AND source = ?",
            [message, cause.value, SOURCE],
        ).fetchone()
    )


def _correct(db: Database, message: int, cause: Cause, raw: bytes, account: Account, now: datetime) -> None:
    if raw and messages.original(db, message) is None:
        messages.keep_original(db, message, raw)
    with contextlib.suppress(UsageError):  # it is that already
        actions.message_corrected(db, message, cause=cause, stage=None, by=account.user, now=now, source=SOURCE)
