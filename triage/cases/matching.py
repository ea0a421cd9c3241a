"""Which case a mail belongs to: one it continues, or a new one."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from triage.cases import history, messages
from triage.cases.queries import get
from triage.labels import ENDED, PHISHING_SEVERITY, SEVERITY, Cause, Platform, SenderVerdict, Stage, Status
from triage.store.moments import stored
from triage.types import Batch, Case, CaseEvent, Deadline, Decision, Mail, RawMessage

if TYPE_CHECKING:
    from sqlite_utils import Database

#: Numbers a platform gives to one matter.
_MATTER = ("case", "complaint", "violation", "ticket", "reference", "court_case")
#: Numbers of the seller's own things: the same thing and the same cause are one matter.
_THING = ("asin", "item", "sku", "fnsku", "order")
_ANSWERS = frozenset({Stage.APPEAL_MORE_INFO, Stage.APPEAL_DENIED, Stage.REINSTATED})
_ACCOUNT_LEVEL = frozenset({Stage.SUSPENDED, Stage.RESTRICTED, Stage.INFORMATION_REQUEST, *_ANSWERS})
#: A second notice of the same cause about the whole account, within this time, is the same matter.
_SAME_EVENT = timedelta(days=30)


def record(
    db: Database, batch: Batch, message: RawMessage, mail: Mail, decision: Decision, now: datetime
) -> CaseEvent | None:
    """Store one message and what follows from it.

    Returns the event of the case it opened or advanced, or None if it is ordinary mail or was stored before.
    """
    if messages.seen(db, batch, message.uid):
        return None
    twin = messages.twin(db, batch.account, mail.digest)
    if twin is not None:
        messages.insert(
            db, batch, message, digest=mail.digest, outcome="duplicate", mail=mail, decision=decision, case_id=twin[1]
        )
        return None
    if not decision.kept:
        messages.insert(db, batch, message, digest=mail.digest, outcome="ordinary", mail=mail, decision=decision)
        return None
    known = find(db, batch.account, mail, decision, now)
    if known is None:
        event = _open(db, batch, message, mail, decision, now)
    else:
        event = _advance(db, known, message, mail, decision, now)
    outcome = "warning" if decision.warning else "review"
    messages.insert(
        db, batch, message, digest=mail.digest, outcome=outcome, mail=mail, decision=decision, case_id=event.case_id
    )
    remember(db, event.case_id, decision)
    return event


def find(db: Database, account: str, mail: Mail, decision: Decision, now: datetime) -> Case | None:
    """The case a mail continues: by reply headers, by the platform's numbers, by the same thing, by the same event.

    A forged mail continues nothing: it must not move a real case.
    """
    if decision.sender is SenderVerdict.FORGED:
        return None
    case = (
        _by_thread(db, account, mail)
        or _by_numbers(db, account, decision, _MATTER, None)
        or _by_numbers(db, account, decision, _THING, decision.cause)
        or _by_event(db, account, decision, now)
    )
    return get(db, case) if case else None


def remember(db: Database, case: int, decision: Decision) -> None:
    """Keep the identifiers by which later mails find the case."""
    if decision.sender is SenderVerdict.FORGED:
        return
    db.conn.executemany(
        "INSERT OR IGNORE INTO case_refs (case_id, kind, value) VALUES (?, ?, ?)",
        [(case, each.kind, each.value) for each in decision.ids],
    )


def _by_thread(db: Database, account: str, mail: Mail) -> int | None:
    for message_id in mail.thread:
        row = db.execute(
            """SELECT case_id FROM messages JOIN cases ON cases.id = case_id
               WHERE messages.account = ? AND message_id = ? AND cases.sender <> ? ORDER BY messages.id DESC LIMIT 1""",
            (account, message_id, SenderVerdict.FORGED.value),
        ).fetchone()
        if row:
            return int(row[0])
    return None


def _by_numbers(
    db: Database, account: str, decision: Decision, kinds: tuple[str, ...], cause: Cause | None
) -> int | None:
    for each in decision.ids:
        if each.kind not in kinds:
            continue
        row = db.execute(
            """SELECT cases.id FROM case_refs JOIN cases ON cases.id = case_refs.case_id
               WHERE case_refs.kind = ? AND case_refs.value = ? AND cases.account = ? AND cases.platform = ?
               AND cases.sender <> ? AND (? IS NULL OR cases.cause = ?) ORDER BY cases.id DESC LIMIT 1""",
            (
                each.kind,
                each.value,
                account,
                decision.platform.value,
                SenderVerdict.FORGED.value,
                cause,
                cause.value if cause else None,
            ),
        ).fetchone()
        if row:
            return int(row[0])
    return None


def _by_event(db: Database, account: str, decision: Decision, now: datetime) -> int | None:
    """An open account-level case of the same cause and store; for an answer to an appeal, the one open case there is."""
    if decision.stage not in _ACCOUNT_LEVEL or decision.platform in {Platform.NONE, Platform.OTHER}:
        return None
    rows = list(
        db.query(
            f"""SELECT id, cause, stage FROM cases WHERE account = ? AND platform = ? AND sender <> ?
                AND status NOT IN ({", ".join("?" * len(ENDED))}) AND updated_at >= ?
                AND (? = '' OR store = '' OR store = ?) ORDER BY id DESC""",  # noqa: S608 - only question marks
            [
                account,
                decision.platform.value,
                SenderVerdict.FORGED.value,
                *(status.value for status in sorted(ENDED)),
                stored(now - _SAME_EVENT),
                decision.store,
                decision.store,
            ],
        )
    )
    level = [row for row in rows if row["stage"] in _ACCOUNT_LEVEL]
    same = [row for row in level if row["cause"] == decision.cause]
    if same:
        return int(same[0]["id"])
    if decision.stage in _ANSWERS and decision.cause is Cause.OTHER and len(level) == 1:
        return int(level[0]["id"])
    return None


def _open(db: Database, batch: Batch, message: RawMessage, mail: Mail, decision: Decision, now: datetime) -> CaseEvent:
    forged = decision.sender is SenderVerdict.FORGED
    limit = None if forged else decision.deadline  # what a forger sets is no limit
    detail = {
        **_about(mail, message),
        "cause": decision.cause,
        "stage": decision.stage,
        "confidence": decision.confidence,
    }
    columns = {
        "account": batch.account,
        "platform": decision.platform.value,
        "store": decision.store,
        "cause": decision.cause.value,
        "also": _list(decision.also),
        "stage": decision.stage.value,
        "status": (Status.WON if decision.stage is Stage.REINSTATED and not forged else Status.OPEN).value,
        "severity": PHISHING_SEVERITY if forged else SEVERITY[decision.stage],
        "confidence": decision.confidence,
        "needs_review": decision.needs_review,
        "sender": decision.sender.value,
        "language": decision.language,
        "title": mail.subject or mail.text[:80].replace("\n", " "),
        "history": batch.history,
        **history.deadline_columns(limit),
    }
    return history.open_case(db, columns, detail, by=history.DAEMON, now=now)


def _advance(db: Database, case: Case, message: RawMessage, mail: Mail, decision: Decision, now: datetime) -> CaseEvent:
    changes: dict[str, Any] = {}
    if decision.stage is not Stage.NONE:
        changes |= {"stage": decision.stage.value, "severity": SEVERITY[decision.stage]}
    if decision.stage is Stage.REINSTATED:
        changes |= {"status": Status.WON.value, **history.deadline_columns(None)}
    elif case.status is not Status.OPEN:
        # Something new has come: whoever had put it aside must see it again.
        changes["status"] = Status.OPEN.value
    if case.cause in {Cause.OTHER, Cause.NONE} and decision.cause not in {Cause.OTHER, Cause.NONE}:
        changes |= {"cause": decision.cause.value, "confidence": decision.confidence}
    further = {*case.also, decision.cause, *decision.also} - {case.cause, Cause.NONE, Cause.OTHER}
    if further - set(case.also) and "cause" not in changes and not decision.needs_review:
        changes["also"] = _list(tuple(sorted(further)))
    if decision.deadline and decision.stage is not Stage.REINSTATED and _binds(decision.deadline, case.deadline, now):
        changes |= history.deadline_columns(decision.deadline)
    if not decision.warning and not case.needs_review:
        # What kind of warning it is follows from the case; that it is one at all does not.
        changes["needs_review"] = 1
    if decision.store and not case.store:
        changes["store"] = decision.store
    return history.change(db, case.id, "mail", changes, by=history.DAEMON, now=now, detail=_about(mail, message))


def _about(mail: Mail, message: RawMessage) -> dict[str, Any]:
    about: dict[str, Any] = {
        "subject": mail.subject,
        "from": mail.sender.email,
        "received_at": stored(message.received_at),
    }
    if mail.forwarded:
        about["forwarded_by"] = mail.forwarded.by.email or mail.forwarded.by.name
        about["forwarded_how"] = mail.forwarded.how
    return about


def _binds(new: Deadline, old: Deadline | None, now: datetime) -> bool:
    """Whether a mail's deadline takes the place of the case's: what a mail says before what is usual, then the earlier."""
    if old is None or (old.assumed and not new.assumed):
        return True
    if new.assumed and not old.assumed:
        return False
    return old.at < now or new.at < old.at


def _list(causes: tuple[Cause, ...]) -> str:
    return json.dumps([cause.value for cause in causes])
