"""A service that hangs is cut off: what is asked of it runs beside, and is waited for only so long."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import TypeVar

from triage.config import Target
from triage.errors import TargetFailed

T = TypeVar("T")

#: The call of each target that was cut off and may still hang. A second one beside it would hang as well.
_hanging: dict[str, threading.Thread] = {}


def within(target: Target, call: Callable[[], T]) -> T:
    """What the call returns or raises, if it does so within the target's time.

    A library's timeouts count from one byte to the next: a server that sends one now and then is not caught by them.

    Raises:
        TargetFailed: it did not; whether the message arrived is not known, so it will be sent again.
    """
    before = _hanging.get(target.name)
    if before is not None and before.is_alive():
        raise TargetFailed(f"{target.name}: the service still hangs in the call before")
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(call())
        except BaseException as error:
            failed.append(error)

    context = contextvars.copy_context()
    thread = threading.Thread(target=lambda: context.run(run), name=f"to {target.name}", daemon=True)
    thread.start()
    thread.join(target.timeout.total_seconds())
    if thread.is_alive():
        _hanging[target.name] = thread
        raise TargetFailed(f"{target.name}: no answer within {target.timeout.total_seconds():g} s")
    _hanging.pop(target.name, None)
    if failed:
        raise failed[0]
    return done[0]
