"""Settings as frozen models. The only reader of TOML, of the environment and of secrets."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

import platformdirs
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pytimeparse2 import parse as parse_duration

from triage.errors import ConfigError
from triage.secret import Secret


def _duration(value: object) -> object:
    """ "14 days", "90 s", "2h" as a timedelta; anything else is left for pydantic to refuse."""
    if isinstance(value, str):
        seconds = parse_duration(value)
        if seconds is None or seconds < 0:
            raise ValueError('a duration such as "90 seconds", "2 minutes", "14 days"')
        return timedelta(seconds=float(seconds))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError('a duration with its unit, such as "2 minutes"')
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def _zone(value: str) -> str:
    if value not in available_timezones():
        near = difflib.get_close_matches(value, available_timezones(), n=1)
        raise ValueError("a time zone such as Asia/Shanghai" + (f"; did you mean {near[0]}?" if near else ""))
    return value


Zone = Annotated[str, BeforeValidator(_zone)]
Language = Literal["zh", "en"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[str, ...] = get_args(Weekday)


class Account(_Settings):
    """One mailbox of one seller."""

    name: str = Field(min_length=1, pattern=r"^[\w.\- ]+$")
    host: str = Field(min_length=1)
    port: int = Field(default=0, ge=0, le=65535)  # 0: 993 for tls, else 143
    security: Literal["tls", "starttls", "none"] = "tls"
    ca_file: Path | None = None
    user: str = Field(min_length=1)
    password: str = Field(min_length=1, repr=False)
    folders: tuple[str, ...] = Field(default=("INBOX",), min_length=1)
    store: str = ""
    time_zone: Zone | None = None
    language: Language | None = None
    targets: tuple[str, ...] | None = None  # None: all
    history: Duration | None = None
    auth_server: str = ""  # authserv-id of the receiving server (RFC 8601); "" lets it be learned from the mailbox
    forwarders: tuple[str, ...] = ()

    @field_validator("host")
    @classmethod
    def _bare_host(cls, host: str) -> str:
        if "/" in host or ":" in host or " " in host:
            raise ValueError("a host name only, such as imap.163.com; the port has a key of its own")
        return host

    @property
    def actual_port(self) -> int:
        """The configured port, or the usual one for the kind of security."""
        return self.port or (993 if self.security == "tls" else 143)

    @property
    def secret(self) -> Secret:
        """The password, not yet looked up."""
        return Secret(self.password, f"accounts.{self.name}.password")


class Target(_Settings):
    """One place alerts go to."""

    name: str = Field(min_length=1, pattern=r"^[\w.\-]+$")
    type: Literal["apprise", "console", "jsonl"]
    url: str = Field(default="", repr=False)
    path: Path | None = None
    language: Language | None = None
    timeout: Duration = timedelta(seconds=20)

    @model_validator(mode="after")
    def _complete(self) -> Target:
        if self.type == "apprise" and not self.url:
            raise ValueError('url: missing; a target of type "apprise" needs one, such as "env:TRIAGE_TARGET_URL"')
        if self.type == "jsonl" and self.path is None:
            raise ValueError('path: missing; a target of type "jsonl" needs the file to append to')
        return self

    @property
    def secret(self) -> Secret:
        """The Apprise URL, not yet looked up: it holds a token."""
        return Secret(self.url, f"targets.{self.name}.url")


class Polling(_Settings):
    """When and how much is fetched."""

    every: Duration = timedelta(minutes=1)
    history: Duration = timedelta(days=14)
    batch: int = Field(default=100, ge=1, le=500)
    batch_bytes: int = Field(default=16_000_000, ge=100_000)
    largest_mail: int = Field(default=5_000_000, ge=10_000)
    timeout: Duration = timedelta(seconds=60)
    workers: int = Field(default=8, ge=1, le=64)

    @field_validator("every")
    @classmethod
    def _not_too_often(cls, every: timedelta) -> timedelta:
        if every < timedelta(seconds=1):
            raise ValueError('at least "1 second"; providers block clients that ask all the time')
        return every


class Sender(_Settings):
    """How senders are judged."""

    verify_dkim: bool = True  # look up keys in DNS for signed mail about which the receiving server says nothing


class Alerting(_Settings):
    """How often a failing target is tried, and when a silent mailbox is reported."""

    tries: int = Field(default=12, ge=1, le=100)
    mailbox_down_after: Duration = timedelta(minutes=15)


class Report(_Settings):
    """The weekly report: written to a folder when its day and hour have come."""

    folder: Path | None = None  # None: no report
    day: Weekday = "monday"
    hour: int = Field(default=8, ge=0, le=23)  # in the general time zone
    form: Literal["html", "md"] = "html"


class Calendar(_Settings):
    """The deadlines as a file that the service keeps up to date."""

    path: Path | None = None  # None: no file


class Web(_Settings):
    """What the service serves over HTTP: the calendar, for programs that subscribe to it."""

    listen: str = ""  # "127.0.0.1:8470"; "" serves nothing
    feed_token: str = Field(default="", repr=False)  # a secret in the calendar's address

    @model_validator(mode="after")
    def _complete(self) -> Web:
        if not self.listen:
            return self
        host, _, port = self.listen.rpartition(":")
        if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
            raise ValueError('listen: an address and a port, such as "127.0.0.1:8470"')
        if not self.feed_token:
            raise ValueError('feed_token: missing; whoever knows it may read the calendar: "env:TRIAGE_FEED_TOKEN"')
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def secret(self) -> Secret:
        """The feed's token, not yet looked up."""
        return Secret(self.feed_token, "web.feed_token")


