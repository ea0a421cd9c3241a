"""triage run: the background service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from triage import config
from triage.cli.app import ConfigOption, app
from triage.cli.app import settings as configured
from triage.config import Settings
from triage.errors import ConfigError


@app.command()
def run(
    path: ConfigOption = None,
    once: Annotated[
        bool, typer.Option("--once", help="Look at every mailbox once, deliver, and end (for cron).")
    ] = False,
) -> None:
    """Watch the mailboxes and send alerts until stopped.

    Runs in the foreground and logs to standard error: readable on a terminal, JSON lines elsewhere. Stops cleanly on
    Ctrl-C or SIGTERM; on SIGHUP it works by the configuration as it is then, if that has no fault. With --once the exit code is 1 if a mailbox could not be read.
    """
    settings = _complete(path)
    from triage import log

    log.configure(level=settings.logging.level, json=settings.logging.json_lines)
    from triage import service

    if once:
        raise typer.Exit(1 if service.run_once(settings) else 0)
    service.run(settings, lambda: _complete(path))


def _complete(path: Path | None) -> Settings:
    """The configuration, with all that the service needs."""
    settings = configured(path)
    if not settings.accounts:
        raise ConfigError("no mailbox is configured; add one with: triage init")
    missing = list(config.missing_secrets(settings))
    if missing:
        raise ConfigError("\n".join(str(error) for error in missing))
    return settings
