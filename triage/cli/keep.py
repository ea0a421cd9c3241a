"""triage backup, restore, forget: copies of the database, the way back, and what is no longer kept."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from triage.cli.app import ConfigOption, app, database, now, settings
from triage.cli.show import out, plain
from triage.config.kinds import span
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


@app.command()
def forget(
    account: Annotated[str | None, typer.Option(help="Everything of a mailbox.")] = None,
    case: Annotated[int | None, typer.Option(help="One case.", min=1)] = None,
    sender: Annotated[
        str | None, typer.Option(help="What an address has sent, and cases of nobody else's mail.")
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(help='Ended cases and ordinary mail of that age, such as "2 years".')
    ] = None,
    path: ConfigOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete what is stored of a mailbox, a case or a person, for good. It says what first, and asks.

    The mailboxes themselves are left as they are. Copies made by [bold]triage backup[/bold] still hold it.
    """
    from triage import forgetting
    from triage.store import backups

    if sum(each is not None for each in (account, case, sender, older_than)) != 1:
        raise UsageError("name one of: --account, --case, --sender, --older-than")
    with database(path) as (db, configured):
        if account is not None:
            if configured.account(account) is not None:
                raise UsageError(f"{account}: is still configured and would be read again; take it out first")
            found = forgetting.of_account(db, account)
        elif case is not None:
            found = forgetting.of_case(db, case)
        elif sender is not None:
            found = forgetting.of_sender(db, sender)
        else:
            found = forgetting.older_than(db, _age(str(older_than)), now())
        if not found:
            out.print("There is nothing of that.")
            return
        out.print(
            f"{len(found.cases)} cases with all their mails, notes and alerts; {len(found.messages)} records of other mails; "
            f"{len(found.put_aside)} messages put aside"
        )
        if not yes:
            typer.confirm("Delete them for good?", abort=True)
        if account is not None:
            forgetting.forget_account(db, account)
        else:
            forgetting.forget(db, found)
        copies = backups.listed(configured.backups_dir)
    held = f" {len(copies)} copies in {plain(str(configured.backups_dir))} still hold it." if copies else ""
    out.print(f"Deleted.{held}")


def _age(text: str) -> timedelta:
    try:
        return span(text)
    except ValueError as error:
        raise UsageError(f"--older-than: {text}: expected {error}") from None
