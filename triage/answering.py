"""The letter that answers a case: what it is made from, what is still wrong with it, and what people made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from triage.advice import lint
from triage.advice.drafts import Letter, Notice, draft, letters_for
from triage.advice.lint import Problem
from triage.advice.playbook import playbooks
from triage.advising import advised, facts_of
from triage.cases import history, messages
from triage.cases.queries import existing
from triage.config import Settings
from triage.errors import UsageError
from triage.store.moments import moment
from triage.store.transaction import transaction
from triage.types import Case, CaseEvent

if TYPE_CHECKING:
    from sqlite_utils import Database

#: What no platform's form takes, by far.
LONGEST = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A letter as somebody left it."""

    event: int  # by which it is known
    letter: Letter
    language: str
    text: str  # Markdown
    by: str
    at: datetime


def letters(case: Case, settings: Settings) -> tuple[Letter, ...]:
    """The letters by which a case can be answered, the most usual first.

    Raises:
        UsageError: it is not to be answered, and why.
    """
    return letters_for(case, playbooks(settings.playbooks))


def drafted(
    db: Database, case: Case, letter: Letter, settings: Settings, *, language: str, reader: str, now: datetime
) -> str:
    """A letter as Markdown, made from what the mails say and what is ticked. language: the letter's; reader: of its hints."""
    mails = messages.of_case(db, case.id)
    notice = Notice(mails[-1].subject if mails else case.title, mails[-1].received_at if mails else case.opened_at)
    return draft(
        case,
        letter,
        advised(db, case, settings, reader, now),
        facts_of(db, case),
        playbooks(settings.playbooks),
        notice,
        language=language,
        zone=settings.zone_for(case.account),
        own=settings.playbooks,
    )


def problems(db: Database, case: Case, text: str, letter: Letter, *, language: str, reader: str) -> Sequence[Problem]:
    """What is still wrong with a letter, in the reader's language."""
    return lint.problems(text, facts_of(db, case), kind=letter, language=language, reader=reader)


def keep(db: Database, case: int, letter: Letter, language: str, text: str, *, by: str, now: datetime) -> CaseEvent:
    """Keep a letter as it is now. Earlier ones stay.

    Raises:
        UsageError: no such case, or a text too long or unchanged.
    """
    text = text.replace("\r\n", "\n")
    if len(text) > LONGEST:
        raise UsageError(f"the letter has {len(text):,} characters; at most {LONGEST:,} are kept")
    with transaction(db):
        existing(db, case)
        last = kept(db, case, letter)
        if last and last.text == text:
            raise UsageError("the letter is kept as it is already", "unchanged")
        event = history.append(db, case, "draft", {"letter": letter.value, "characters": len(text)}, by=by, now=now)
        db.execute(
            "INSERT INTO drafts (event_id, case_id, letter, language, text) VALUES (?, ?, ?, ?, ?)",
            [event.id, case, letter.value, language, text],
        )
        return event


def kept(db: Database, case: int, letter: Letter) -> Kept | None:
    """A letter as somebody last left it, or None."""
    rows = db.query(
        """SELECT drafts.*, at, by FROM drafts JOIN case_events ON case_events.id = event_id
           WHERE drafts.case_id = ? AND letter = ? AND NOT EXISTS (
               SELECT 1 FROM case_events AS back
               WHERE back.case_id = drafts.case_id AND back.kind = 'undone'
               AND json_extract(back.detail, '$.event') = event_id
           ) ORDER BY event_id DESC LIMIT 1""",
        [case, letter.value],
    )
    return next(
        (
            Kept(
                event=row["event_id"],
                letter=letter,
                language=row["language"],
                text=row["text"],
                by=row["by"],
                at=moment(row["at"]),
            )
            for row in rows
        ),
        None,
    )
