"""The Typer application and what its commands share."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from triage import config
from triage.config import Settings
from triage.errors import ConfigError

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


def person(by: str | None) -> str:
    """Who acts."""
    if by:
        return by
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "someone"


def now() -> datetime:
    """The clock of the command line."""
    return datetime.now(UTC)