class Logging(_Settings):
    """What the service writes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json_lines: bool | None = None  # None: JSON unless standard error is a terminal


class Settings(_Settings):
    """The whole configuration."""

    language: Language = "en"
    time_zone: Zone = "UTC"
    data: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("triage")))
    models: Path | None = None
    playbooks: Path | None = None  # the user's own playbooks and letters; load() finds a folder beside the file
    accounts: tuple[Account, ...] = ()
    targets: tuple[Target, ...] = ()
    polling: Polling = Polling()
    sender: Sender = Sender()
    alerting: Alerting = Alerting()
    report: Report = Report()
    calendar: Calendar = Calendar()
    web: Web = Web()
    logging: Logging = Logging()

    @field_validator("data", "models", "playbooks")
    @classmethod
    def _home(cls, path: Path | None) -> Path | None:
        return path.expanduser() if path else None

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        for kind, names in (("accounts", [a.name for a in self.accounts]), ("targets", [t.name for t in self.targets])):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f'{kind}: the name "{name}" is used twice; names must differ')
        known = {t.name for t in self.targets}
        for account in self.accounts:
            for name in account.targets or ():
                if name not in known:
                    near = difflib.get_close_matches(name, known, n=1)
                    hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(sorted(known)) or 'none'}"
                    raise ValueError(f'accounts.{account.name}.targets: no target is called "{name}"{hint}')
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The general time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "triage.sqlite"

    @property
    def models_dir(self) -> Path:
        """Where versions of the model live: as configured, else models/ of a checkout, else below data."""
        if self.models:
            return self.models
        checkout = Path(__file__).resolve().parent.parent / "models"
        return checkout if (checkout / "README.md").exists() and os.access(checkout, os.W_OK) else self.data / "models"

    def account(self, name: str) -> Account | None:
        """The account of that name, or None if it is no longer configured."""
        return next((a for a in self.accounts if a.name == name), None)

    def language_for(self, account: str, target: Target | None = None) -> Language:
        """The language of advice and alerts: the target's, else the account's, else the general one."""
        owner = self.account(account)
        return (target.language if target else None) or (owner.language if owner else None) or self.language

    def zone_for(self, account: str) -> ZoneInfo:
        """The time zone an account's deadlines are read and shown in."""
        owner = self.account(account)
        return ZoneInfo((owner.time_zone if owner else None) or self.time_zone)

    def targets_for(self, account: str) -> tuple[Target, ...]:
        """Where alerts of an account go; all targets if it names none."""
        owner = self.account(account)
        if owner is None or owner.targets is None:
            return self.targets
        return tuple(t for t in self.targets if t.name in owner.targets)


