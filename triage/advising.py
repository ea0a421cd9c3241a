"""The advice on a stored case, as alerts, commands and reports give it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from triage.advice.patterns import Matter, Pattern, patterns
from triage.advice.playbook import playbooks
from triage.advice.steps import advice
from triage.cases import history, messages
from triage.cases.documents import merged
from triage.cases.stores import Store, store_of
from triage.config import Settings
from triage.types import Advice, Case, Decision, Facts

if TYPE_CHECKING:
    from sqlite_utils import Database


def advised(db: Database, case: Case, settings: Settings, language: str, now: datetime) -> Advice:
    """What to do about a case now, with what is done already."""
    return advice(
        case,
        language,
        playbooks(settings.playbooks),
        now=now,
        facts=facts_of(db, case),
        done=history.ticked(db, case.id),
    )


def decisions(db: Database, case: Case) -> list[Decision]:
    """What the mails of a case were understood to be."""
    return [message.decision for message in messages.of_case(db, case.id) if message.decision is not None]


def facts_of(db: Database, case: Case) -> Facts:
    """What all mails of a case name."""
    return merged(decisions(db, case))


def repeated(store: Store, now: datetime, language: str) -> list[Pattern]:
    """What repeats itself in a store, and what usually comes next."""
    matters = [Matter(case.cause, case.stage, store.came[case.id]) for case in store.cases]
    return patterns(store.platform, matters, now, language)


def repeated_in(db: Database, case: Case, now: datetime, language: str) -> list[Pattern]:
    """What repeats itself in a case's store with its cause."""
    own = store_of(db, case, now)
    return [pattern for pattern in repeated(own, now, language) if pattern.cause is case.cause] if own else []
