"""The sections of the configuration that speak of mailboxes and of the service itself."""

from __future__ import annotations

import difflib
import re
from datetime import time, timedelta
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import Field, field_validator, model_validator

from triage.config.kinds import Duration, Hours, Language, Section, Span, Weekday, Zone
from triage.config.providers import providers
from triage.secret import Secret


class Account(Section):
    """One mailbox of one seller."""

    name: str = Field(min_length=1, pattern=r"^[\w.\- ]+$")
    provider: str = ""  # a name of providers.toml; then the host is known
    host: str = ""
    port: int = Field(default=0, ge=0, le=65535)  # 0: 993 for tls, else 143
    security: Literal["tls", "starttls", "none"] = "tls"
    ca_file: Path | None = None
    user: str = Field(min_length=1)
    password: str = Field(default="", repr=False)
    sign_in: Literal["password", "microsoft", "google"] = "password"  # the other two: OAuth, see: triage sign-in
    client_id: str = ""  # of the application that was registered there
    client_secret: str = Field(default="", repr=False)  # Google gives one to desktop applications too
    authority: str = ""  # another sign-in server, such as "https://login.partner.microsoftonline.cn/organizations"
    token_file: Path | None = None  # None: tokens/NAME.json below data
    folders: tuple[str, ...] = Field(default=("INBOX",), min_length=1)
    store: str = ""
    time_zone: Zone | None = None
    language: Language | None = None
    targets: tuple[str, ...] | None = None  # None: all
    history: Duration | None = None
    auth_server: str = ""  # authserv-id of the receiving server (RFC 8601); "" lets it be learned from the mailbox
    forwarders: tuple[str, ...] = ()
    then: str = (
        ""  # what happens to a warning in the mailbox: "keyword:X", "label:X" (Gmail), "move:FOLDER"; "": nothing
    )
    corrections: str = ""  # a mail in the folder X/<cause>, or with the keyword X-<cause>, is what that says; "": off
    connections: int = Field(default=3, ge=1, le=15)  # at once; each is for one folder, or for several by turns

    @model_validator(mode="before")
    @classmethod
    def _of_provider(cls, given: Any) -> Any:
        """Fill in the host of a provider that is named."""
        if not isinstance(given, dict) or given.get("host"):
            return given
        name = given.get("provider", "")
        if not name:
            raise ValueError(f"host: missing; name the IMAP server, or a provider: {', '.join(providers())}")
        if name not in providers():
            near = difflib.get_close_matches(str(name), providers(), n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(providers())}"
            raise ValueError(f'provider: "{name}" is not known; {hint}')
        provider = providers()[name]
        return {"sign_in": provider.sign_in, **given, "host": provider.host}

    @model_validator(mode="after")
    def _can_sign_in(self) -> Account:
        if self.sign_in == "password" and not self.password:
            raise ValueError('password: missing; for example "env:TRIAGE_PASSWORD"')
        if self.sign_in != "password" and not self.client_id:
            raise ValueError("client_id: missing; register an application first, see docs/providers.md")
        if self.authority and not self.authority.startswith("https://"):
            raise ValueError("authority: an address that begins with https://")
        return self

    @field_validator("then")
    @classmethod
    def _possible(cls, then: str) -> str:
        kind, _, name = then.partition(":")
        if then and (kind not in {"keyword", "label", "move"} or not name.strip()):
            raise ValueError('"keyword:NAME", "label:NAME" or "move:FOLDER"')
        if kind == "keyword" and not re.fullmatch(r"[A-Za-z0-9_.$-]+", name):
            raise ValueError("a keyword has only letters, digits and . _ - $ (RFC 3501)")
        return then

    @field_validator("corrections")
    @classmethod
    def _a_folder(cls, corrections: str) -> str:
        if corrections and not re.fullmatch(r"[A-Za-z0-9_.$-]+(?:/[A-Za-z0-9_.$-]+)*", corrections):
            raise ValueError(
                'a folder such as "Triage"; letters, digits and . _ - $, since it begins a keyword as well'
            )
        return corrections

    @field_validator("host")
    @classmethod
    def _bare_host(cls, host: str) -> str:
        if "/" in host or ":" in host or " " in host:
            raise ValueError("a host name only, such as imap.163.com; the port has a key of its own")
        return host

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The folders that are read over one connection, for each connection."""
        number = min(len(self.folders), self.connections)
        return tuple(self.folders[first::number] for first in range(number))

    @property
    def actual_port(self) -> int:
        """The configured port, or the usual one for the kind of security."""
        return self.port or (993 if self.security == "tls" else 143)

    @property
    def tokens(self) -> Path:
        """Where what a sign-in by OAuth gave is kept."""
        return self.token_file or Path(platformdirs.user_data_dir("triage")) / "tokens" / f"{self.name}.json"

    @property
    def client_key(self) -> Secret:
        """The application's secret, not yet looked up."""
        return Secret(self.client_secret, f"accounts.{self.name}.client_secret")

    @property
    def secret(self) -> Secret:
        """The password, not yet looked up."""
        return Secret(self.password, f"accounts.{self.name}.password")


