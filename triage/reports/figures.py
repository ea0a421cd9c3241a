"""The figures of a report, from the cases and their history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

from triage.cases import history
from triage.cases.history import DAEMON
from triage.cases.priority import priority
from triage.cases.queries import case_of, of_accounts
from triage.labels import ENDED, Cause, Platform, SenderVerdict, Status
from triage.store.moments import moment, stored
from triage.types import Case

if TYPE_CHECKING:
    from sqlite_utils import Database

#: Weeks that the charts show, this one with them.
WEEKS = 12
#: What is due within this time after the report is told in it.
_SOON = timedelta(days=7)
#: Nothing is due any more: it is over, or the answer is with the platform.
_ANSWERED = ENDED | {Status.SUBMITTED}
#: Stores with a chart of their own; the others stand in the table.
_MOST_CHARTS = 8


@dataclass(frozen=True, slots=True)
class Came:
    """A case that began in the time of the report."""

    case: Case
    at: datetime
    seen_after: timedelta | None  # until a person did anything with it; None: nobody has
    answered_after: timedelta | None  # until an answer was submitted


@dataclass(frozen=True, slots=True)
class Chart:
    """Cases of one store, week by week."""

    store: str
    platform: Platform
    weeks: tuple[datetime, ...]  # Mondays, UTC
    counts: dict[Cause, tuple[int, ...]]  # one number a week

    @property
    def highest(self) -> int:
        """Cases in the fullest week."""
        return max(sum(counts[week] for counts in self.counts.values()) for week in range(len(self.weeks)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A report's figures."""

    since: datetime
    until: datetime
    came: tuple[Came, ...]  # the most urgent first
    forged: int  # phishing mails that were told from real ones
    due: tuple[Case, ...]  # open, limit within a week or over, the soonest first
    ended: dict[Status, tuple[Case, ...]]  # won, lost, closed in the time
    charts: tuple[Chart, ...]
    more_stores: int  # without a chart
    causes: tuple[Cause, ...]  # that came up, the most frequent first

    @property
    def median_seen(self) -> timedelta | None:
        """Time until a person did anything, in the middle of those that somebody took up."""
        return _median([each.seen_after for each in self.came if each.seen_after is not None])

    @property
    def median_answered(self) -> timedelta | None:
        """Time until the first answer was submitted."""
        return _median([each.answered_after for each in self.came if each.answered_after is not None])

    @property
    def untouched(self) -> int:
        """Cases nobody has done anything with."""
        return sum(each.seen_after is None and each.case.status not in ENDED for each in self.came)


def figures(db: Database, since: datetime, until: datetime, accounts: Collection[str] | None = None) -> Figures:
    """What came, what is due, what was won or lost between two moments; charts over the last weeks before until.

    accounts: only of these; None for all.
    """
    cases = _cases(db, accounts)
    real = [(case, at) for case, at in cases if case.sender is not SenderVerdict.FORGED]
    came = [_came(db, case, at) for case, at in real if since <= at < until]
    charts = _charts(real, until)
    return Figures(
        since=since,
        until=until,
        came=tuple(sorted(came, key=lambda each: (-priority(each.case, until).points, each.case.id))),
        forged=sum(case.sender is SenderVerdict.FORGED and since <= at < until for case, at in cases),
        due=_due([case for case, _ in real], until),
        ended=_ended(db, {case.id: case for case, _ in real}, since, until),
        charts=tuple(charts[:_MOST_CHARTS]),
        more_stores=max(len(charts) - _MOST_CHARTS, 0),
        causes=tuple(cause for cause, _ in Counter(each.case.cause for each in came).most_common()),
    )


def _cases(db: Database, accounts: Collection[str] | None) -> list[tuple[Case, datetime]]:
    """Every case with the time its first mail came; dismissed and merged ones left out."""
    mine, values = of_accounts(accounts, "cases.account")
    rows = db.query(
        f"""SELECT cases.*, min(messages.received_at) AS came FROM cases LEFT JOIN messages ON messages.case_id = cases.id
           WHERE {mine} AND status <> ? AND merged_into IS NULL GROUP BY cases.id""",  # noqa: S608 - marks only
        [*values, Status.DISMISSED.value],
    )
    return [(case_of(row), moment(row["came"] or row["opened_at"])) for row in rows]


def _came(db: Database, case: Case, at: datetime) -> Came:
    by_people = [event for event in history.of_case(db, case.id) if event.by != DAEMON]
    answers = [e for e in by_people if e.kind == "status" and e.detail["is"].get("status") == Status.SUBMITTED.value]
    return Came(
        case,
        at,
        by_people[0].at - at if by_people else None,
        answers[0].at - at if answers else None,
    )


def _due(cases: Sequence[Case], until: datetime) -> tuple[Case, ...]:
    soon = [
        (case.deadline.at, case)
        for case in cases
        if case.deadline and case.status not in _ANSWERED and case.deadline.at <= until + _SOON
    ]
    return tuple(case for _, case in sorted(soon, key=lambda pair: (pair[0], pair[1].id)))


def _ended(db: Database, cases: dict[int, Case], since: datetime, until: datetime) -> dict[Status, tuple[Case, ...]]:
    """Cases that ended in the time and have not been taken up again."""
    rows = db.execute(
        'SELECT DISTINCT case_id FROM case_events WHERE at >= ? AND at < ? AND detail LIKE \'%"is": {%"status": %\'',
        [stored(since), stored(until)],
    ).fetchall()
    touched = [cases[int(row[0])] for row in rows if int(row[0]) in cases]
    return {
        status: tuple(case for case in touched if case.status is status)
        for status in (Status.WON, Status.LOST, Status.CLOSED)
    }


def _charts(cases: Sequence[tuple[Case, datetime]], until: datetime) -> list[Chart]:
    """One chart a store with a case in these weeks, the one with most cases first."""
    monday = (until - timedelta(days=until.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    weeks = tuple(monday - timedelta(weeks=WEEKS - 1 - number) for number in range(WEEKS))
    stores: dict[tuple[str, Platform], Counter[tuple[Cause, int]]] = {}
    for case, at in cases:
        week = (at - weeks[0]) // timedelta(weeks=1)
        if 0 <= week < WEEKS and at < until:
            stores.setdefault((case.store or case.account, case.platform), Counter())[case.cause, week] += 1
    charts = [
        Chart(
            name,
            platform,
            weeks,
            {
                cause: tuple(counts[cause, week] for week in range(WEEKS))
                for cause in Cause
                if any(counts[cause, week] for week in range(WEEKS))
            },
        )
        for (name, platform), counts in stores.items()
    ]
    return sorted(charts, key=lambda chart: -sum(map(sum, chart.counts.values())))


def _median(spans: Sequence[timedelta]) -> timedelta | None:
    return timedelta(seconds=median(span.total_seconds() for span in spans)) if spans else None
