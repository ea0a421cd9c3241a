"""What values in the configuration may be: durations, hours of the day, time zones; and what every section has in common."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated, Literal, get_args
from zoneinfo import available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pytimeparse2 import parse as parse_duration


def span(text: str) -> timedelta:
    """ "14 days", "90 s", "2h" as a timedelta.

    Raises:
        ValueError: it is none; its text says what one looks like.
    """
    seconds = parse_duration(text)
    if seconds is None or seconds < 0:
        raise ValueError('a duration such as "90 seconds", "2 minutes", "14 days"')
    return timedelta(seconds=float(seconds))


def duration(value: object) -> object:
    """span() for the configuration; what is no text is left for pydantic to refuse."""
    if isinstance(value, str):
        return span(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError('a duration with its unit, such as "2 minutes"')
    return value


Duration = Annotated[timedelta, BeforeValidator(duration)]


def clock(value: object) -> object:
    """ "08:30" as a time of day."""
    if isinstance(value, str):
        hour, colon, minute = value.strip().partition(":")
        if not (colon and hour.isdigit() and minute.isdigit() and len(minute) == 2 and int(hour) < 24):
            raise ValueError('a time of day such as "08:30"')
        return time(int(hour), int(minute)) if int(minute) < 60 else clock("")
    return value


@dataclass(frozen=True, slots=True)
class Hours:
    """A span of the day; over midnight where it ends before it begins, the whole day where both are one."""

    start: time
    end: time

    def hold(self, at: time) -> bool:
        """Whether this time of day lies within: the start does, the end does not."""
        if self.start < self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end

    def over(self, moment: datetime) -> datetime:
        """The end of the span in which this local moment lies; the moment itself if it lies outside."""
        if not self.hold(moment.time()):
            return moment
        end = moment.replace(hour=self.end.hour, minute=self.end.minute, second=0, microsecond=0)
        return end if end > moment else end + timedelta(days=1)


def hours(value: object) -> object:
    """ "22:00-08:00" as a span of the day."""
    if isinstance(value, str):
        try:
            start, end = (clock(part) for part in value.split("-"))
        except ValueError:
            start = end = None
        if not isinstance(start, time) or not isinstance(end, time):
            raise ValueError('hours such as "22:00-08:00"')
        return Hours(start, end)
    return value


def _or_off(read: Callable[[object], object]) -> BeforeValidator:
    """The same, or false; one error and not one for each."""

    def value(given: object) -> object:
        try:
            return given if given is False else read(given)
        except ValueError as error:
            raise ValueError(f"{error}, or false") from error

    return BeforeValidator(value)


Span = Annotated[Hours, BeforeValidator(hours)]
SpanOrOff = Annotated[Hours | Literal[False], _or_off(hours)]
ClockOrOff = Annotated[time | Literal[False], _or_off(clock)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def zone(value: str) -> str:
    if value not in available_timezones():
        near = difflib.get_close_matches(value, available_timezones(), n=1)
        raise ValueError("a time zone such as Asia/Shanghai" + (f"; did you mean {near[0]}?" if near else ""))
    return value


Zone = Annotated[str, BeforeValidator(zone)]
Language = Literal["zh", "en"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[str, ...] = get_args(Weekday)
