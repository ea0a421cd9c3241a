"""triage alerts: what waits, what failed, what a target would be sent; try again, or drop."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from rich.table import Table

from triage.alerts import outbox, standing
from triage.alerts.outbox import Queued
from triage.cli.app import ByOption, CaseNumber, ConfigOption, JsonOption, app, database, now, person
from triage.cli.show import out, plain, print_json
from triage.config import Settings, Target
from triage.errors import UsageError
from triage.store.moments import stored
from triage.store.transaction import transaction

alerts_app = typer.Typer(
    no_args_is_help=False,
    invoke_without_command=True,
    help="What waits to be sent, what failed, and what a target would be sent.",
)
app.add_typer(alerts_app, name="alerts")

_STATE_STYLE = {"failing": "yellow", "given_up": "red", "delivered": "green"}
AlertNumbers = Annotated[list[int], typer.Argument(help="Numbers of alerts, as listed by: triage alerts", min=1)]


@alerts_app.callback()
def alerts(
    context: typer.Context,
    path: ConfigOption = None,
    state: Annotated[
        Literal["open", "failing", "given_up", "delivered", "all"],
        typer.Option(help="open: still to be delivered, whether tried or not."),
    ] = "open",
    target: Annotated[str | None, typer.Option("--target", help="Only those of one target.")] = None,
    limit: Annotated[int, typer.Option(help="So many of the newest.", min=1)] = 50,
    json: JsonOption = False,
) -> None:
    """List alerts: what is still to be delivered and when, or what was, or what was given up.

    Below the list stands each target that fails just now, why, and when it is tried again.
    """
    if context.invoked_subcommand:
        return
    with database(path) as (db, settings):
        found = outbox.listed(db, state=state, target=target, limit=limit)
        failing = {
            each.name: known
            for each in settings.targets
            if (known := standing.known(db, each.name, now())).failing_since is not None
        }
        if json:
            print_json([_document(alert) for alert in found])
            return
        if found:
            out.print(_table(found, settings))
        else:
            out.print("Nothing waits." if state == "open" else "None.")
        for name, known in failing.items():
            again = (
                f"; again at {known.paused_until.astimezone(settings.zone):%m-%d %H:%M}" if known.paused_until else ""
            )
            out.print(f"[yellow]{plain(name)} fails:[/yellow] {plain(known.last_error)}{again}")


@alerts_app.command()
def retry(numbers: AlertNumbers, path: ConfigOption = None) -> None:
    """Try alerts again at once, with all their tries before them. Also those that were given up."""
    with database(path) as (db, _):
        with transaction(db):
            for number in numbers:
                found = outbox.get(db, number)
                if found is None or not outbox.retry(db, number, now()):
                    raise UsageError(_not_there(number, found, "it was delivered"))
                standing.try_now(db, found.target)
        out.print(
            f"{len(numbers)} alerts will be tried within a second while the service runs; else: triage run --once"
        )


@alerts_app.command()
def drop(numbers: AlertNumbers, path: ConfigOption = None, by: ByOption = None) -> None:
    """Send alerts no more. The cases they speak of stay as they are."""
    with database(path) as (db, _):
        with transaction(db):
            for number in numbers:
                if not outbox.drop(db, number, person(by), now()):
                    raise UsageError(_not_there(number, outbox.get(db, number), "it does not wait any more"))
        out.print(f"{len(numbers)} alerts dropped.")


@alerts_app.command()
def preview(
    number: CaseNumber,
    target: Annotated[str, typer.Option("--target", help="The target's name.")],
    path: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a target would be sent about a case, in its own form and length. Nothing is sent."""
    from triage.alerts import targets
    from triage.rendering import preview as rendered

    with database(path) as (db, settings):
        chosen = _target(settings, target)
        message = targets.shown(chosen, rendered(db, number, chosen, settings, now()))
        if json:
            print_json({"target": target, "form": message.form.form, "title": message.title, "body": message.body})
            return
        out.print(
            f"[dim]{plain(target)}: {message.form.form}, {message.size} of {message.form.limit} {message.form.unit}[/dim]"
        )
        if message.title:
            out.print(f"[bold]{plain(message.title)}[/bold]")
        out.print(plain(message.body), soft_wrap=True)


def _target(settings: Settings, name: str) -> Target:
    found = settings.target(name)
    if found is None:
        known = ", ".join(target.name for target in settings.targets) or "none"
        raise UsageError(f'--target: no target is called "{name}"; known are {known}')
    return found


def _not_there(number: int, alert: Queued | None, why: str) -> str:
    return f"there is no alert {number}; see: triage alerts --state all" if alert is None else f"alert {number}: {why}"


def _document(alert: Queued) -> dict[str, object]:
    return {
        "alert": alert.id,
        "target": alert.target,
        "kind": alert.kind,
        "case": alert.case_id,
        "state": alert.state,
        "created_at": stored(alert.created_at),
        "due_at": stored(alert.due_at),
        "attempts": alert.attempts,
        "last_error": alert.last_error,
        "delivered_at": stored(alert.delivered_at) if alert.delivered_at else None,
        "gave_up_at": stored(alert.gave_up_at) if alert.gave_up_at else None,
    }


def _table(found: list[Queued], settings: Settings) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for head, right in (
        ("#", True),
        ("Target", False),
        ("Kind", False),
        ("Case", True),
        ("State", False),
        ("When", False),
        ("Tries", True),
    ):
        table.add_column(head, justify="right" if right else "left", no_wrap=True)
    table.add_column("Last answer", overflow="ellipsis", no_wrap=True)
    for alert in found:
        style = _STATE_STYLE.get(alert.state, "")
        at = (alert.delivered_at or alert.gave_up_at or alert.due_at).astimezone(settings.zone)
        table.add_row(
            str(alert.id),
            plain(alert.target),
            alert.kind,
            str(alert.case_id or ""),
            f"[{style}]{alert.state}[/]" if style else alert.state,
            f"{at:%m-%d %H:%M}",
            str(alert.attempts),
            plain(alert.last_error),
        )
    return table
