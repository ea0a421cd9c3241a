"""Whether the parts of a configuration fit together: names that are used twice, or named and not there; circles."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from triage.config.settings import Settings


def faults(settings: Settings) -> Iterator[str]:
    """One line for each name that does not fit: where it stands, what is wrong, what is allowed."""
    targets = [target.name for target in settings.targets]
    people = [person.name for person in settings.people]
    accounts = [account.name for account in settings.accounts]
    routes = [route.name for route in settings.routes]
    yield from _twice("accounts", accounts)
    yield from _twice("targets", targets)
    yield from _twice("people", people)
    yield from _twice("routes", routes)
    for name in sorted(set(targets) & set(people)):
        yield f'people: "{name}" is a target\'s name too; a route could mean either'
    for account in settings.accounts:
        yield from _unknown(f"accounts.{account.name}.targets", account.targets or (), targets, "target")
    for person in settings.people:
        yield from _unknown(f"people.{person.name}.targets", person.targets, targets, "target")
        yield from _unknown(f"people.{person.name}.next", [person.next] if person.next else [], people, "person")
    for route in settings.routes:
        yield from _unknown(f"routes.{route.name}.to", route.to, [*targets, *people], "target or person")
        yield from _unknown(f"routes.{route.name}.accounts", route.accounts, accounts, "account")
    yield from _circles({person.name: person.next for person in settings.people})


def _twice(kind: str, names: Sequence[str]) -> Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f'{kind}: the name "{name}" is used twice; names must differ'


def _unknown(place: str, names: Collection[str], known: Collection[str], what: str) -> Iterator[str]:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(sorted(known)) or 'none'}"
            yield f'{place}: no {what} is called "{name}"{hint}'


def _circles(following: dict[str, str]) -> Iterator[str]:
    """An escalation that comes back to where it was would never reach everybody."""
    told: set[str] = set()
    for first in following:
        chain = [first]
        while (after := following.get(chain[-1], "")) and after not in chain:
            chain.append(after)
        if after == first and first not in told:
            told.update(chain)
            yield f"people.{first}.next: the escalation goes in a circle: {' -> '.join([*chain, first])}"
