"""What many people look at, kept until something happens to any case: no change of a case is without an event."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar, cast

from triage.web.visit import Visit

#: So many things are kept until the next event.
_MOST = 200

What = TypeVar("What")


class Kept:
    """Things by key, of one moment, for those who see the same accounts."""

    def __init__(self, *, timeless: bool = False) -> None:
        """timeless: what is kept does not say how long it is until a deadline, and stays true while nothing happens."""
        self._timeless = timeless
        self._of = ""
        self._things: dict[Hashable, object] = {}

    def get(self, visit: Visit, key: Hashable, make: Callable[[], What]) -> What:
        """The thing of a key, made if it is not there or no longer true. Others may make it at the same time."""
        things, key = self._things, (visit.accounts, key)
        now = str(last_event(visit)) if self._timeless else revision(visit)
        if self._of != now or len(things) >= _MOST:
            things, self._of = {}, now
            self._things = things
        if key not in things:
            things[key] = make()
        return cast(What, things[key])


def revision(visit: Visit) -> str:
    """Changes whenever something happened to any case, and once a minute, for the time that is left."""
    return f"{last_event(visit)}.{int(visit.now.timestamp()) // 60}"


def last_event(visit: Visit) -> int:
    """The number of what happened last to any case."""
    return int(visit.db.execute("SELECT coalesce(max(id), 0) FROM case_events").fetchone()[0])
