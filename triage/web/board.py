"""The board: what is open, the most urgent first, filtered by the address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from triage.alerts.render import remaining
from triage.cases import queries
from triage.config import Settings
from triage.labels import (
    CAUSE_NAMES,
    ENDED,
    PLATFORM_NAMES,
    STAGE_NAMES,
    STATUS_NAMES,
    Cause,
    Platform,
    SenderVerdict,
    Stage,
)
from triage.people import users
from triage.types import Case
from triage.web import saying
from triage.web.kept import Kept, revision
from triage.web.visit import Pages, Visit

#: So many cases are shown; who has more open ones than that filters.
_MOST = 150
_NOW, _TODAY, _SOON = timedelta(hours=6), timedelta(days=1), timedelta(days=3)
#: From this severity on a case without any limit is for today.
_STANDSTILL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A case in a list, in the words of the reader."""

    id: int
    store: str
    platform: str
    cause: str
    stage: str
    status: str
    owner: str
    title: str
    urgency: str  # now, today, soon, later, ended
    due_at: datetime | None
    due: str  # the moment in the account's zone
    left: str  # how long it is until then
    assumed: bool
    forged: bool
    doubtful: bool
    asleep: str  # until when it is put off


def line(case: Case, settings: Settings, language: str, now: datetime) -> Line:
    """A case as a list shows it."""
    zone = settings.zone_for(case.account)
    say = saying.words()[language]
    limit = case.deadline if case.status not in ENDED and case.sender is not SenderVerdict.FORGED else None
    span = limit.at - now if limit else None
    asleep = case.snoozed_until if case.snoozed_until and case.snoozed_until > now else None
    return Line(
        id=case.id,
        store=case.store or case.account,
        platform=PLATFORM_NAMES[case.platform],
        cause=CAUSE_NAMES[language][case.cause],
        stage=STAGE_NAMES[language][case.stage],
        status=STATUS_NAMES[language][case.status],
        owner=case.assignee,
        title=case.title,
        urgency=urgency(case, now),
        due_at=limit.at if limit else None,
        due=saying.moment(limit.at, zone, language) if limit else "",
        left="" if span is None else say["left" if span > timedelta(0) else "over"].format(time=remaining(abs(span), language)),
        assumed=bool(limit and limit.assumed),
        forged=case.sender is SenderVerdict.FORGED,
        doubtful=case.needs_review,
        asleep=saying.moment(asleep, zone, language) if asleep else "",
    )  # fmt: skip


def urgency(case: Case, now: datetime) -> str:
    """How soon somebody must act."""
    if case.status in ENDED:
        return "ended"
    if case.sender is SenderVerdict.FORGED or case.stage is Stage.REINSTATED:
        return "later"
    if case.snoozed_until and case.snoozed_until > now:
        return "later"
    if case.deadline is None:
        return "today" if case.severity >= _STANDSTILL else "later"
    left = case.deadline.at - now
    return "now" if left < _NOW else "today" if left < _TODAY else "soon" if left < _SOON else "later"


def routes(pages: Pages) -> list[Route]:
    """GET /: the board."""
    kept = Kept()
    return [pages.get("/", lambda visit: board(visit, kept))]


def board(visit: Visit, kept: Kept) -> Response:
    """The whole page; to one that asks whether there is news, nothing if there is none."""
    seen = revision(visit)
    if visit.request.headers.get("X-Seen") == seen:
        return Response(status_code=204)
    chosen = _filters(visit)
    cases = kept.get(
        visit,
        tuple(chosen.items()),
        lambda: queries.listed(visit.db, accounts=visit.accounts, **chosen, now=visit.now, limit=_MOST + 1),
    )
    lines = [line(case, visit.settings, visit.language, visit.now) for case in cases[:_MOST]]
    groups = [(name, [each for each in lines if each.urgency == name]) for name in ("now", "today", "soon", "later", "ended")]  # fmt: skip
    query = {name: value for name, value in visit.request.query_params.items() if value}
    return visit.page(
        "board.html",
        seen=seen,
        groups=[(name, some) for name, some in groups if some],
        count=len(lines),
        more=len(cases) > _MOST,
        most=_MOST,
        query=query,
        here="/?" + urlencode(query) if query else "/",
        choices=_choices(visit),
    )


def _filters(visit: Visit) -> dict[str, Any]:
    """What the address asks for; what it cannot mean is left out."""
    given = visit.request.query_params

    def one(kind: Any, name: str) -> Any:
        try:
            return kind(given.get(name, ""))
        except ValueError:
            return None

    owner = given.get("owner", "")
    return {
        "everything": given.get("ended") == "1",
        "platform": one(Platform, "platform"),
        "cause": one(Cause, "cause"),
        "stage": one(Stage, "stage"),
        "review": given.get("review") == "1",
        "assignee": (visit.by if owner == "me" else owner) or None,
        "store": given.get("store") or None,
    }


def _choices(visit: Visit) -> dict[str, list[tuple[str, str]]]:
    """What there is to filter by."""
    mine, values = queries.of_accounts(visit.accounts)
    ended = ", ".join("?" * len(ENDED))
    rows = visit.db.execute(
        f"SELECT DISTINCT platform, store, assignee FROM cases WHERE {mine} AND status NOT IN ({ended})",  # noqa: S608 - marks
        [*values, *sorted(ENDED)],
    ).fetchall()
    platforms = sorted({Platform(row[0]) for row in rows}, key=lambda each: PLATFORM_NAMES[each])
    people = {user.name for user in users.listed(visit.db)} | {row[2] for row in rows if row[2]}
    return {
        "platform": [(each.value, PLATFORM_NAMES[each]) for each in platforms],
        "cause": [(each.value, CAUSE_NAMES[visit.language][each]) for each in Cause if each is not Cause.NONE],
        "stage": [(each.value, STAGE_NAMES[visit.language][each]) for each in Stage if each is not Stage.NONE],
        "store": [(name, name) for name in sorted({row[1] for row in rows if row[1]})],
        "owner": [("me", visit.say["mine"]), *((name, name) for name in sorted(people) if name != visit.by)],
    }
