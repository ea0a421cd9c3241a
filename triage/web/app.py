"""All that is served, as one application: the board with its guards, and what programs ask for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triage.config import Settings
from triage.web import acknowledge, feed, metrics

#: Nothing from elsewhere, no script in a page, no frame around it; what mails say is never more than text.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
#: The report as a file of its own has its style in itself.
_ALONE = "default-src 'none'; style-src 'unsafe-inline'"
_STATIC = Path(__file__).parent / "static"


def application(
    settings: Settings, clock: Callable[[], datetime], alive: Callable[[], bool], *, with_board: bool
) -> Starlette:
    """What is served. alive: whether the service's parts come round; with_board: the pages as well.

    Raises:
        ConfigError: a token cannot be had.
    """
    routes: list[Route | Mount] = [
        *metrics.routes(settings, clock, alive),
        *(feed.routes(settings, clock) if settings.web.feed_token else []),
        *(acknowledge.routes(settings, clock) if settings.web.public_url else []),
    ]
    if not with_board:
        return Starlette(routes=routes)
    # Much to load, for those who have the board.
    from triage.web import acting, api, board, case, letter, looking, review, sign_in, system
    from triage.web.visit import Pages

    pages = Pages(settings, clock)
    for part in (sign_in, board, case, acting, review, letter, looking, system):
        routes += part.routes(pages)
    routes.append(Mount("/api/v1", api.application(settings, clock)))
    routes.append(Mount("/static", StaticFiles(directory=_STATIC)))
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(_Guarded),
            Middleware(TrustedHostMiddleware, allowed_hosts=_hosts(settings), www_redirect=False),
            Middleware(GZipMiddleware, minimum_size=1000),
        ],
        exception_handlers={404: pages.unknown, 405: pages.unknown, Exception: pages.broken},
    )


def _hosts(settings: Settings) -> list[str]:
    """The names under which the board answers: no other site's name may be made to lead here (DNS rebinding)."""
    own = {"localhost", "127.0.0.1", "[::1]"}
    if settings.web.listen:
        own.add(settings.web.address[0])
    if settings.web.public_url:
        own.add(urlsplit(settings.web.public_url).hostname or "")
    return ["*"] if own & {"0.0.0.0", "::"} and not settings.web.public_url else sorted(own - {""})  # noqa: S104


class _Guarded:
    """Headers on all that goes out, unless a page has stricter ones of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/static/"):
                    headers["Cache-Control"] = "public, max-age=3600"
                if scope["path"] == "/report.html":
                    headers["Content-Security-Policy"] = _ALONE
            await send(message)

        await self._app(scope, receive, guarded if scope["type"] == "http" else send)
