"""triage status: how the service does."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from triage.alerts.render import remaining
from triage.cli.app import ConfigOption, JsonOption, app, database, now
from triage.cli.show import out, plain, print_json

if TYPE_CHECKING:
    from triage.health import Health


@app.command()
def status(path: ConfigOption = None, json: JsonOption = False) -> None:
    """Show how the service does: when each mailbox was last read, what waits for each target, model and disk.

    The exit code is 1 if anything needs you. Reads the database only; to sign in and try everything: [bold]triage check[/bold]
    """
    from triage.health import document, health  # knows the model, and with it what costs a second

    with database(path) as (db, settings):
        known = health(db, settings, now())
        if json:
            print_json(document(known))
        else:
            _show(known, settings.zone, settings.language)
    raise typer.Exit(0 if known.well else 1)


def _show(known: Health, zone: ZoneInfo, language: str) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for box in known.mailboxes:
        says = f"last read {_ago(box.last_success_at, zone, language)}"
        if box.backlog:
            says += f"; reading: {box.backlog_of - box.backlog} of {box.backlog_of} messages"
        table.add_row(
            _mark(box.well), f"mailbox {plain(box.account)} ({plain(box.folder)})", plain(says + _wrong(box.last_error))
        )
    for way in known.targets:
        again = f"; again at {way.paused_until.astimezone(zone):%H:%M}" if way.paused_until and not way.well else ""
        says = f"{way.waiting} waiting, last took one {_ago(way.last_success_at, zone, language)}"
        table.add_row(_mark(way.well), f"target {plain(way.name)}", plain(says + _wrong(way.last_error) + again))
    table.add_row(_mark(bool(known.model)), "model", plain(known.model or "none; run: triage train"))
    table.add_row(_mark("disk_low" not in known.troubles), "disk", f"{known.free_mb / 1000:.1f} GB free")
    for kind in known.troubles:
        table.add_row(_mark(False), "trouble", kind)
    if known.given_up:
        table.add_row(_mark(True), "alerts", f"{known.given_up} were given up; see: triage alerts --state given_up")
    if known.set_aside:
        table.add_row(_mark(True), "messages", f"{known.set_aside} could not be read and are kept aside")
    out.print(table)


def _mark(well: bool) -> str:
    return "[green]ok[/green]" if well else "[red]!![/red]"


def _wrong(error: str) -> str:
    return f"; {error}" if error else ""


def _ago(at: datetime | None, zone: ZoneInfo, language: str) -> str:
    if at is None:
        return "never"
    since = max(now() - at, timedelta(0))
    return (
        f"{at.astimezone(zone):%m-%d %H:%M} ({remaining(since, language)} ago)"
        if language == "en"
        else f"{at.astimezone(zone):%m-%d %H:%M}"
    )
