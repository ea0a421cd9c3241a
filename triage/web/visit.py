"""One request of a person: who it is, in which language, what the form says; and the pages that answer it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import structlog
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from triage.cases import queries
from triage.config import Settings
from triage.errors import TriageError, UsageError
from triage.labels import STATUS_NAMES, Status
from triage.people import access, sessions
from triage.people.access import Accounts
from triage.people.sessions import Session
from triage.people.users import Role
from triage.store.connection import opened
from triage.types import Case
from triage.web import saying

if TYPE_CHECKING:
    from sqlite_utils import Database

log = structlog.get_logger()

COOKIE, LANGUAGE_COOKIE = "triage_session", "triage_language"
#: The largest form: a letter, or a note.
_LARGEST_FORM = 400_000
_MOST_FIELDS = 200

Handler = Callable[["Visit"], Response]


class Missing(Exception):
    """There is no such page, or what it was about is gone."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What a page needs to know of the request it answers."""

    request: Request
    db: Database
    settings: Settings
    now: datetime
    session: Session | None
    form: Mapping[str, str]
    language: str
    say: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "say", saying.words()[self.language])

    @property
    def by(self) -> str:
        """Who acts: the name in the history."""
        assert self.session is not None
        return self.session.user.name

    @property
    def accounts(self) -> Accounts:
        """Whose cases there are for whoever is here."""
        assert self.session is not None
        return self.session.user.accounts

    def case(self, number: int) -> Case | None:
        """The case of a number, or None if there is none for whoever is here."""
        found = queries.get(self.db, number)
        return found if found is not None and access.sees(self.accounts, found.account) else None

    def may(self, role: Role) -> bool:
        """Whether whoever is here may do what the role may."""
        return self.session is not None and self.session.user.role.may(role)

    def number(self, name: str = "id") -> int:
        """A number of the address.

        Raises:
            Missing: there is none like it.
        """
        found = whole_number(str(self.request.path_params[name]))
        if found is None:
            raise Missing
        return found

    def page(self, template: str, /, status: int = 200, **values: Any) -> Response:
        """A page of ours."""
        content = (
            environment()
            .get_template(template)
            .render({"visit": self, "say": self.say, "language": self.language, "Role": Role, **values})
        )
        return HTMLResponse(content, status)

    def go(self, path: str, **query: object) -> Response:
        """On to another page, by GET."""
        return RedirectResponse(f"{path}?{urlencode(query)}" if query else path, 303)


class Pages:
    """Makes routes of handlers: each request gets its own connection, its visitor and its language."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._settings, self._clock = settings, clock

    def get(self, path: str, handler: Handler, needs: Role | None = Role.VIEW) -> Route:
        """A page to be read. needs None: by anybody."""
        return Route(path, self._endpoint(handler, needs), methods=["GET"])

    def post(self, path: str, handler: Handler, needs: Role | None = Role.ACT) -> Route:
        """A form to be sent. It must be one of the visitor's own session."""
        return Route(path, self._endpoint(handler, needs), methods=["POST"])

    def _endpoint(self, handler: Handler, needs: Role | None) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            form: dict[str, str] = {}
            if request.method == "POST":
                if int(request.headers.get("content-length") or _LARGEST_FORM + 1) > _LARGEST_FORM:
                    return await run_in_threadpool(self._said, request, "refused_title", "too_large", 413)
                try:
                    given = await request.form(max_files=0, max_fields=_MOST_FIELDS, max_part_size=_LARGEST_FORM)
                except HTTPException:
                    return await run_in_threadpool(self._said, request, "refused_title", "wrong_input", 400)
                for key in given:
                    form[key] = ",".join(str(value) for value in given.getlist(key))
            return await run_in_threadpool(self._answer, request, form, handler, needs)

        return endpoint

    def _answer(self, request: Request, form: Mapping[str, str], handler: Handler, needs: Role | None) -> Response:
        with opened(self._settings.database) as db:
            visit = self._visit(request, db, form)
            refusal = _refusal(visit, needs)
            if refusal is not None:
                return refusal
            try:
                return handler(visit)
            except Missing:
                return said(visit, "not_found_title", visit.say["not_found"], 404)
            except UsageError as error:
                return said(visit, "refused_title", _why(visit, error), 400)
            except TriageError as error:
                log.error("page_failed", path=request.url.path, reason=str(error))
                return said(visit, "broken_title", str(error), 503)

    def _said(self, request: Request, title: str, text: str, status: int) -> Response:
        with opened(self._settings.database) as db:
            visit = self._visit(request, db, {})
            return said(visit, title, visit.say[text].format(size=f"{_LARGEST_FORM // 1000} KB"), status)

    def unknown(self, request: Request, error: Exception) -> Response:
        """For addresses that lead nowhere."""
        with opened(self._settings.database) as db:
            visit = self._visit(request, db, {})
            status = error.status_code if isinstance(error, HTTPException) else 404
            return said(visit, "not_found_title", visit.say["not_found"], status)

    def broken(self, request: Request, error: Exception) -> Response:
        """For faults of ours."""
        log.error("page_broken", path=request.url.path, error=type(error).__name__, exc_info=error)
        with opened(self._settings.database) as db:
            visit = self._visit(request, db, {})
            return said(visit, "broken_title", visit.say["broken"], 500)

    def _visit(self, request: Request, db: Database, form: Mapping[str, str]) -> Visit:
        now = self._clock()
        token = request.cookies.get(COOKIE, "")
        session = sessions.of(db, token, now) if token else None
        return Visit(
            request=request,
            db=db,
            settings=self._settings,
            now=now,
            session=session,
            form=form,
            language=_language(request, session, self._settings),
        )


