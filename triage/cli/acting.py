"""Acting on cases. Each command is one action, written down with who and when; triage undo takes it back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from triage import actions, regrouping
from triage.advising import advised
from triage.cases import history, messages, queries
from triage.cli.app import ByOption, CaseNumber, ConfigOption, JsonOption, app, database, now, person
from triage.cli.show import out, plain, print_json, progress
from triage.config import Settings
from triage.config.kinds import span
from triage.errors import UsageError
from triage.labels import Cause, Stage, Status
from triage.types import CaseEvent

if TYPE_CHECKING:
    from sqlite_utils import Database


@app.command()
def ack(number: CaseNumber, path: ConfigOption = None, by: ByOption = None, json: JsonOption = False) -> None:
    """Acknowledge a case: somebody has seen it and takes care."""
    _act(path, json, lambda db: actions.acknowledge(db, number, by=person(by), now=now()))


@app.command()
def close(
    number: CaseNumber,
    path: ConfigOption = None,
    note: Annotated[str, typer.Option("--note", "-m", help="Why, or how it ended.")] = "",
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Close a case: the matter is over."""
    _act(path, json, lambda db: actions.close(db, number, by=person(by), now=now(), note=note))


@app.command()
def note(
    number: CaseNumber,
    text: Annotated[str, typer.Argument(help="What to write down.")],
    path: ConfigOption = None,
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Write something down with a case."""
    _act(path, json, lambda db: actions.note(db, number, text, by=person(by), now=now()))


@app.command()
def mark(
    number: CaseNumber,
    to: Annotated[Status, typer.Argument(help="open, preparing, submitted, waiting, won or lost.")],
    path: ConfigOption = None,
    note: Annotated[str, typer.Option("--note", "-m", help="What was sent, or how it ended.")] = "",
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Say how far the work on a case is. [bold]submitted[/bold] counts an attempt; [bold]open[/bold] takes up again what had ended."""
    _act(path, json, lambda db: actions.set_status(db, number, to, by=person(by), now=now(), note=note))


@app.command()
def assign(
    number: CaseNumber,
    to: Annotated[str, typer.Argument(help='Who has it from now on; "" for nobody.')],
    path: ConfigOption = None,
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Give a case to somebody."""
    _act(path, json, lambda db: actions.assign(db, number, to, by=person(by), now=now()))


@app.command()
def snooze(
    number: CaseNumber,
    how_long: Annotated[str, typer.Argument(metavar="FOR", help='How long: "4 hours", "2 days"; "off" ends it.')],
    path: ConfigOption = None,
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Put a case off: for so long nobody is reminded that it is open. Before its deadline everybody is all the same, and
    something new ends it."""
    until = None if how_long == "off" else now() + _span(how_long)
    _act(path, json, lambda db: actions.snooze(db, number, until, by=person(by), now=now()))


@app.command()
def tick(
    number: CaseNumber,
    items: Annotated[list[str], typer.Argument(help="Names of steps or pieces of evidence, as shown by: triage case")],
    path: ConfigOption = None,
    not_done: Annotated[bool, typer.Option("--not-done", help="Take the tick away.")] = False,
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Tick steps that are done and evidence that is there. The draft tells the platform what was done, and when."""
    with database(path) as (db, settings):
        known = queries.existing(db, number)
        told = advised(db, known, settings, "en", now())
        names = told.items
        for item in items:
            if item not in names:
                raise UsageError(f'case {number} has no "{item}"; its steps and evidence are: {", ".join(names)}')
        for item in items:
            event = actions.tick(db, number, item, done=not not_done, by=person(by), now=now())
            if not json:
                out.print(f"Case {number}: {plain(item)} {event.kind} by {plain(event.by)}.")
        if json:
            print_json(sorted(history.ticked(db, number)))


@app.command()
def merge(
    number: CaseNumber,
    other: Annotated[int, typer.Argument(help="The case whose mails belong to the first one.", min=1)],
    path: ConfigOption = None,
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Two cases are one matter: the mails of the second go to the first. To take it back: [bold]triage undo[/bold] of the first."""
    _act(path, json, lambda db: regrouping.merge(db, number, other, by=person(by), now=now()))


@app.command()
def split(
    number: CaseNumber,
    mails: Annotated[list[int], typer.Argument(help="Numbers of the messages that are another matter.")],
    path: ConfigOption = None,
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Some mails of a case are another matter: a new case is made of them. Their numbers stand in: triage case"""
    _act(path, json, lambda db: regrouping.split(db, number, mails, by=person(by), now=now()))


@app.command()
def reclassify(
    number: Annotated[
        int | None, typer.Argument(help="The case's number; with --message, the message's.", min=1)
    ] = None,
    cause: Annotated[Cause | None, typer.Option(help='What it really is; "none" if it is no warning.')] = None,
    stage: Annotated[Stage | None, typer.Option(help="How far it really is.")] = None,
    not_a_warning: Annotated[bool, typer.Option("--not-a-warning", help="The same as --cause none.")] = False,
    message: Annotated[
        bool, typer.Option("--message", help="The number is a message's, as listed by: triage messages")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Judge all stored warnings with the model in use; shows what would change.")
    ] = False,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="With --all: only mail since that day.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="With --all: change it. Corrections stay as they are.")
    ] = False,
    backend: Annotated[
        str, typer.Option("--backend", help="With --all: local, or dask (a cluster's workers).")
    ] = "local",
    scheduler: Annotated[str, typer.Option("--scheduler", help="Address of the Dask scheduler.")] = "",
    path: ConfigOption = None,
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Correct what a case or a message was taken for.

    The case, its advice and the alerts that still wait follow at once; the correction is kept, and the next
    [bold]triage train[/bold] learns from it. To take it back: [bold]triage undo[/bold].
    """
    if everything:
        if number is not None or cause or stage or not_a_warning or message:
            raise UsageError("--all is what the model says; it goes with --since, --apply, --backend and --scheduler")
        _reclassify_all(path, since, apply, backend, scheduler, person(by), json)
        return
    if number is None:
        raise UsageError("say which: the number of a case, or --all; see: triage cases")
    if not_a_warning:
        cause = Cause.NONE
    if cause is None and stage is None:
        raise UsageError("say what it is: --cause, --stage or --not-a-warning")
    if not message:
        _act(path, json, lambda db: actions.correct(db, number, cause=cause, stage=stage, by=person(by), now=now()))
        return
    if cause is None:
        raise UsageError("a message needs --cause")
    with database(path) as (db, settings):
        _fetch_again(db, number, settings)
        _done(db, actions.correct_message(db, number, cause=cause, stage=stage, by=person(by), now=now()), json)


@app.command()
def genuine(number: CaseNumber, path: ConfigOption = None, by: ByOption = None, json: JsonOption = False) -> None:
    """Say that a mail taken for forged really is the platform's: from now on it is an ordinary case with its deadline.

    Look at the seller site first, its address typed by hand. To take it back: [bold]triage undo[/bold].
    """
    _act(path, json, lambda db: actions.believe(db, number, by=person(by), now=now()))


@app.command()
def undo(number: CaseNumber, path: ConfigOption = None, by: ByOption = None, json: JsonOption = False) -> None:
    """Take back the last thing a person did to a case."""
    _act(path, json, lambda db: actions.undo(db, number, by=person(by), now=now()))


def _reclassify_all(
    path: Path | None, since: datetime | None, apply: bool, backend: str, scheduler: str, by: str, json: bool
) -> None:
    """What the model in use says of all stored warnings: a table of what differs, and with apply, the cases made anew."""
    from triage import redeciding
    from triage.learn import backends, registry

    with database(path) as (db, settings), backends.chosen(backend, scheduler) as where:
        with progress("judging", quiet=json) as step:
            found = redeciding.redecide(
                db,
                registry.load(settings.models_dir),
                settings,
                since=since.replace(tzinfo=UTC) if since else None,
                backend=where,
                progress=step,
            )
        changed = redeciding.apply(db, found, settings, now(), by=by) if apply else 0
    if json:
        changes = [redeciding.as_document(each) for each in found.changes]
        print_json({"mails": found.mails, "changes": changes, "applied": apply, "cases_changed": changed})
        return
    for each in found.changes[:200]:
        was, is_ = (f"{d.cause}, {d.stage}" for d in (each.before, each.after))
        mark = "  (corrected by a person: stays)" if each.corrected else "  (for review)" if each.lost else ""
        out.print(
            f"case {each.case}  message {each.message}  {was} -> {is_}{mark}  [dim]{plain(each.subject[:60])}[/dim]"
        )
    if len(found.changes) > 200:
        out.print(f"... and {len(found.changes) - 200} more; all of them: --json")
    out.print(f"{found.mails} stored warnings judged, {len(found.changes)} would be decided otherwise.")
    if apply:
        out.print(f"{changed} open cases changed; each can be taken back: triage undo CASE")
    elif found.changes:
        out.print("Nothing was changed; to change it: triage reclassify --all --apply")


def _span(text: str) -> timedelta:
    try:
        return span(text)
    except ValueError as error:
        raise UsageError(f'"{text}" is not a length of time; use {error}') from error


def _act(path: Path | None, json: bool, action: Callable[[Database], CaseEvent]) -> None:
    with database(path) as (db, _):
        _done(db, action(db), json)


def _done(db: Database, event: CaseEvent, json: bool) -> None:
    known = queries.existing(db, event.case_id)
    if json:
        print_json(queries.facts(known, now()))
    else:
        out.print(
            f"Case {known.id}: {event.kind} by {plain(event.by)}. Now {known.cause}, {known.stage}, {known.status}."
        )


def _fetch_again(db: Database, number: int, settings: Settings) -> None:
    """Get the original of a message that was thought ordinary, and so not kept, from the mailbox once more."""
    found = messages.get(db, number)
    account = settings.account(found.account) if found else None
    if found is None or account is None or messages.original(db, number) is not None:
        return
    from triage.mail.session import Session

    with Session(account, settings.polling) as session:
        if session.open(found.folder).uidvalidity == found.uidvalidity:
            for _, batch in session.batches([found.uid]):
                for raw in batch:
                    messages.keep_original(db, number, raw.raw)
