"""triage backup, triage restore: copies of the database, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from triage.cli.app import ConfigOption, app, now, settings
from triage.cli.show import out, plain
from triage.errors import StoreError, UsageError


@app.command()
def backup(
    file: Annotated[
        Path | None, typer.Argument(help="Where to. Default: a new file in the folder of [backup].")
    ] = None,
    path: ConfigOption = None,
) -> None:
    """Copy the database, also while the service runs; the copy is checked.

    Cases, history, corrections and the original warnings are in it. Passwords, tokens and the configuration are not.
    """
    from triage.store import backups

    configured = settings(path)
    if not configured.database.exists():
        raise StoreError(f"{configured.database}: there is no database yet; run: triage run --once")
    if file is None:
        file = backups.back_up_into(configured.database, configured.backups_dir, now(), configured.backup.keep)
    else:
        backups.back_up(configured.database, file)
    out.print(f"{plain(str(file))}, {file.stat().st_size / 1e6:.1f} MB")


@app.command()
def restore(
    file: Annotated[
        Path | None, typer.Argument(help="The copy. Default: the newest in the folder of [backup].")
    ] = None,
    path: ConfigOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Put a copy in the database's place. The service must not run; the database there is is kept beside it.

    What came since the copy was made is read from the mailboxes again, and alerted again.
    """
    from triage.store import backups
    from triage.store.lock import alone

    configured = settings(path)
    if file is None:
        copies = backups.listed(configured.backups_dir)
        if not copies:
            raise UsageError(f"{configured.backups_dir}: there is no copy in it; name one: triage restore FILE")
        file = copies[0][1]
    if not yes:
        typer.confirm(f"Replace {configured.database} by {file}?", abort=True)
    with alone(configured.data):
        before = backups.restore(configured.database, file, now())
    kept = f"; the one before is kept as {plain(str(before))}" if before else ""
    out.print(f"Restored from {plain(str(file))}{kept}")
