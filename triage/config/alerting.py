"""The sections of the configuration that say who is alerted, when and how."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from triage.config.kinds import ClockOrOff, Duration, Language, Section, Span, SpanOrOff, Weekday, Zone
from triage.labels import Cause, Platform, Stage
from triage.secret import Secret

_NAME = r"^[\w.\-]+$"


class Target(Section):
    """One place alerts go to."""

    name: str = Field(min_length=1, pattern=_NAME)
    type: Literal["apprise", "webhook", "console", "jsonl"]
    url: str = Field(default="", repr=False)
    key: str = Field(default="", repr=False)  # of a webhook: signs what is sent
    path: Path | None = None
    language: Language | None = None
    timeout: Duration = timedelta(seconds=20)
    pause: Duration | None = None  # between two messages; None: what the service is known to bear

    @model_validator(mode="after")
    def _complete(self) -> Target:
        if self.type in {"apprise", "webhook"} and not self.url:
            raise ValueError(f'url: missing; a target of type "{self.type}" needs one, such as "env:TRIAGE_TARGET_URL"')
        if self.type == "jsonl" and self.path is None:
            raise ValueError('path: missing; a target of type "jsonl" needs the file to append to')
        if self.key and self.type != "webhook":
            raise ValueError('key: only a target of type "webhook" is signed')
        return self

    @property
    def secret(self) -> Secret:
        """The URL, not yet looked up: it holds a token."""
        return Secret(self.url, f"targets.{self.name}.url")

    @property
    def signing_key(self) -> Secret:
        """What a webhook's messages are signed with, not yet looked up."""
        return Secret(self.key, f"targets.{self.name}.key")


class Person(Section):
    """Somebody who is alerted: in which ways, when not, and who is told if nothing is heard from them."""

    name: str = Field(min_length=1, pattern=_NAME)
    targets: tuple[str, ...] = Field(min_length=1)
    language: Language | None = None
    time_zone: Zone | None = None  # of quiet hours and digest; None: the general one
    quiet: SpanOrOff | None = None  # None: alerting.quiet; false: none
    digest: ClockOrOff | None = None  # None: alerting.digest; false: none
    next: str = ""  # who is told when this one does not acknowledge


class Route(Section):
    """Which cases go to whom. A condition that is not named fits everything."""

    name: str = Field(min_length=1, pattern=_NAME)
    to: tuple[str, ...] = Field(min_length=1)  # people or targets
    accounts: tuple[str, ...] = ()
    platforms: tuple[Platform, ...] = ()
    causes: tuple[Cause, ...] = ()
    stages: tuple[Stage, ...] = ()
    languages: tuple[str, ...] = ()  # of the mail, ISO 639-1
    severity: int = Field(default=1, ge=1, le=5)  # at least
    hours: Span | None = None  # in the general time zone
    days: tuple[Weekday, ...] = ()


class Alerting(Section):
    """When alerts wait, when they are repeated, and what is reported of the service itself."""

    tries: int = Field(default=12, ge=1, le=100)
    group: Duration = timedelta(minutes=10)  # like alerts, and updates of a case, within this time are one message
    quiet: Span | None = None
    digest: ClockOrOff = time(8, 30)
    remind_after: Duration = timedelta(minutes=30)  # 0: never
    remind_severity: int = Field(default=4, ge=1, le=5)
    remind_before: tuple[Duration, ...] = (timedelta(hours=24), timedelta(hours=4), timedelta(hours=1))
    mailbox_down_after: Duration = timedelta(minutes=15)
    mailbox_silent_after: Duration = timedelta(hours=24)  # and longer where mail is rarer; 0: never
    target_down_after: Duration = timedelta(minutes=10)
    disk_free_mb: int = Field(default=500, ge=0)

    @field_validator("remind_before")
    @classmethod
    def _largest_first(cls, spans: tuple[timedelta, ...]) -> tuple[timedelta, ...]:
        return tuple(sorted(set(spans), reverse=True))


class Heartbeat(Section):
    """An address that is asked for as long as all is well; who watches it tells when that stops."""

    url: str = Field(default="", repr=False)
    every: Duration = timedelta(minutes=1)

    @property
    def secret(self) -> Secret:
        """The address, not yet looked up: it holds a token."""
        return Secret(self.url, "heartbeat.url")
