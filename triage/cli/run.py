"""triage run: the background service."""

from __future__ import annotations

from typing import Annotated

import typer

from triage import config
from triage.cli.app import ConfigOption, app
from triage.cli.app import settings as configured
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
    Ctrl-C or SIGTERM. With --once the exit code is 1 if a mailbox could not be read.
    """
    settings = configured(path)
    if not settings.accounts:
        raise ConfigError("no mailbox is configured; add one with: triage init")
    missing = list(config.missing_secrets(settings))
    if missing:
        raise ConfigError("\n".join(str(error) for error in missing))
    from triage import log

    log.configure(level=settings.logging.level, json=settings.logging.json_lines)
    from triage import daemon

    if once:
        raise typer.Exit(1 if daemon.run_once(settings) else 0)
    daemon.run(settings)