def whole_number(text: str, digits: int = 12) -> int | None:
    """What somebody wrote into an address or a form as a number, or None if it is none or too long a one."""
    return int(text) if text.isdecimal() and len(text) <= digits else None


def said(visit: Visit, title: str, text: str, status: int) -> Response:
    """A page that says what happened, and the way on. title: a key of the words."""
    return visit.page("said.html", status, title=visit.say[title], text=text)


def _why(visit: Visit, error: UsageError) -> str:
    """Why something cannot be done, in the visitor's language."""
    if not error.why:
        return str(error)
    names = STATUS_NAMES[visit.language]
    about = {name: names[value] if isinstance(value, Status) else value for name, value in error.about.items()}
    return visit.say[f"cannot_{error.why}"].format(**about)


def _refusal(visit: Visit, needs: Role | None) -> Response | None:
    """Why a visitor gets something else than the page, or None."""
    request = visit.request
    if needs is not None and visit.session is None:
        if request.method == "POST":
            return said(visit, "stale_title", visit.say["stale"], 403)
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if "HX-Request" in request.headers:  # a part of a page: the whole of it goes to the sign-in
            return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
        return RedirectResponse("/sign-in" + (f"?next={quote(here)}" if here != "/" else ""), 303)
    if request.method == "POST" and visit.session and not visit.session.has_form_key(visit.form.get("key", "")):
        return said(visit, "stale_title", visit.say["stale"], 403)
    if request.method == "POST" and request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        return said(visit, "stale_title", visit.say["stale"], 403)
    if needs is not None and not visit.may(needs):
        assert visit.session is not None
        user = visit.session.user
        text = visit.say["forbidden"].format(name=user.name, role=visit.say[f"role_{user.role}"])
        return said(visit, "forbidden_title", text, 403)
    return None


def _language(request: Request, session: Session | None, settings: Settings) -> str:
    """What the visitor chose, the user's own, what the browser asks for, what is configured: the first there is."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in saying.LANGUAGES:
        return chosen
    if session and session.user.language in saying.LANGUAGES:
        return session.user.language
    for wanted in request.headers.get("Accept-Language", "").split(","):
        code = wanted.split(";")[0].strip().lower()[:2]
        if code in saying.LANGUAGES:
            return code
    return settings.language


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Templates: everything is escaped, and a word that is missing is a fault."""
    env = Environment(
        loader=PackageLoader("triage.web", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals.update(moment=saying.moment, day=saying.day, share=saying.share, number=saying.number)
    return env
