"""Stores, as their cases show them: what is open, the points, what was won and lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from triage.cases.decisions import unpacked
from triage.cases.priority import priority
from triage.cases.queries import case_of, of_accounts
from triage.labels import ENDED, Platform, SenderVerdict, Status
from triage.store.moments import moment, stored
from triage.types import Case, Points

if TYPE_CHECKING:
    from sqlite_utils import Database

#: Platforms forget after a year at the latest.
_YEAR = timedelta(days=365)
#: So many cases are asked about in one statement.
_AT_ONCE = 500


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


def stores(db: Database, now: datetime, *, accounts: Collection[str] | None = None) -> list[Store]:
    """All stores with a case in the last year, the one with the most urgent case first. accounts: only of these."""
    return _stores(db, now, *of_accounts(accounts, "cases.account"))


def store_of(db: Database, case: Case, now: datetime) -> Store | None:
    """The store of a case; None where nothing counts of it."""
    where = "cases.account = ? AND cases.platform = ? AND (cases.store = ? OR (cases.store = '' AND cases.account = ?))"
    name = case.store or case.account
    found = _stores(db, now, where, [case.account, case.platform.value, name, name])
    return next((store for store in found if case.id in store.came), None)


def _stores(db: Database, now: datetime, where: str, values: Sequence[object]) -> list[Store]:
    rows = db.query(
        f"""SELECT cases.*, min(messages.received_at) AS came FROM cases
           LEFT JOIN messages ON messages.case_id = cases.id
           WHERE {where} AND cases.sender <> ? AND status <> ? AND merged_into IS NULL
           AND (cases.updated_at >= ? OR status NOT IN ({", ".join("?" * len(ENDED))}))
           GROUP BY cases.id ORDER BY cases.id DESC""",  # noqa: S608 - our own words
        [
            *values,
            SenderVerdict.FORGED.value,
            Status.DISMISSED.value,
            stored(now - _YEAR),
            *(status.value for status in sorted(ENDED)),
        ],
    )
    came: dict[int, datetime] = {}
    by_store: dict[tuple[str, str, Platform], list[Case]] = {}
    for row in rows:
        case, at = case_of(row), moment(row["came"] or row["opened_at"])
        if at >= now - _YEAR or case.status not in ENDED:
            came[case.id] = at
            by_store.setdefault((case.account, case.store or case.account, case.platform), []).append(case)
    points = _points(db, now - _YEAR, list(came))
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


def _points(db: Database, since: datetime, cases: Sequence[int]) -> dict[int, Points]:
    """The newest statement about penalty points, by case."""
    found: dict[int, Points] = {}
    for at in range(0, len(cases), _AT_ONCE):
        some = cases[at : at + _AT_ONCE]
        rows = db.execute(
            f"""SELECT case_id, decision FROM messages WHERE case_id IN ({", ".join("?" * len(some))})
               AND received_at >= ? AND decision LIKE '%"points": [{{%' ORDER BY received_at, id""",  # noqa: S608 - marks
            [*some, stored(since)],
        ).fetchall()
        found |= {int(case): unpacked(decision).facts.points[-1] for case, decision in rows}
    return found
