"""What the services really answered to Apprise.

Apprise says yes or no. It takes every 200 for a yes, though WeCom, DingTalk and Feishu put a refusal into the body of
a 200, and it does not pass on how long a service wants to be left alone. All its HTTP plugins speak through
``requests``, so its one way out is watched: what was answered within a ``watched()`` block, also in the threads Apprise
starts for it, stands in the block's list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache, wraps
from typing import Any

#: Where the robots put their verdict; 0 is well. DingTalk and WeCom: errcode; Feishu and Lark: code, before StatusCode.
_CODES = ("errcode", "code", "StatusCode")
#: WeCom 45009, DingTalk 130101 and 410100, Feishu 11232 and 9499: too many messages. They say no time; a minute is their unit.
_TOO_MANY = frozenset({45009, 130101, 410100, 11232, 9499})
_A_MINUTE = timedelta(minutes=1)
#: A verdict stands at the beginning of a short answer.
_READ = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a service."""

    status: int  # HTTP
    code: int  # a robot's own; 0 where there is none
    wait: timedelta | None  # it asks to be left alone for so long

    @property
    def taken(self) -> bool:
        """Whether the message arrived."""
        return self.status < 300 and self.code == 0

    @property
    def refused(self) -> bool:
        """Whether it is this message that is not wanted, and not the sender or just now."""
        return self.status in {400, 413, 415, 422}

    def __str__(self) -> str:
        return f"code {self.code}" if self.code else f"HTTP {self.status}"


@dataclass(frozen=True, slots=True)
class _Watch:
    answers: list[Answer]
    verdict_in_body: bool


_watching: ContextVar[_Watch | None] = ContextVar("answers", default=None)


@contextmanager
def watched(*, verdict_in_body: bool = False) -> Iterator[list[Answer]]:
    """The answers to whatever is sent through ``requests`` in this block, in order.

    verdict_in_body: the service is a robot whose 200 can be a refusal.
    """
    _watch()
    watch = _Watch([], verdict_in_body)
    token = _watching.set(watch)
    try:
        yield watch.answers
    finally:
        _watching.reset(token)


def answer(status: int, headers: Any, now: datetime, verdict: bytes = b"") -> Answer:
    """What an answer means. headers: a mapping without regard to case; verdict: the beginning of a robot's body."""
    code = _code(verdict) if verdict and status < 300 else 0
    wait = _wait(headers.get("Retry-After", ""), now) if status in {429, 503} else None
    if wait is None and (status == 429 or code in _TOO_MANY):
        wait = _A_MINUTE
    return Answer(status, code, wait)


@lru_cache(maxsize=1)
def _watch() -> None:
    import requests

    send = requests.Session.send

    @wraps(send)
    def sent(session: requests.Session, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        response = send(session, request, **kwargs)
        watch = _watching.get()
        if watch is not None:
            verdict = response.content[:_READ] if watch.verdict_in_body and not kwargs.get("stream") else b""
            watch.answers.append(answer(response.status_code, response.headers, datetime.now(UTC), verdict))
        return response

    requests.Session.send = sent  # type: ignore[method-assign, assignment]


def _code(body: bytes) -> int:
    try:
        content = json.loads(body)
    except ValueError:
        return 0
    found = next((content[name] for name in _CODES if name in content), 0) if isinstance(content, dict) else 0
    return found if isinstance(found, int) else 0


def _wait(said: str, now: datetime) -> timedelta | None:
    """Retry-After (RFC 9110, 10.2.3): seconds or a date."""
    if said.strip().isdigit():
        return timedelta(seconds=min(int(said), 86400))
    try:
        return max(parsedate_to_datetime(said) - now, timedelta(0))
    except (ValueError, TypeError):
        return None
