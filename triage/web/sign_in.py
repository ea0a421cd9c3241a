"""Signing in and out, and the language of the pages."""

from __future__ import annotations

import math
import threading
import time
from collections import deque

from starlette.responses import Response
from starlette.routing import Route

from triage.people import sessions, users
from triage.web import saying
from triage.web.visit import COOKIE, LANGUAGE_COOKIE, Pages, Visit

#: So many wrong passwords for a name, or from an address, within so many seconds; then nobody is asked for a while.
_TRIES, _WITHIN_S = 8, 600


class _Knocks:
    """Failed attempts of the last minutes, by name and by address."""

    def __init__(self) -> None:
        self._at: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def too_many(self, *who: str) -> int:
        """For how many seconds nobody of these may try again; 0 if they may now."""
        now = time.monotonic()
        with self._lock:
            for key in list(self._at):
                while self._at[key] and now - self._at[key][0] > _WITHIN_S:
                    self._at[key].popleft()
                if not self._at[key]:
                    del self._at[key]
            full = [self._at[key][0] for key in who if len(self._at.get(key, ())) >= _TRIES]
            return round(max(full) + _WITHIN_S - now) if full else 0

    def failed(self, *who: str) -> None:
        with self._lock:
            for key in who:
                self._at.setdefault(key, deque(maxlen=_TRIES)).append(time.monotonic())


def routes(pages: Pages) -> list[Route]:
    """GET and POST /sign-in, POST /sign-out, POST /language."""
    knocks = _Knocks()

    def show(visit: Visit) -> Response:
        if visit.session is not None:
            return visit.go(_inside(visit.request.query_params.get("next", "")))
        return _page(visit)

    def sign_in(visit: Visit) -> Response:
        name, address = visit.form.get("name", "").strip(), visit.request.client.host if visit.request.client else ""
        who = (f"name {name.casefold()[:100]}", f"address {address}")
        if wait := knocks.too_many(*who):
            return _page(visit, visit.say["sign_in_slow"].format(minutes=math.ceil(wait / 60)), 429)
        user = users.authenticated(visit.db, name, visit.form.get("password", ""))
        if user is None:
            knocks.failed(*who)
            return _page(visit, visit.say["sign_in_wrong"], 403)
        if visit.session is not None:
            sessions.end(visit.db, visit.session)
        session = sessions.begin(visit.db, user, visit.now)
        answer = visit.go(_inside(visit.form.get("next", "")))
        _set(visit, answer, COOKIE, session.token)
        return answer

    def sign_out(visit: Visit) -> Response:
        if visit.session is not None:
            sessions.end(visit.db, visit.session)
        answer = visit.go("/sign-in")
        answer.delete_cookie(COOKIE)
        return answer

    def language(visit: Visit) -> Response:
        answer = visit.go(_inside(visit.form.get("next", "")))
        wanted = visit.form.get("language", "")
        if wanted in saying.LANGUAGES:
            _set(visit, answer, LANGUAGE_COOKIE, wanted)
        return answer

    return [
        pages.get("/sign-in", show, needs=None),
        pages.post("/sign-in", sign_in, needs=None),
        pages.post("/sign-out", sign_out, needs=None),
        pages.post("/language", language, needs=None),
    ]


def _page(visit: Visit, wrong: str = "", status: int = 200) -> Response:
    following = visit.form.get("next") or visit.request.query_params.get("next", "")
    nobody = not users.listed(visit.db)
    return visit.page("sign_in.html", status, wrong=wrong, next=_inside(following), nobody=nobody)


def _inside(path: str) -> str:
    """An address of ours, whatever somebody put into a link."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if plain and len(path) < 2000 else "/"


def _set(visit: Visit, answer: Response, name: str, value: str) -> None:
    secure = visit.request.url.scheme == "https" or visit.settings.web.public_url.startswith("https:")
    longest = int(sessions.LONGEST.total_seconds())
    answer.set_cookie(name, value, max_age=longest, httponly=True, samesite="lax", secure=secure, path="/")
