"""Reading cases: one, or a list by filter, the most urgent first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from triage.labels import ENDED, Cause, Platform, SenderVerdict, Stage, Status
from triage.store.moments import moment, stored
from triage.types import Case, Deadline, Identifier

if TYPE_CHECKING:
    from sqlite_utils import Database

#: The more severe first; of equal ones the sooner due; then the newer.
_ORDER = "severity DESC, deadline_at IS NULL, deadline_at, id DESC"


def get(db: Database, case: int) -> Case | None:
    """One case, or None."""
    rows = list(db.query("SELECT * FROM cases WHERE id = ?", [case]))
    return _case(rows[0]) if rows else None


def listed(
    db: Database,
    *,
    everything: bool = False,
    account: str | None = None,
    platform: Platform | None = None,
    cause: Cause | None = None,
    stage: Stage | None = None,
    review: bool = False,
    limit: int = 200,
) -> list[Case]:
    """Cases by filter, the most urgent first. Ended ones only with everything."""
    wheres: list[str] = ["1"]
    values: list[str] = []
    if not everything:
        wheres.append(f"status NOT IN ({', '.join('?' * len(ENDED))})")
        values.extend(status.value for status in sorted(ENDED))
    for column, value in (("account", account), ("platform", platform), ("cause", cause), ("stage", stage)):
        if value is not None:
            wheres.append(f"{column} = ?")
            values.append(str(value))
    if review:
        wheres.append("needs_review = 1")
    sql = f"SELECT * FROM cases WHERE {' AND '.join(wheres)} ORDER BY {_ORDER} LIMIT ?"  # noqa: S608
    return [_case(row) for row in db.query(sql, [*values, limit])]


def references(db: Database, case: int) -> list[Identifier]:
    """What ties later mails to a case."""
    rows = db.query("SELECT kind, value FROM case_refs WHERE case_id = ? ORDER BY kind, value", [case])
    return [Identifier(row["kind"], row["value"]) for row in rows]


def facts(case: Case) -> dict[str, Any]:
    """A case as data, the same in alerts, in ``--json`` and in files."""
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


def _case(row: Mapping[str, Any]) -> Case:
    return Case(
        id=row["id"],
        account=row["account"],
        platform=Platform(row["platform"]),
        store=row["store"],
        cause=Cause(row["cause"]),
        also=tuple(Cause(cause) for cause in json.loads(row["also"])),
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
    )
