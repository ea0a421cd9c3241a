"""Stores, as their cases show them: what is open, the points, what was won and lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from triage.cases.decisions import unpacked
from triage.cases.priority import priority
from triage.cases.queries import case_of
from triage.labels import ENDED, Platform, SenderVerdict, Status
from triage.store.moments import moment, stored
from triage.types import Case, Points

if TYPE_CHECKING:
    from sqlite_utils import Database

#: Platforms forget after a year at the latest.
_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One store on one platform."""

    account: str
    name: str  # the account's where mails name none
    platform: Platform
    cases: tuple[Case, ...]  # of a year, the newest first; forged, dismissed and merged ones left out
    came: dict[int, datetime]  # by case: when its first mail came
    points: Points | None  # as the newest mail that speaks of them has it

    @property
    def open(self) -> Sequence[Case]:
        """What somebody has to act on."""
        return [case for case in self.cases if case.status not in ENDED]

    def outcomes(self) -> Counter[Status]:
        """How ended cases ended."""
        return Counter(case.status for case in self.cases if case.status in ENDED)


def stores(db: Database, now: datetime, *, account: str | None = None) -> list[Store]:
    """All stores with a case in the last year, the one with the most urgent case first."""
    rows = db.query(
        """SELECT cases.*, min(messages.received_at) AS came FROM cases
           LEFT JOIN messages ON messages.case_id = cases.id
           WHERE cases.sender <> ? AND status <> ? AND merged_into IS NULL AND (? IS NULL OR cases.account = ?)
           GROUP BY cases.id ORDER BY cases.id DESC""",
        [SenderVerdict.FORGED.value, Status.DISMISSED.value, account, account],
    )
    came: dict[int, datetime] = {}
    by_store: dict[tuple[str, str, Platform], list[Case]] = {}
    for row in rows:
        case, at = case_of(row), moment(row["came"] or row["opened_at"])
        if at >= now - _YEAR or case.status not in ENDED:
            came[case.id] = at
            by_store.setdefault((case.account, case.store or case.account, case.platform), []).append(case)
    points = _points(db, now - _YEAR)
    found = [
        Store(
            account=key[0],
            name=key[1],
            platform=key[2],
            cases=tuple(cases),
            came={case.id: came[case.id] for case in cases},
            points=next((points[case.id] for case in cases if case.id in points), None),
        )
        for key, cases in by_store.items()
    ]
    return sorted(found, key=lambda store: (-_urgency(store, now), store.name, store.platform))


def _urgency(store: Store, now: datetime) -> int:
    return max((priority(case, now).points for case in store.open), default=-1)


def _points(db: Database, since: datetime) -> dict[int, Points]:
    """The newest statement about penalty points, by case."""
    rows = db.execute(
        """SELECT case_id, decision FROM messages
           WHERE case_id IS NOT NULL AND received_at >= ? AND decision LIKE '%"points": [{%' ORDER BY received_at, id""",
        [stored(since)],
    ).fetchall()
    return {int(case): unpacked(decision).facts.points[-1] for case, decision in rows}
