"""What a person does on the page of a case: each form is one action, and can be taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from starlette.responses import Response
from starlette.routing import Route

from triage import actions, regrouping
from triage.advising import advised
from triage.cases import history
from triage.errors import UsageError
from triage.labels import Cause, Stage, Status
from triage.types import Case, CaseEvent
from triage.web.case import known_case, shown
from triage.web.visit import Pages, Visit, whole_number

#: What two people can do side by side: nothing of one is lost by the other.
_SIDE_BY_SIDE = frozenset({"note", "tick", "untick"})
#: What a note may hold.
_LONGEST_NOTE = 20_000

Label = TypeVar("Label", bound=StrEnum)


def routes(pages: Pages) -> list[Route]:
    """POST /cases/ID/ACTION for each action."""
    return [
        pages.post(f"/cases/{{id}}/{name}", _endpoint(name, act))
        for name, act in {
            "acknowledge": _acknowledge,
            "assign": _assign,
            "status": _status,
            "close": _close,
            "note": _note,
            "snooze": _snooze,
            "correct": _correct,
            "believe": _believe,
            "merge": _merge,
            "split": _split,
            "tick": _tick,
            "untick": _untick,
            "undo": _undo,
        }.items()
    ]


def _endpoint(name: str, act: Callable[[Visit, int], CaseEvent]) -> Callable[[Visit], Response]:
    def endpoint(visit: Visit) -> Response:
        case = known_case(visit)
        meanwhile = [] if name in _SIDE_BY_SIDE else since(visit, case.id)
        if meanwhile:
            return outdated(visit, case, name, meanwhile)
        event = act(visit, case.id)
        return visit.go(f"/cases/{event.case_id}", done=event.id)

    return endpoint


def since(visit: Visit, case: int) -> list[CaseEvent]:
    """What others did to a case since the visitor's form was made."""
    seen = whole_number(visit.form.get("seen", ""), 11)
    return history.of_others(visit.db, case, visit.by, after=seen or 0)


def outdated(visit: Visit, case: Case, name: str, meanwhile: list[CaseEvent]) -> Response:
    """A page that tells of it, with the form as it was filled in, to be sent once more."""
    entered = {key: value for key, value in visit.form.items() if key not in {"seen", "key"}}
    ids = {event.id for event in meanwhile}
    values = shown(visit, case)
    count = sum(event.id in ids for event in history.of_case(visit.db, case.id))
    return visit.page("outdated.html", 409, **values, action=name, entered=entered, meanwhile=values["events"][:count])


def _acknowledge(visit: Visit, case: int) -> CaseEvent:
    return actions.acknowledge(visit.db, case, by=visit.by, now=visit.now)


def _assign(visit: Visit, case: int) -> CaseEvent:
    return actions.assign(visit.db, case, visit.form.get("to", "")[:60], by=visit.by, now=visit.now)


def _status(visit: Visit, case: int) -> CaseEvent:
    note = visit.form.get("note", "").strip()[:_LONGEST_NOTE]
    return actions.set_status(visit.db, case, _label(Status, visit, "status"), by=visit.by, now=visit.now, note=note)


def _close(visit: Visit, case: int) -> CaseEvent:
    note = visit.form.get("note", "").strip()[:_LONGEST_NOTE]
    return actions.close(visit.db, case, by=visit.by, now=visit.now, note=note)


def _note(visit: Visit, case: int) -> CaseEvent:
    text = visit.form.get("text", "").replace("\r\n", "\n")
    if len(text) > _LONGEST_NOTE:
        raise UsageError(visit.say["too_large"].format(size=f"{_LONGEST_NOTE:,}"))
    return actions.note(visit.db, case, text, by=visit.by, now=visit.now)


def _snooze(visit: Visit, case: int) -> CaseEvent:
    given = visit.form.get("seconds", "")
    seconds = whole_number(given, 8)
    if given and seconds is None:
        raise UsageError(visit.say["wrong_input"])
    until = visit.now + timedelta(seconds=seconds) if seconds is not None else None
    return actions.snooze(visit.db, case, until, by=visit.by, now=visit.now)


def _correct(visit: Visit, case: int) -> CaseEvent:
    cause = _label(Cause, visit, "cause")
    stage = _label(Stage, visit, "stage") if visit.form.get("stage") else None
    return actions.correct(visit.db, case, cause=cause, stage=stage, by=visit.by, now=visit.now, source="board")


def _believe(visit: Visit, case: int) -> CaseEvent:
    return actions.believe(visit.db, case, by=visit.by, now=visit.now)


def _merge(visit: Visit, case: int) -> CaseEvent:
    other = _number(visit, "other")
    if visit.case(other) is None:
        raise UsageError(f"there is no case {other}", "no_case", case=other)
    return regrouping.merge(visit.db, case, other, by=visit.by, now=visit.now)


def _split(visit: Visit, case: int) -> CaseEvent:
    chosen = [whole_number(text, 11) for text in visit.form.get("mails", "").split(",") if text]
    mails = [number for number in chosen if number is not None]
    if len(mails) < len(chosen):
        raise UsageError(visit.say["wrong_input"])
    return regrouping.split(visit.db, case, mails, by=visit.by, now=visit.now)


def _tick(visit: Visit, case: int) -> CaseEvent:
    return actions.tick(visit.db, case, _item(visit), by=visit.by, now=visit.now)


def _untick(visit: Visit, case: int) -> CaseEvent:
    return actions.tick(visit.db, case, _item(visit), done=False, by=visit.by, now=visit.now)


def _undo(visit: Visit, case: int) -> CaseEvent:
    return actions.undo(visit.db, case, by=visit.by, now=visit.now)


def _item(visit: Visit) -> str:
    """The step or piece of evidence that is ticked: one the case has."""
    told = advised(visit.db, known_case(visit), visit.settings, visit.language, visit.now)
    item = visit.form.get("item", "")
    if item not in told.items:
        raise UsageError(visit.say["wrong_input"])
    return item


def _number(visit: Visit, name: str) -> int:
    found = whole_number(visit.form.get(name, "").strip().lstrip("#"))
    if found is None:
        raise UsageError(visit.say["wrong_input"])
    return found


def _label(kind: type[Label], visit: Visit, name: str) -> Label:
    try:
        return kind(visit.form.get(name, ""))
    except ValueError:
        raise UsageError(visit.say["wrong_input"]) from None
