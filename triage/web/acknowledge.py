"""The page behind the link in an alert: one button that acknowledges the case."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from triage import actions, installation
from triage.alerts import links
from triage.cases import queries
from triage.config import Settings
from triage.errors import UsageError
from triage.labels import CAUSE_NAMES, ENDED, PLATFORM_NAMES, STAGE_NAMES, Status
from triage.store.connection import opened
from triage.store.moments import stored
from triage.types import Case

#: The page is of one moment and nobody else's; its address must not travel on, and nothing but its own form may run.
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
}
_WORDS = {
    "en": {
        "title": "Case {id}",
        "button": "I take care of it",
        "done": "Acknowledged by {by}. No more reminders about this case until something new comes.",
        "already": "This case is already taken care of.",
        "used": "This link was used, and something new has come since. Use the newest alert.",
        "board": "To the case on the board",
        "ended": "This case has ended.",
        "gone": "This link is not valid or too old. Use the newest alert, or: triage ack",
        "deadline": "Answer by",
    },
    "zh": {
        "title": "案件 {id}",
        "button": "由我接手",
        "done": "{by} 已接手。有新情况之前不再提醒。",
        "already": "该案件已有人接手。",
        "used": "该链接已使用过，之后案件又有新情况。请使用最新的提醒。",
        "board": "在看板中查看案件",
        "ended": "该案件已结束。",
        "gone": "链接无效或已过期。请使用最新的提醒，或运行：triage ack",
        "deadline": "回复期限",
    },
}


def routes(settings: Settings, clock: Callable[[], datetime]) -> list[Route]:
    """GET /ack/TOKEN shows the case and a button, POST acknowledges it. Programs that look at links before a person
    does only ever GET."""
    key = installation.key(settings.data, create=True)

    def page(request: Request) -> Response:
        permit = links.permitted(key, request.path_params["token"])
        with opened(settings.database) as db:
            case = queries.get(db, permit.case) if permit else None
            if permit is None or case is None:
                return _page(settings.language, "gone", status=404)
            language = settings.language_for(case.account)
            if case.status in ENDED:
                return _page(language, "ended", case, settings)
            if case.status is not Status.OPEN:
                return _page(language, "already", case, settings)
            if permit.open_since not in {"", stored(case.open_since or case.opened_at)}:
                return _page(language, "used", case, settings)
            if request.method != "POST":
                return _page(language, "", case, settings)
            try:
                actions.acknowledge(db, case.id, by=permit.person, now=clock())
            except UsageError:  # somebody else was faster
                return _page(language, "already", case, settings)
            return _page(language, "done", case, settings, by=permit.person)

    return [Route("/ack/{token}", page, methods=["GET", "POST"])]


def _page(
    language: str,
    says: str,
    case: Case | None = None,
    settings: Settings | None = None,
    *,
    by: str = "",
    status: int = 200,
) -> Response:
    """says: a key of the words; empty for the button."""
    words = _WORDS[language]
    about: dict[str, str] = {}
    if case is not None and settings is not None:
        local = case.deadline.at.astimezone(settings.zone_for(case.account)) if case.deadline else None
        about = {
            "name": f"{PLATFORM_NAMES[case.platform]} {case.store or case.account}",
            "what": f"{STAGE_NAMES[language][case.stage]} - {CAUSE_NAMES[language][case.cause]}",
            "deadline": f"{words['deadline']} {local:%Y-%m-%d %H:%M} {local.tzinfo}" if local else "",
            "board": f"/cases/{case.id}" if settings.web.board else "",
            "to_board": words["board"],
        }
    content = (
        _environment()
        .get_template("acknowledge.html")
        .render(
            language=language,
            title=words["title"].format(id=case.id) if case else "Triage",
            says=words[says].format(by=by) if says else "",
            button="" if says else words["button"],
            **about,
        )
    )
    return HTMLResponse(content, status, headers=_HEADERS)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(loader=PackageLoader("triage.web", "pages"), autoescape=select_autoescape(default=True))
