"""triage report and triage calendar: what happened, and what is due, for people outside the terminal."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer

from triage.cli.app import ConfigOption, LanguageOption, app, database, language, now, only, settings_or_defaults
from triage.cli.show import out
from triage.errors import UsageError


@app.command()
def report(
    path: ConfigOption = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days back.")] = 7,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Up to the end of this day. Default: now.")
    ] = None,
    into: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write: .html or .md. Default: Markdown, printed.")
    ] = None,
    form: Annotated[Literal["html", "md"] | None, typer.Option("--format", help="Default: as --out ends.")] = None,
    model: Annotated[
        bool,
        typer.Option("--model", help="Report on the model in use instead: what it confuses, its words, its drift."),
    ] = False,
    lang: LanguageOption = None,
) -> None:
    """Report on some days: what came, what is due, what was won or lost, how fast it was answered, and prevention.

    The service writes one every week where [bold]report.folder[/bold] is set.
    """
    from triage.reports.writing import report_text

    if model:
        _report_model(path, into)
        return
    with database(path) as (db, settings):
        zone = settings.zone
        end = (until.replace(tzinfo=zone) + timedelta(days=1)) if until else now()
        kind = form or ("html" if into and into.suffix.lower() in {".html", ".htm"} else "md")
        text = report_text(db, settings, end - timedelta(days=days), end, form=kind, language=language(lang, settings))
    if into is None:
        out.print(text, markup=False, soft_wrap=True, end="")
        return
    _write(into, text)


@app.command()
def calendar(
    path: ConfigOption = None,
    into: Annotated[Path | None, typer.Option("--out", "-o", help="File to write. Default: printed.")] = None,
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    lang: LanguageOption = None,
) -> None:
    """The deadlines as a calendar (iCalendar), each with its reminders. Any calendar program reads it.

    The service keeps a file up to date where [bold]calendar.path[/bold] is set; a calendar can subscribe to it.
    """
    from triage.reports.calendar import deadlines

    with database(path) as (db, settings):
        content = deadlines(db, settings, now(), language=language(lang, settings), accounts=only(account))
    if into is None:
        out.print(content.decode(), markup=False, soft_wrap=True, end="")
        return
    try:
        into.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{into}: cannot be written: {error.strerror}") from error
    out.print(f"{into}", markup=False)


def _report_model(path: Path | None, into: Path | None) -> None:
    """The model in use as a page; of how it drifts, what the database knows, if there is one."""
    from triage import drift
    from triage.learn import model_report
    from triage.store.connection import opened

    settings = settings_or_defaults(path)
    if into is None:
        raise UsageError("the model's report is a page: triage report --model --out model.html")
    weeks = []
    if settings.database.exists():
        with opened(settings.database) as db:
            weeks = drift.weeks(db, now(), 26)
    _write(into, model_report.page(settings.models_dir, weeks))


def _write(into: Path, text: str) -> None:
    try:
        into.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{into}: cannot be written: {error.strerror}") from error
    out.print(f"{into}", markup=False)
