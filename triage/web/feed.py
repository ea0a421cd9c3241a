"""The calendar of deadlines as a feed that calendar programs subscribe to."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from triage.config import Settings
from triage.reports.calendar import deadlines
from triage.store.connection import opened


def routes(settings: Settings, clock: Callable[[], datetime]) -> list[Route]:
    """GET /calendar/TOKEN.ics: whoever has the token may read it; calendar programs can send nothing else.

    Raises:
        ConfigError: the token cannot be had.
    """
    token = settings.web.secret.reveal()

    def feed(request: Request) -> Response:
        if not hmac.compare_digest(request.path_params["token"].encode(), token.encode()):
            return Response("not found\n", 404, media_type="text/plain")
        with opened(settings.database) as db:
            content = deadlines(db, settings, clock(), language=settings.language)
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if request.headers.get("If-None-Match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type="text/calendar; charset=utf-8")

    return [Route("/calendar/{token}.ics", feed, methods=["GET"])]
