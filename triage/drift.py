"""Whether the model still fits the mail it sees: what it says, counted by day, against the weeks before."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from triage.store.moments import stored
from triage.types import Decision

if TYPE_CHECKING:
    from sqlite_utils import Database

#: So many weeks before the last seven days say what is usual; with fewer, or with few mails in one, nothing does.
USUAL_WEEKS, FEWEST_WEEKS, FEWEST_MAILS = 8, 4, 50
#: A figure leaves its band where it is so many standard deviations from the mean, and by so much at least.
DEVIATIONS = 3.0
_LEAST = {"review_share": 0.03, "correction_share": 0.05, "unknown_words": 0.03, "confidence": 0.03}
#: What is watched.
FIGURES = tuple(_LEAST)


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days and what the model said in them; None where there was nothing to divide by."""

    until: date  # the last of the days
    mails: int
    review_share: float | None  # of all mails, those marked for review
    correction_share: float | None  # of what became a case, what a person corrected
    unknown_words: float | None  # mean share of a mail's words that the model does not know
    confidence: float | None  # mean


@dataclass(frozen=True, slots=True)
class Drift:
    """A figure that has left its band."""

    figure: str
    value: float
    low: float
    high: float


def note(db: Database, account: str, decisions: Sequence[Decision], now: datetime) -> None:
    """Count what was said of a batch; within the transaction that stores it."""
    for model in {decision.model for decision in decisions}:
        mine = [decision for decision in decisions if decision.model == model]
        db.execute(
            """INSERT INTO judged (day, account, model, mails, warnings, reviews, confidence, unknown_words)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (day, account, model) DO UPDATE SET
               mails = mails + excluded.mails, warnings = warnings + excluded.warnings,
               reviews = reviews + excluded.reviews, confidence = confidence + excluded.confidence,
               unknown_words = unknown_words + excluded.unknown_words""",
            [
                now.date().isoformat(),
                account,
                model,
                len(mine),
                sum(decision.warning for decision in mine),
                sum(decision.needs_review for decision in mine),
                sum(decision.confidence for decision in mine),
                sum(decision.unknown_words for decision in mine),
            ],
        )


def weeks(db: Database, now: datetime, number: int = USUAL_WEEKS + 1) -> list[Week]:
    """The last weeks, each of seven whole days up to yesterday, the oldest first; weeks without any mail are left out."""
    found = []
    for back in reversed(range(number)):
        last = now.date() - timedelta(days=1 + 7 * back)
        first = last - timedelta(days=6)
        mails, warnings, reviews, confidence, unknown = db.execute(
            """SELECT coalesce(sum(mails), 0), coalesce(sum(warnings), 0), coalesce(sum(reviews), 0),
               coalesce(sum(confidence), 0), coalesce(sum(unknown_words), 0) FROM judged WHERE day BETWEEN ? AND ?""",
            [first.isoformat(), last.isoformat()],
        ).fetchone()
        corrected = db.execute(
            "SELECT count(DISTINCT message_id) FROM corrections WHERE undone_at IS NULL AND at >= ? AND at < ?",
            [stored(_midnight(first, now)), stored(_midnight(last + timedelta(days=1), now))],
        ).fetchone()[0]
        if mails:
            cases = warnings + reviews
            found.append(
                Week(
                    until=last,
                    mails=mails,
                    review_share=reviews / mails,
                    correction_share=min(corrected / cases, 1.0) if cases else None,
                    unknown_words=unknown / mails,
                    confidence=confidence / mails,
                )
            )
    return found


def drifting(found: Sequence[Week]) -> list[Drift]:
    """The figures of the last week that are out of the band of those before it."""
    if not found or found[-1].mails < FEWEST_MAILS:
        return []
    last, before = found[-1], [week for week in found[:-1] if week.mails >= FEWEST_MAILS]
    drifts = []
    for figure, least in _LEAST.items():
        usual = [value for week in before if (value := getattr(week, figure)) is not None]
        value = getattr(last, figure)
        if value is None or len(usual) < FEWEST_WEEKS:
            continue
        middle, width = statistics.mean(usual), max(DEVIATIONS * statistics.stdev(usual), least)
        if abs(value - middle) > width:
            drifts.append(Drift(figure, value, middle - width, middle + width))
    return drifts


def _midnight(day: date, now: datetime) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=now.tzinfo)
