"""triage quarantine: messages that could not be read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from triage.cli.app import ConfigOption, JsonOption, app, database, now
from triage.cli.show import out, plain, print_json
from triage.errors import UsageError

quarantine_app = typer.Typer(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(quarantine_app, name="quarantine")

Number = Annotated[int, typer.Argument(help="As listed by: triage quarantine", min=1)]


@quarantine_app.callback()
def listed(context: typer.Context, path: ConfigOption = None, json: JsonOption = False) -> None:
    """List the messages that could not be read, try them again, or save one as a file.

    They are kept whole and stopped none of those behind them.
    """
    if context.invoked_subcommand:
        return
    from triage.mail import quarantine

    with database(path) as (db, settings):
        found = quarantine.listed(db)
    if json:
        print_json(
            [
                {"id": a.id, "account": a.account, "folder": a.folder, "uid": a.uid, "received_at": a.received_at,
                 "reason": a.reason, "bytes": len(a.raw)}
                for a in found
            ]
        )  # fmt: skip
        return
    if not found:
        out.print("Every message could be read.")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("#", "mailbox", "received", "size", "reason"):
        table.add_column(name, overflow="fold")
    for aside in found:
        received = aside.received_at.astimezone(settings.zone_for(aside.account))
        place = f"{aside.account} ({aside.folder})"
        table.add_row(
            str(aside.id),
            plain(place),
            f"{received:%m-%d %H:%M}",
            f"{len(aside.raw) / 1000:.1f} KB",
            plain(aside.reason),
        )
    out.print(table)
    out.print("Try them again: [bold]triage quarantine retry --all[/bold]")


@quarantine_app.command()
def retry(
    numbers: Annotated[list[int] | None, typer.Argument(help="As listed by: triage quarantine", min=1)] = None,
    path: ConfigOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Judge messages again, for example after an upgrade. The exit code is 1 if one still cannot be read."""
    if not numbers and not everything:
        raise UsageError("name messages by their numbers, or all of them: triage quarantine retry --all")
    from triage.learn import in_use
    from triage.mail import quarantine
    from triage.requeue import retry as try_again

    failed = 0
    with database(path) as (db, settings):
        known = {aside.id: aside for aside in quarantine.listed(db)}
        for number in numbers or ():
            if number not in known:
                raise UsageError(f"{number}: there is no such message; see: triage quarantine")
        chosen = [known[number] for number in numbers] if numbers else list(known.values())
        model = in_use.ready(settings.models_dir, now())
        for aside in chosen:
            reason = try_again(db, aside, model, settings, now())
            failed += bool(reason)
            out.print(f"{aside.id}: {plain(reason) or 'read'}")
    raise typer.Exit(1 if failed else 0)


@quarantine_app.command()
def save(
    number: Number,
    to: Annotated[Path, typer.Argument(help="The file, such as mail.eml")],
    path: ConfigOption = None,
) -> None:
    """Save a message as it came, for a look at it or for a report of the fault."""
    from triage.mail import quarantine

    with database(path) as (db, _):
        aside = quarantine.get(db, number)
    if aside is None:
        raise UsageError(f"{number}: there is no such message; see: triage quarantine")
    try:
        to.write_bytes(aside.raw)
    except OSError as error:
        raise UsageError(f"{to}: cannot be written: {error.strerror}") from error
    out.print(f"{plain(str(to))}, {len(aside.raw)} bytes")