def usual_places() -> tuple[Path, ...]:
    """Where a configuration is looked for, in order."""
    return (
        Path("config.toml"),
        Path(platformdirs.user_config_dir("triage")) / "config.toml",
        Path("/etc/triage/config.toml"),
    )


def find(explicit: Path | None = None) -> Path | None:
    """The configuration file in use: as named, else $TRIAGE_CONFIG, else the first of the usual places.

    Raises:
        ConfigError: a file was named and is not there.
    """
    named = explicit or (Path(os.environ["TRIAGE_CONFIG"]) if os.environ.get("TRIAGE_CONFIG") else None)
    if named:
        if not named.is_file():
            raise ConfigError(f"{named}: there is no such file; run: triage init --config {named}")
        return named
    return next((place for place in usual_places() if place.is_file()), None)


def load(path: Path) -> Settings:
    """The settings of one file.

    Raises:
        ConfigError: unreadable, not TOML, or a value that makes no sense; one line for each fault.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}") from error
    if "playbooks" not in content and (path.parent / "playbooks").is_dir():
        content["playbooks"] = str(path.parent / "playbooks")
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        raise ConfigError("\n".join(_faults(path, error, content))) from None


def missing_secrets(settings: Settings) -> Iterator[ConfigError]:
    """An error for each secret that cannot be had now."""
    owners: list[Account | Target | Web] = [
        *settings.accounts,
        *(t for t in settings.targets if t.type == "apprise"),
        *([settings.web] if settings.web.listen else []),
    ]
    for owner in owners:
        try:
            owner.secret.reveal()
        except ConfigError as error:
            yield error


def _faults(path: Path, error: ValidationError, content: dict[str, Any]) -> Iterator[str]:
    """pydantic's report as one line a fault: file, key, what is wrong, what is allowed. Never the value."""
    for fault in error.errors(include_url=False, include_input=False):
        place = _place(fault["loc"], content)
        match fault["type"]:
            case "extra_forbidden":
                known = _keys_at(fault["loc"])
                near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known are: {', '.join(known)}"
                yield f"{path}: {place}: unknown key; {hint}"
            case "missing":
                yield f"{path}: {place}: missing; this key is required"
            case "value_error":
                message = fault["msg"].removeprefix("Value error, ")
                said_place = message.split(":")[0].startswith(("accounts", "targets"))
                yield f"{path}: {message}" if said_place else f"{path}: {place}: {_expected(message)}"
            case _:
                yield f"{path}: {place}: {fault['msg'][0].lower()}{fault['msg'][1:]}"


def _expected(message: str) -> str:
    return message if ":" in message.split(" ")[0] else f"expected {message}"


def _place(loc: tuple[int | str, ...], content: dict[str, Any]) -> str:
    """accounts.shop.host rather than accounts.0.host, where the entry has a name."""
    parts: list[str] = []
    here: Any = content
    for step in loc:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            here = None
        name = here.get("name") if isinstance(here, dict) and isinstance(step, int) else None
        parts.append(str(name) if isinstance(name, str) else f"[{step}]" if isinstance(step, int) else str(step))
    return ".".join(parts).replace(".[", "[") or "the file"


def _keys_at(loc: tuple[int | str, ...]) -> list[str]:
    models: dict[str, type[_Settings]] = {
        "accounts": Account,
        "targets": Target,
        "polling": Polling,
        "sender": Sender,
        "alerting": Alerting,
        "report": Report,
        "calendar": Calendar,
        "web": Web,
        "logging": Logging,
    }
    model = models.get(str(loc[0]), Settings) if len(loc) > 1 else Settings
    return list(model.model_fields)
