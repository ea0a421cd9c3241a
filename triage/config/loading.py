"""Finding and reading the file; one line for each fault in it."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import ValidationError

from triage.config.alerting import Alerting, Heartbeat, Person, Route, Target
from triage.config.kinds import Section
from triage.config.sections import Account, Backup, Calendar, Logging, Polling, Report, Sender, Web
from triage.config.settings import Settings
from triage.errors import ConfigError


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
        settings = Settings.model_validate(content)
    except ValidationError as error:
        raise ConfigError("\n".join(_faults(path, error, content))) from None
    accounts = tuple(
        each.model_copy(update={"token_file": each.token_file or settings.data / "tokens" / f"{each.name}.json"})
        for each in settings.accounts
    )
    return settings.model_copy(update={"accounts": accounts})


def missing_secrets(settings: Settings) -> Iterator[ConfigError]:
    """An error for each secret that cannot be had now."""
    secrets = [
        *(account.secret for account in settings.accounts if account.sign_in == "password"),
        *(account.client_key for account in settings.accounts if account.client_secret),
        *(target.secret for target in settings.targets if target.url),
        *(target.signing_key for target in settings.targets if target.key),
        *([settings.web.secret] if settings.web.feed_token else []),
        *([settings.web.metrics_secret] if settings.web.metrics_token else []),
        *([settings.heartbeat.secret] if settings.heartbeat.url else []),
    ]
    for secret in secrets:
        try:
            secret.reveal()
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
                for line in message.splitlines():
                    said_place = line.split(":")[0].split(".")[0] in {"accounts", "targets", "people", "routes"}
                    yield f"{path}: {line}" if said_place else f"{path}: {place}: {_expected(line)}"
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
    models: dict[str, type[Section]] = {
        "accounts": Account,
        "targets": Target,
        "people": Person,
        "routes": Route,
        "heartbeat": Heartbeat,
        "polling": Polling,
        "sender": Sender,
        "alerting": Alerting,
        "report": Report,
        "calendar": Calendar,
        "backup": Backup,
        "web": Web,
        "logging": Logging,
    }
    model = models.get(str(loc[0]), Settings) if len(loc) > 1 else Settings
    return list(model.model_fields)
