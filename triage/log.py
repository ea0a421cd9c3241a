"""Structured logs: for people on a terminal, JSON lines everywhere else. Never mail text, never a secret."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog

#: Libraries that write URLs (and with them tokens) or whole protocol lines at INFO.
_TALKATIVE = ("apprise", "httpx", "httpcore", "urllib3", "requests", "imapclient", "apscheduler", "asyncio", "pymap")


def configure(*, level: str = "info", json: bool | None = None, stream: TextIO | None = None) -> None:
    """Set up logging for the whole process.

    json: True or False forces the format; None means JSON unless the stream is a terminal.
    """
    out = stream or sys.stderr
    as_json = not out.isatty() if json is None else json
    renderer: structlog.types.Processor
    if as_json:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        # A plain traceback: the colourful one shows local variables, and with them passwords and mail text.
        renderer = structlog.dev.ConsoleRenderer(
            colors=out.isatty(), pad_event_to=26, exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            *([structlog.processors.format_exc_info] if as_json else []),
            structlog.processors.TimeStamper(fmt="iso" if as_json else "%H:%M:%S", utc=as_json),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=out, format="%(levelname)s %(name)s: %(message)s")
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL if name in {"apscheduler", "apprise"} else logging.ERROR)
