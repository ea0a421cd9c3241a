"""Pages to look something up: stores, search, the calendar of deadlines, the report."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby
from typing import Any, Literal

from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import Route

from triage.advising import repeated
from triage.cases import queries
from triage.cases.stores import Store, stores
from triage.errors import UsageError
from triage.labels import PLATFORM_NAMES, STATUS_NAMES, SenderVerdict, Status
from triage.people import access
from triage.reports.calendar import deadlines
from triage.reports.writing import report_text
from triage.searching import searched
from triage.types import Case
from triage.web import saying
from triage.web.board import Line, line
from triage.web.kept import Kept
from triage.web.visit import Missing, Pages, Visit, whole_number

_MOST_HITS = 50
_MOST_DUE = 2000
#: Of these the report speaks, in days.
_PERIODS = {"week": 7, "month": 30, "quarter": 90}


def routes(pages: Pages) -> list[Route]:
    """GET /stores, /store, /search, /calendar, /calendar.ics, /report, /report.html."""
    kept, kept_stores = Kept(), Kept(timeless=True)
    return [
        pages.get("/stores", lambda visit: all_stores(visit, kept_stores)),
        pages.get("/store", one_store),
        pages.get("/search", search),
        pages.get("/calendar", lambda visit: calendar(visit, kept)),
        pages.get("/calendar.ics", calendar_file),
        pages.get("/report", report),
        pages.get("/report.html", report_file),
    ]


def all_stores(visit: Visit, kept: Kept) -> Response:
    """Each store with what is open, its points, what repeats itself."""
    every = kept.get(
        visit,
        ("stores", visit.language),
        lambda: [_store(visit, each) for each in stores(visit.db, visit.now, accounts=visit.accounts)],
    )
    return visit.page("stores.html", stores=[{**store, "open": _lines(visit, store["open"])} for store in every])


def one_store(visit: Visit) -> Response:
    """A store with all its cases of a year."""
    asked = {name: visit.request.query_params.get(name, "") for name in ("account", "name", "platform")}
    for store in stores(visit.db, visit.now, accounts=access.of_these(visit.accounts, [asked["account"]])):
        if (store.name, store.platform.value) == (asked["name"], asked["platform"]):
            return visit.page("store.html", store=_store(visit, store), every=_lines(visit, store.cases))
    raise Missing


def _store(visit: Visit, store: Store) -> dict[str, Any]:
    language = visit.language
    return {
        "query": {"account": store.account, "name": store.name, "platform": store.platform.value},
        "name": store.name,
        "platform": PLATFORM_NAMES[store.platform],
        "account": store.account,
        "open": store.open,
        "points": f"{store.points.value}" + (f"/{store.points.of}" if store.points.of else "") if store.points else "",
        "ended": [f"{STATUS_NAMES[language][status]} {count}" for status, count in store.outcomes().items()],
        "patterns": [pattern.text for pattern in repeated(store, visit.now, language)],
    }


def _lines(visit: Visit, cases: Iterable[Case]) -> list[Line]:
    return [line(case, visit.settings, visit.language, visit.now) for case in cases]


def search(visit: Visit) -> Response:
    """Mails and notes of cases; a bare number leads to its case."""
    words = visit.request.query_params.get("q", "").strip()[:300]
    number = whole_number(words.removeprefix("#"), 9)
    if number is not None and visit.case(number):
        return visit.go(f"/cases/{number}")
    try:
        hits = searched(visit.db, words, _MOST_HITS, visit.accounts)
    except UsageError:
        return visit.page("search.html", words="", hits=[])
    return visit.page(
        "search.html",
        words=words,
        hits=[(hit, saying.moment(hit.at, visit.settings.zone, visit.language), _excerpt(hit.excerpt)) for hit in hits],
    )


def _excerpt(text: str) -> list[tuple[str, bool]]:
    """An excerpt in pieces: its text, and whether it was searched for."""
    pieces: list[tuple[str, bool]] = []
    for part in text.split("["):
        hit, bracket, rest = part.partition("]")
        pieces += [(hit, True), (rest, False)] if bracket and pieces else [(part, False)]
    return [piece for piece in pieces if piece[0]]


def calendar(visit: Visit, kept: Kept) -> Response:
    """Deadlines by day, those that passed first."""
    waiting = {Status.OPEN, Status.ACKNOWLEDGED, Status.PREPARING}
    due = [
        case
        for case in kept.get(
            visit, "open", lambda: queries.listed(visit.db, accounts=visit.accounts, now=visit.now, limit=_MOST_DUE)
        )
        if case.deadline and case.status in waiting and case.sender is not SenderVerdict.FORGED
    ]
    due.sort(key=lambda case: case.deadline.at if case.deadline else visit.now)
    passed = [case for case in due if case.deadline and case.deadline.at <= visit.now]

    def local_day(case: Any) -> Any:
        return case.deadline.at.astimezone(visit.settings.zone_for(case.account)).date()

    ahead = sorted(due[len(passed) :], key=local_day)
    days = [(saying.day(at, visit.language), _lines(visit, cases)) for at, cases in groupby(ahead, key=local_day)]
    return visit.page(
        "calendar.html", passed=_lines(visit, passed), days=days, feed=bool(visit.settings.web.feed_token)
    )


def calendar_file(visit: Visit) -> Response:
    """The same as a file for calendar programs."""
    content = deadlines(visit.db, visit.settings, visit.now, language=visit.language, accounts=visit.accounts)
    headers = {"Content-Disposition": 'attachment; filename="triage.ics"'}
    return Response(content, headers=headers, media_type="text/calendar; charset=utf-8")


def report(visit: Visit) -> Response:
    """The report on a week, a month or a quarter."""
    name, part = _report(visit, "part")
    # It comes out of a template of ours that escapes all it is given.
    return visit.page("report.html", chosen=name, periods=list(_PERIODS), report=Markup(part))  # noqa: S704


def report_file(visit: Visit) -> Response:
    """The same as one complete file."""
    name, text = _report(visit, "html")
    headers = {"Content-Disposition": f'attachment; filename="triage-{name}-{visit.now:%Y-%m-%d}.html"'}
    return Response(text, headers=headers, media_type="text/html; charset=utf-8")


def _report(visit: Visit, form: Literal["html", "part"]) -> tuple[str, str]:
    """The name of the time that the address asks for, and the report on it."""
    asked = visit.request.query_params.get("period", "")
    name = asked if asked in _PERIODS else "week"
    since = visit.now - timedelta(days=_PERIODS[name])
    return name, report_text(
        visit.db, visit.settings, since, visit.now, form=form, language=visit.language, accounts=visit.accounts
    )
