"""The service's web server: a thread of its own, on the configured address."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from datetime import datetime

import structlog
import uvicorn

from triage.config import Settings
from triage.errors import OutputError
from triage.web.app import application

log = structlog.get_logger()

#: How long requests under way may take when the service ends, in seconds.
_GRACE = 2


class Serving:
    """A running server."""

    def __init__(self, server: uvicorn.Server, listening: socket.socket) -> None:
        self.address: tuple[str, int] = listening.getsockname()[:2]
        self._server = server
        self._listening = listening
        self._thread = threading.Thread(target=server.run, args=([listening],), name="web", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it; what is under way gets a moment."""
        self._server.should_exit = True
        self._thread.join(_GRACE)
        self._listening.close()


def serve(settings: Settings, clock: Callable[[], datetime], alive: Callable[[], bool]) -> Serving:
    """Begin to serve. alive: whether the service's parts come round.

    Raises:
        OutputError: the address cannot be listened on.
        ConfigError: a token cannot be had.
    """
    app = application(settings, clock, alive, with_board=settings.web.board)
    host, port = settings.web.address
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise OutputError(
            f"web.listen: {settings.web.listen}: {os.strerror(error.errno) if error.errno else error}; choose another address"
        ) from error
    # An answer's head and body go out at once; asyncio sees to that only for sockets it made itself, and a browser's
    # delayed acknowledgement would hold every page back for forty milliseconds.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Access logs would hold the token.
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE))
    serving = Serving(server, listening)
    log.info("web_started", host=serving.address[0], port=serving.address[1])
    return serving
