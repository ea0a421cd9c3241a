"""What a person does when mails stand in the wrong case: merge two cases, split one, take either back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from triage.alerts import outbox
from triage.cases import history, matching, messages, state
from triage.cases.messages import StoredMessage
from triage.cases.queries import existing
from triage.errors import UsageError
from triage.labels import SenderVerdict, Status
from triage.store.transaction import transaction
from triage.types import CaseEvent

if TYPE_CHECKING:
    from sqlite_utils import Database

#: Columns a correction by hand may set.
_CORRECTED = frozenset({"cause", "stage", "severity", "confidence", "needs_review", "also", "sender"})


def merge(db: Database, case: int, other: int, *, by: str, now: datetime) -> CaseEvent:
    """The mails of the other case belong to this one. The other is closed; numbers that come later find this one.

    Raises:
        UsageError: no such cases, they are one, one is forged, or they are of different accounts or platforms.
    """
    if case == other:
        raise UsageError(f"case {case} cannot be merged with itself", "itself")
    with transaction(db):
        kept, gone = existing(db, case), existing(db, other)
        for each in (kept, gone):
            if each.merged_into is not None:
                raise UsageError(
                    f"case {each.id} is merged into case {each.merged_into} already", "merged", into=each.merged_into
                )
            if each.sender is SenderVerdict.FORGED:
                raise UsageError(f"case {each.id} is a forged mail; it belongs to no other case", "forged")
        if (kept.account, kept.platform) != (gone.account, gone.platform):
            raise UsageError(f"cases {case} and {other} are of different accounts or platforms", "other_account")
        moved = [message.id for message in messages.of_case(db, other)]
        _move(db, moved, other, case)
        changes = {"status": Status.CLOSED.value, "merged_into": case}
        outbox.withdraw(db, other, now, why=f"merged into case {case}")
        history.change(db, other, "merged_into", changes, by=by, now=now, detail={"case": case})
        return made_anew(db, case, "merged", {"case": other, "messages": moved}, by=by, now=now)


def split(db: Database, case: int, message_ids: Sequence[int], *, by: str, now: datetime) -> CaseEvent:
    """These mails are another matter: a new case is made of them. Returns the event that opened it.

    Raises:
        UsageError: no such case, a message that is not its, or nothing would be left of it.
    """
    with transaction(db):
        known = existing(db, case)
        own = {message.id: message for message in messages.of_case(db, case)}
        wrong = [number for number in message_ids if number not in own]
        if wrong or not message_ids:
            has = ", ".join(map(str, own)) or "none"
            asked = ", ".join(map(str, wrong)) or "none named"
            raise UsageError(f"case {case} has no such message: {asked}; its messages are: {has}", "no_message")
        leaving = [own[number] for number in dict.fromkeys(message_ids)]
        if not any(m.decision for m in leaving) or not any(
            m.decision for n, m in own.items() if n not in set(message_ids)
        ):
            raise UsageError(f"case {case}: at least one judged mail must go and one must stay", "one_must_stay")
        said = [_said(message) for message in leaving if message.decision]
        first = state.opened(min(said, key=lambda one: one.at))
        columns = {"account": known.account, "history": known.history, **first}
        detail = {"subject": first["title"], "split_from": case}
        event = history.open_case(db, columns, detail, by=by, now=now)
        moved = [message.id for message in leaving]
        _move(db, moved, case, event.case_id)
        row = next(iter(db.query("SELECT * FROM cases WHERE id = ?", [event.case_id])))
        history.change(db, event.case_id, "mail", state.made_of(row, said), by=by, now=now)
        made_anew(db, case, "split", {"case": event.case_id, "messages": moved}, by=by, now=now)
        return event


def take_back(db: Database, done: CaseEvent, *, by: str, now: datetime) -> CaseEvent:
    """Undo a merge or a split: the mails go back to where they were. Opens no transaction of its own."""
    other, moved = int(done.detail["case"]), [int(number) for number in done.detail["messages"]]
    about = {"event": done.id, "undid": done.kind}
    if done.kind == "merged":
        _move(db, moved, done.case_id, other)
        closing = next(e for e in reversed(history.of_case(db, other)) if e.kind == "merged_into")
        made_anew(db, other, "undone", about, by=by, now=now, more=closing.detail["was"])
    else:
        _move(db, [message.id for message in messages.of_case(db, other)], other, done.case_id)
        changes = {"status": Status.CLOSED.value, "merged_into": done.case_id}
        history.change(db, other, "merged_into", changes, by=by, now=now, detail={"case": done.case_id})
    return made_anew(db, done.case_id, "undone", about, by=by, now=now)


def _move(db: Database, message_ids: Sequence[int], source: int, target: int) -> None:
    """Messages change their case, and the numbers by which later mails find it go with them."""
    db.conn.executemany("UPDATE messages SET case_id = ? WHERE id = ?", [(target, number) for number in message_ids])
    for case in (source, target):
        db.execute("DELETE FROM case_refs WHERE case_id = ?", [case])
        for message in messages.of_case(db, case):
            if message.decision:
                matching.remember(db, case, message.decision)


def made_anew(
    db: Database,
    case: int,
    kind: str,
    detail: Mapping[str, Any],
    *,
    by: str,
    now: datetime,
    more: Mapping[str, Any] | None = None,
    without: int = 0,
) -> CaseEvent:
    """The case as the mails it has now, and what people corrected, make it. Opens no transaction of its own.

    more: columns beside, such as its status; without: the event of a correction that counts no more.
    """
    row = next(iter(db.query("SELECT * FROM cases WHERE id = ?", [case])))
    said = [_said(message) for message in messages.of_case(db, case) if message.decision]
    columns = state.made_of(row, [*said, *_corrections(db, case, without)]) if said else {}
    return history.change(db, case, kind, {**columns, **(more or {})}, by=by, now=now, detail=detail)


def _said(message: StoredMessage) -> state.Said:
    assert message.decision is not None
    return state.Said(message.received_at, message.subject, message.decision)


def _corrections(db: Database, case: int, without: int) -> list[state.Corrected]:
    events = history.of_case(db, case)
    undone = history.undone(events) | {without}
    return [
        state.Corrected(event.at, {name: value for name, value in event.detail["is"].items() if name in _CORRECTED})
        for event in events
        if event.kind in {"corrected", "believed"} and event.id not in undone
    ]
