"""What people said messages really are, as rows to learn from."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from triage.learn.corpus import Row
from triage.mail import reading
from triage.types import Mail

if TYPE_CHECKING:
    from sqlite_utils import Database

#: One correction by the person whose mail it is says more than one row of the corpus.
WEIGHT = 4.0


def rows(db: Database) -> list[Row]:
    """The latest correction of each message that was not undone, as a row of its own group."""
    found = db.query(
        """SELECT messages.id, messages.sender, messages.subject, messages.original, corrections.cause, corrections.stage
           FROM corrections JOIN messages ON messages.id = corrections.message_id
           WHERE corrections.id IN (SELECT max(id) FROM corrections WHERE undone_at IS NULL GROUP BY message_id)
           ORDER BY messages.id"""
    )
    learned = []
    for each in found:
        read = reading.read(zlib.decompress(each["original"])) if each["original"] is not None else None
        mail = read if isinstance(read, Mail) else None
        learned.append(
            Row.model_validate(
                {
                    "id": f"correction-{each['id']}",
                    "group": f"correction-{each['id']}",
                    "from": mail.sender.email if mail else each["sender"],
                    "subject": mail.subject if mail else each["subject"],
                    "body": mail.text if mail else "",
                    "cause": each["cause"],
                    "stage": each["stage"],
                    "weight": WEIGHT,
                }
            )
        )
    return learned