class Polling(Section):
    """When and how much is fetched."""

    every: Duration = timedelta(minutes=1)  # where the server does not say by itself that something came
    renew: Duration = timedelta(minutes=5)  # where it does (IDLE)
    history: Duration = timedelta(days=14)
    batch: int = Field(default=100, ge=1, le=500)
    batch_bytes: int = Field(default=16_000_000, ge=100_000)
    largest_mail: int = Field(default=5_000_000, ge=10_000)
    timeout: Duration = timedelta(seconds=60)
    workers: int = Field(default=16, ge=1, le=64)  # looks at once, a quarter of them at one server
    processes: int | None = Field(
        default=None, ge=0, le=64
    )  # that help with a pile of mail; None for one a core but one

    @field_validator("renew")
    @classmethod
    def _while_it_lasts(cls, renew: timedelta) -> timedelta:
        if not timedelta(seconds=10) <= renew <= timedelta(minutes=29):
            raise ValueError('between "10 seconds" and "29 minutes"; servers end IDLE after half an hour (RFC 2177)')
        return renew

    @field_validator("every")
    @classmethod
    def _not_too_often(cls, every: timedelta) -> timedelta:
        if every < timedelta(seconds=1):
            raise ValueError('at least "1 second"; providers block clients that ask all the time')
        return every


class Sender(Section):
    """How senders are judged."""

    verify_dkim: bool = True  # look up keys in DNS for signed mail about which the receiving server says nothing


class Report(Section):
    """The weekly report: written to a folder when its day and hour have come."""

    folder: Path | None = None  # None: no report
    day: Weekday = "monday"
    hour: int = Field(default=8, ge=0, le=23)  # in the general time zone
    form: Literal["html", "md"] = "html"


class Calendar(Section):
    """The deadlines as a file that the service keeps up to date."""

    path: Path | None = None  # None: no file


class Backup(Section):
    """Copies of the database."""

    every: Duration = timedelta(days=1)  # "0 seconds": only by command
    folder: Path | None = None  # None: backups/ below data
    keep: int = Field(default=7, ge=1)


class Learning(Section):
    """Training by itself, and what is told of the model."""

    after: int = Field(default=20, ge=0)  # corrections since the last training; 0: only by command
    hours: Span = Hours(time(2), time(5))  # in the general time zone
    drift: bool = True  # tell when what the model says leaves its band


class Web(Section):
    """What the service serves over HTTP: how it does; the case board; the calendar, for programs that subscribe to it; links that
    acknowledge."""

    listen: str = ""  # "127.0.0.1:8470"; "" serves nothing
    board: bool = False  # the case board, for users who sign in
    public_url: str = ""  # what stands before /ack in the links of alerts; "" for no links
    feed_token: str = Field(default="", repr=False)  # a secret in the calendar's address; "" serves none
    metrics_token: str = Field(default="", repr=False)  # what /metrics wants to be given; "" for nothing

    @model_validator(mode="after")
    def _complete(self) -> Web:
        if self.public_url and not self.public_url.startswith(("https://", "http://")):
            raise ValueError('public_url: an address such as "https://triage.example.com"')
        if not self.listen:
            return self
        host, _, port = self.listen.rpartition(":")
        if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
            raise ValueError('listen: an address and a port, such as "127.0.0.1:8470"')
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

    @property
    def metrics_secret(self) -> Secret:
        """The token of /metrics, not yet looked up."""
        return Secret(self.metrics_token, "web.metrics_token")


class Logging(Section):
    """What the service writes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json_lines: bool | None = None  # None: JSON unless standard error is a terminal
