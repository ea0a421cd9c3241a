"""What people said messages really are, as rows to learn from. An example is masked before it is stored, and stays when the
mail itself is forgotten by age; nothing of a correction is ever deleted or changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from triage.cases.messages import unpacked_original
from triage.labels import Cause, Stage
from triage.learn import masking
from triage.learn.corpus import Row
from triage.mail import reading
from triage.store.moments import maybe_moment, moment
from triage.types import Mail
from triage.understand.text import judged

if TYPE_CHECKING:
    from sqlite_utils import Database

#: One correction by the person whose mail it is says more than one row of the corpus.
WEIGHT = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What one person said of one message."""

    id: int
    message: int
    case: int | None
    at: datetime
    by: str
    source: str  # command, review, mailbox, page
    was: str
    cause: Cause
    stage: Stage
    undone_at: datetime | None
    example: Mapping[str, str]  # sender, subject, body, masked
    likeness: str  # the same for mails that differ only in numbers and addresses
    wins: bool  # whether it is what is learned: the latest that was not taken back, of all like mails
    conflicts: tuple[int, ...]  # earlier ones, not taken back, that said something else of like mails


def listed(db: Database) -> list[Correction]:
    """All corrections, the oldest first, with what became of each."""
    rows = list(
        db.query(
            """SELECT corrections.*, messages.case_id, messages.sender, messages.subject, messages.original
               FROM corrections JOIN messages ON messages.id = corrections.message_id ORDER BY corrections.id"""
        )
    )
    examples = {row["id"]: json.loads(row["example"]) if row["example"] else example_of(row) for row in rows}
    alike = {number: _likeness(each) for number, each in examples.items()}
    standing = [row for row in rows if row["undone_at"] is None]
    latest_of_message = {row["message_id"]: row["id"] for row in standing}
    standing = [row for row in standing if latest_of_message[row["message_id"]] == row["id"]]
    latest = {alike[row["id"]]: row["id"] for row in standing}
    return [
        Correction(
            id=row["id"],
            message=row["message_id"],
            case=row["case_id"],
            at=moment(row["at"]),
            by=row["by"],
            source=row["source"],
            was=json.loads(row["was"])["cause"],
            cause=Cause(row["cause"]),
            stage=Stage(row["stage"]),
            undone_at=maybe_moment(row["undone_at"]),
            example=examples[row["id"]],
            likeness=alike[row["id"]],
            wins=latest.get(alike[row["id"]]) == row["id"],
            conflicts=tuple(
                other["id"]
                for other in rows
                if other["undone_at"] is None
                and other["id"] < row["id"]
                and row["undone_at"] is None
                and alike[other["id"]] == alike[row["id"]]
                and other["cause"] != row["cause"]
            ),
        )
        for row in rows
    ]


def rows(db: Database) -> list[Row]:
    """What is to be learned: of like mails one row, as the latest correction that was not taken back says."""
    return [row(each) for each in listed(db) if each.wins]


def row(correction: Correction) -> Row:
    """A correction as a row to learn from. Like mails are one family: they are never on both sides of a test."""
    return Row.model_validate(
        {
            "id": f"correction-{correction.id}",
            "group": f"correction-{correction.likeness}",
            "from": correction.example["sender"],
            "subject": correction.example["subject"],
            "body": correction.example["body"],
            "cause": correction.cause,
            "stage": correction.stage,
            "weight": WEIGHT,
        }
    )


def since(db: Database, moment_: str) -> int:
    """How many corrections, not taken back, were made after a moment (as stored)."""
    found = db.execute("SELECT count(*) FROM corrections WHERE undone_at IS NULL AND at > ?", [moment_]).fetchone()
    return int(found[0])


def example_of(message: Mapping[str, Any], names: Iterable[str] = ()) -> dict[str, str]:
    """The masked example that a stored message makes; of one whose original was not kept, its subject alone."""
    mail = reading.read(unpacked_original(message["original"])) if message["original"] is not None else None
    if not isinstance(mail, Mail):
        mail = reading.from_fields(sender=message["sender"], subject=message["subject"])
    known = [*names, *masking.names_in(mail)]
    return {
        "sender": masking.masked_sender(mail.sender),
        "subject": masking.masked(mail.subject, known),
        "body": masking.masked(mail.text, known),
    }


def remember(db: Database, correction: int) -> None:
    """Store the masked example of a correction."""
    found = next(
        db.query(
            """SELECT messages.sender, messages.subject, messages.original, cases.store, messages.account
               FROM corrections JOIN messages ON messages.id = corrections.message_id
               LEFT JOIN cases ON cases.id = messages.case_id WHERE corrections.id = ?""",
            [correction],
        )
    )
    example = example_of(found, filter(None, (found["store"], found["account"])))
    db.execute("UPDATE corrections SET example = ? WHERE id = ?", [json.dumps(example, ensure_ascii=False), correction])


def _likeness(example: Mapping[str, str]) -> str:
    text = judged(example["subject"], example["body"])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
