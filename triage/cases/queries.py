"""Reading cases: one, or a list by filter, the most urgent first."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from triage.cases.priority import priority
from triage.errors import UsageError
from triage.labels import ENDED, Cause, Platform, SenderVerdict, Stage, Status
from triage.store.moments import maybe_moment, moment, stored
from triage.types import Case, Deadline, Identifier, Money

if TYPE_CHECKING:
    from sqlite_utils import Database


def get(db: Database, case: int) -> Case | None:
    """One case, or None."""
    rows = list(db.query("SELECT * FROM cases WHERE id = ?", [case]))
    return case_of(rows[0]) if rows else None


def existing(db: Database, case: int) -> Case:
    """One case.

    Raises:
        UsageError: there is none of that number.
    """
    known = get(db, case)
    if known is None:
        raise UsageError(f"there is no case {case}; see: triage cases --all", "no_case", case=case)
    return known


def listed(
    db: Database,
    *,
    everything: bool = False,
    accounts: Collection[str] | None = None,
    platform: Platform | None = None,
    cause: Cause | None = None,
    stage: Stage | None = None,
    review: bool = False,
    assignee: str | None = None,
    store: str | None = None,
    before: int | None = None,
    by_age: bool = False,
    now: datetime,
    limit: int = 200,
) -> list[Case]:
    """Cases by filter, the most urgent first, of equal ones the newer. Ended ones only with everything, and last.

    accounts: only cases of these; None for all.

    by_age: instead the newest first; before: only those with a smaller number, so that a list can go on where it ended.
    """
    mine, values = of_accounts(accounts)
    wheres = [mine]
    if not everything:
        wheres.append(f"status NOT IN ({', '.join('?' * len(ENDED))})")
        values.extend(status.value for status in sorted(ENDED))
    columns = {
        "platform": platform,
        "cause": cause,
        "stage": stage,
        "assignee": assignee,
        "store": store,
    }
    for column, value in columns.items():
        if value is not None:
            wheres.append(f"{column} = ?")
            values.append(str(value))
    if review:
        wheres.append("needs_review = 1")
    if before is not None:
        wheres.append("id < ?")
        values.append(str(before))
    sql = f"SELECT * FROM cases WHERE {' AND '.join(wheres)}"  # noqa: S608
    if by_age:
        return [case_of(row) for row in db.query(f"{sql} ORDER BY id DESC LIMIT {int(limit)}", values)]
    found = [case_of(row) for row in db.query(sql, values)]
    return sorted(found, key=lambda case: (case.status in ENDED, -priority(case, now).points, -case.id))[:limit]


def of_accounts(accounts: Collection[str] | None, column: str = "account") -> tuple[str, list[str]]:
    """What a statement asks of a column so that it sees only some accounts, with its values; None for all of them."""
    return ("1", []) if accounts is None else (f"{column} IN ({', '.join('?' * len(accounts))})", sorted(accounts))


def unanswered(db: Database, *, open_since: datetime, due: tuple[datetime, datetime]) -> list[Case]:
    """Cases whose answer is not with the platform, and that were opened (or put off until a moment) since then or are due
    between two moments."""
    rows = db.query(
        """SELECT * FROM cases WHERE (status = ? AND (open_since >= ? OR snoozed_until >= ?))
           OR (status IN (?, ?, ?) AND deadline_at BETWEEN ? AND ?) ORDER BY id""",
        [
            Status.OPEN.value,
            stored(open_since),
            stored(open_since),
            *(status.value for status in (Status.OPEN, Status.ACKNOWLEDGED, Status.PREPARING)),
            *map(stored, due),
        ],
    )
    return [case_of(row) for row in rows]


def references(db: Database, case: int) -> list[Identifier]:
    """What ties later mails to a case."""
    rows = db.query("SELECT kind, value FROM case_refs WHERE case_id = ? ORDER BY kind, value", [case])
    return [Identifier(row["kind"], row["value"]) for row in rows]


def linked(db: Database, case: int) -> list[int]:
    """Cases in which other marketplaces of the same store announce the same."""
    rows = db.execute("SELECT other_id FROM case_links WHERE case_id = ? ORDER BY other_id", [case]).fetchall()
    return [int(row[0]) for row in rows]


def facts(case: Case, now: datetime) -> dict[str, Any]:
    """A case as data, the same in alerts, in ``--json`` and in files."""
    weighed = priority(case, now)
    return {
        "case": case.id,
        "account": case.account,
        "platform": case.platform.value,
        "store": case.store,
        "cause": case.cause.value,
        "also": [cause.value for cause in case.also],
        "stage": case.stage.value,
        "status": case.status.value,
        "severity": case.severity,
        "priority": weighed.points,
        "priority_reasons": [asdict(reason) for reason in weighed.reasons],
        "assignee": case.assignee,
        "attempts": case.attempts,
        "final": case.final,
        "marketplaces": list(case.marketplaces),
        "merged_into": case.merged_into,
        "snoozed_until": stored(case.snoozed_until) if case.snoozed_until else None,
        "confidence": case.confidence,
        "needs_review": case.needs_review,
        "sender": case.sender.value,
        "deadline": deadline_facts(case.deadline),
        "subject": case.title,
        "history": case.history,
        "opened_at": stored(case.opened_at),
        "updated_at": stored(case.updated_at),
    }


def deadline_facts(deadline: Deadline | None) -> dict[str, Any] | None:
    """A deadline as data; assumed: the mail names none, this is the usual one."""
    if deadline is None:
        return None
    return {"at": stored(deadline.at), "text": deadline.text, "assumed": deadline.assumed}


def _deadline(row: Mapping[str, Any]) -> Deadline:
    return Deadline(moment(row["deadline_at"]), row["deadline_text"], bool(row["deadline_assumed"]))


def case_of(row: Mapping[str, Any]) -> Case:
    """The case of a row of the table."""
    return Case(
        id=row["id"],
        account=row["account"],
        platform=Platform(row["platform"]),
        store=row["store"],
        cause=Cause(row["cause"]),
        also=tuple(Cause(cause) for cause in _several(row["also"])),
        stage=Stage(row["stage"]),
        status=Status(row["status"]),
        severity=row["severity"],
        confidence=row["confidence"],
        needs_review=bool(row["needs_review"]),
        sender=SenderVerdict(row["sender"]),
        deadline=_deadline(row) if row["deadline_at"] else None,
        title=row["title"],
        history=bool(row["history"]),
        opened_at=moment(row["opened_at"]),
        updated_at=moment(row["updated_at"]),
        language=row["language"],
        assignee=row["assignee"],
        attempts=row["attempts"],
        final=bool(row["final"]),
        marketplaces=tuple(_several(row["marketplaces"])),
        money=tuple(Money(**amount) for amount in _several(row["money"])),
        merged_into=row["merged_into"],
        open_since=moment(row["open_since"] or row["opened_at"]),
        snoozed_until=maybe_moment(row["snoozed_until"]),
    )


def _several(stored: str) -> list[Any]:
    """A column that holds a list, mostly of nothing."""
    return list(json.loads(stored)) if stored != "[]" else []


def numbers(db: Database) -> tuple[int, int]:
    """How many cases are open, and how many of them a person should look at."""
    row = db.execute(
        "SELECT count(*), sum(needs_review) FROM cases WHERE status = 'open' AND merged_into IS NULL"
    ).fetchone()
    return int(row[0]), int(row[1] or 0)
