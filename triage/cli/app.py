"""The Typer application and what its commands share."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from triage import config
from triage.config import Settings
from triage.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from sqlite_utils import Database

app = typer.Typer(
    name="triage",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Watch a seller's inboxes for warnings and suspensions, and say what to do, by when.\n\n"
    "Try it without a mailbox: [bold]triage demo[/bold]. Set it up: [bold]triage init[/bold], then "
    "[bold]triage check[/bold], then [bold]triage run[/bold].",
)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="Configuration file. Default: $TRIAGE_CONFIG, ./config.toml, then the user's folder."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text.")]
CaseNumber = Annotated[int, typer.Argument(help="The case's number, as listed by: triage cases", min=1)]
LanguageOption = Annotated[
    str | None, typer.Option("--lang", help="Language of the advice: zh or en. Default: as configured.")
]
ByOption = Annotated[
    str | None, typer.Option("--by", help="Whose action this is. Default: the user who runs the command.")
]


def settings(path: Path | None) -> Settings:
    """The configuration in use.

    Raises:
        ConfigError: there is none, or it is wrong.
    """
    found = config.find(path)
    if found is None:
        raise ConfigError("no configuration found; run: triage init (or try: triage demo)")
    return config.load(found)


def settings_or_defaults(path: Path | None) -> Settings:
    """The configuration in use, or the defaults where there is none."""
    found = config.find(path)
    return config.load(found) if found else Settings()


@contextmanager
def database(path: Path | None) -> Iterator[tuple[Database, Settings]]:
    """The configuration and its open database.

    Raises:
        ConfigError, StoreError: there is none, or it is wrong.
    """
    from triage.store.connection import opened

    configured = settings(path)
    with opened(configured.database, create=False) as db:
        yield db, configured


def language(lang: str | None, settings: Settings, account: str = "") -> str:
    """The language asked for, else the account's."""
    if lang is not None and lang not in {"zh", "en"}:
        raise UsageError(f'--lang: "{lang}" is not known; use zh or en')
    return lang or settings.language_for(account)


def person(by: str | None) -> str:
    """Who acts."""
    if by:
        return by
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "someone"


def only(account: str | None) -> list[str] | None:
    """The accounts that are asked for by ``--account``; None for all."""
    return None if account is None else [account]


def now() -> datetime:
    """The clock of the command line."""
    return datetime.now(UTC)
