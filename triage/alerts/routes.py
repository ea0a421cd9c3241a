"""Who gets what: the first route that fits a case decides; where none fits, the account's targets get it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from triage.config import WEEKDAYS, Hours, Person, Route, Settings
from triage.types import Case

#: Every quarter of an hour: fine enough to tell whether two spans of the day meet.
_QUARTERS = tuple(time(hour, minute) for hour in range(24) for minute in range(0, 60, 15))


def route_of(settings: Settings, case: Case, moment: datetime) -> Route | None:
    """The route a case takes that came at this moment, or None if none fits."""
    local = moment.astimezone(settings.zone)
    return next((route for route in settings.routes if _fits(route, case, local)), None)


def recipients_of(settings: Settings, case: Case, moment: datetime) -> tuple[Person, ...]:
    """Who is told of a case first."""
    route = route_of(settings, case, moment)
    if route is None:
        return owners(settings, case.account)
    return _named(settings, route.to)


def owners(settings: Settings, account: str) -> tuple[Person, ...]:
    """Who is told of an account that no route speaks of: its targets, each as its owner's; all if it names none."""
    return _named(settings, [target.name for target in settings.targets_for(account)])


def _named(settings: Settings, names: Sequence[str]) -> tuple[Person, ...]:
    """People by their names, or by the name of a target; a target that is somebody's is that person, that way only."""
    by_name = {person.name: person for person in settings.recipients}
    found: dict[str, Person] = {}
    for name in names:
        if name in by_name:
            found[name] = by_name[name]
            continue
        owner = next(person for person in settings.recipients if name in person.targets)
        known = found.get(owner.name)
        targets = (*known.targets, name) if known else (name,)
        found[owner.name] = owner.model_copy(update={"targets": tuple(dict.fromkeys(targets))})
    return tuple(found.values())


def quiet_until(person: Person, settings: Settings, moment: datetime) -> datetime:
    """When a person may be disturbed again; the moment itself if they may be now."""
    quiet = settings.alerting.quiet if person.quiet is None else person.quiet
    if not quiet:
        return moment
    return quiet.over(moment.astimezone(zone_of(person, settings))).astimezone(moment.tzinfo)


def zone_of(person: Person, settings: Settings) -> ZoneInfo:
    """The zone of somebody's quiet hours and digest."""
    return ZoneInfo(person.time_zone) if person.time_zone else settings.zone


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two routes that some case could take both; the earlier one decides."""

    earlier: str
    later: str
    never: bool  # the later one is never reached


def overlaps(routes: Sequence[Route]) -> Iterator[Overlap]:
    """Routes of which the later one never gets a case, or not each that it seems to; a special one before a more
    general one is no fault."""
    for position, later in enumerate(routes):
        hidden = next((earlier for earlier in routes[:position] if _covers(earlier, later)), None)
        if hidden:
            yield Overlap(hidden.name, later.name, True)
            continue
        for earlier in routes[:position]:
            if _meet(earlier, later) and not _covers(later, earlier) and set(earlier.to) != set(later.to):
                yield Overlap(earlier.name, later.name, False)


def _fits(route: Route, case: Case, local: datetime) -> bool:
    return (
        (not route.accounts or case.account in route.accounts)
        and (not route.platforms or case.platform in route.platforms)
        and (not route.causes or case.cause in route.causes)
        and (not route.stages or case.stage in route.stages)
        and (not route.languages or case.language in route.languages)
        and case.severity >= route.severity
        and (not route.days or WEEKDAYS[local.weekday()] in route.days)
        and (route.hours is None or route.hours.hold(local.time()))
    )


def _conditions(route: Route) -> tuple[frozenset[object] | None, ...]:
    """What each condition allows; None for everything."""
    sets: list[Sequence[object]] = [
        route.accounts, route.platforms, route.causes, route.stages, route.languages, route.days, _times(route.hours),
        range(route.severity, 6) if route.severity > 1 else (),
    ]  # fmt: skip
    return tuple(frozenset(each) if each else None for each in sets)


def _times(hours: Hours | None) -> Sequence[time]:
    return [at for at in _QUARTERS if hours.hold(at)] if hours else ()


def _covers(one: Route, other: Route) -> bool:
    """Whether whatever fits the other fits this one."""
    return _all(one, other, lambda mine, its: mine is None or (its is not None and its <= mine))


def _meet(one: Route, other: Route) -> bool:
    """Whether something could fit both."""
    return _all(one, other, lambda mine, its: mine is None or its is None or bool(mine & its))


def _all(one: Route, other: Route, true: Callable[[frozenset[object] | None, frozenset[object] | None], bool]) -> bool:
    return all(true(mine, its) for mine, its in zip(_conditions(one), _conditions(other), strict=True))
