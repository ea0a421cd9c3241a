"""The review queue: one doubtful case after another, one key an answer."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from triage import actions
from triage.cases import history, messages, queries
from triage.errors import UsageError
from triage.labels import CAUSE_KEYS, CAUSE_NAMES, Cause
from triage.people.users import Role
from triage.types import Case
from triage.web.acting import outdated, since
from triage.web.case import known_case, shown
from triage.web.visit import Pages, Visit

#: So many are looked for at most.
_MOST = 10_000


def routes(pages: Pages) -> list[Route]:
    """GET /review: the next one. POST /review/ID: an answer; /review/ID/undo takes one back."""
    return [
        pages.get("/review", review),
        pages.post("/review/{id}", answer),
        pages.post("/review/{id}/undo", take_back),
    ]


def review(visit: Visit) -> Response:
    """The case the address names, else the first that waits behind those that were skipped."""
    waiting = queries.listed(visit.db, accounts=visit.accounts, review=True, now=visit.now, limit=_MOST)
    skipped = [part for part in visit.request.query_params.get("skip", "").split(".") if part.isdecimal()]
    named = visit.request.query_params.get("case", "")
    case = next((each for each in waiting if str(each.id) == named), None) or next(
        (each for each in waiting if str(each.id) not in skipped), None
    )
    last = visit.request.query_params.get("last", "")
    values: dict[str, Any] = {
        "left": len(waiting),
        "last": last if last.isdecimal() else "",
        "acts": visit.may(Role.ACT),
    }
    if case is None:
        return visit.page("review.html", case=None, **values)
    return visit.page(
        "review.html",
        **shown(visit, case),
        **values,
        cause_name=CAUSE_NAMES[visit.language][case.cause],
        keys=[(key, cause.value, CAUSE_NAMES[visit.language][cause]) for key, cause in CAUSE_KEYS.items()],
        skip=".".join([*skipped[-200:], str(case.id)]),
        reason=_reason(visit, case),
    )


def answer(visit: Visit) -> Response:
    """What the case really is."""
    case = known_case(visit)
    meanwhile = since(visit, case.id)
    if meanwhile:
        return outdated(visit, case, "correct", meanwhile)
    try:
        cause = Cause(visit.form.get("cause", ""))
    except ValueError:
        raise UsageError(visit.say["wrong_input"]) from None
    actions.correct(visit.db, case.id, cause=cause, stage=None, by=visit.by, now=visit.now, source="review")
    return visit.go("/review", last=case.id)


def take_back(visit: Visit) -> Response:
    """The last answer was wrong: the case comes again, if nobody has touched it since."""
    case = known_case(visit)
    last = [event for event in history.of_case(visit.db, case.id) if event.by != history.DAEMON][-1:]
    if not last or last[0].kind != "corrected" or last[0].by != visit.by:
        return visit.go("/review")
    actions.undo(visit.db, case.id, by=visit.by, now=visit.now)
    return visit.go("/review", case=case.id)


def _reason(visit: Visit, case: Case) -> str:
    decided = [message.decision for message in messages.of_case(visit.db, case.id) if message.decision]
    return decided[-1].review_reason if decided else ""
