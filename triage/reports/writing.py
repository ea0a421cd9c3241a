"""What is written to files for people outside: the weekly report when its time has come, the calendar when it changed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

import structlog

from triage.advice.playbook import playbooks
from triage.advising import repeated
from triage.cases.stores import stores
from triage.config import WEEKDAYS, Settings
from triage.errors import OutputError
from triage.reports.calendar import deadlines
from triage.reports.figures import figures
from triage.reports.page import as_html, as_markdown, as_part

if TYPE_CHECKING:
    from sqlite_utils import Database

log = structlog.get_logger()

_WEEK = timedelta(weeks=1)


def report_text(
    db: Database,
    settings: Settings,
    since: datetime,
    until: datetime,
    *,
    form: Literal["html", "part", "md"],
    language: str,
    accounts: Collection[str] | None = None,
) -> str:
    """The report on some time, as HTML, as HTML within another page, or as Markdown. accounts: only of these."""
    shown = figures(db, since, until, accounts)
    again = [pattern for store in stores(db, until, accounts=accounts) for pattern in repeated(store, until, language)]
    write = {"html": as_html, "part": as_part, "md": as_markdown}[form]
    return write(shown, again, playbooks(settings.playbooks), language=language, zone=settings.zone)


def last_due(now: datetime, day: str, hour: int, zone: ZoneInfo) -> datetime:
    """When the last weekly report was due: the latest such day and hour, in the zone, that is not after now."""
    local = now.astimezone(zone)
    back = (local.weekday() - WEEKDAYS.index(day)) % 7
    due = (local - timedelta(days=back)).replace(hour=hour, minute=0, second=0, microsecond=0)
    return due if due <= local else due - _WEEK


def write_report(db: Database, settings: Settings, now: datetime) -> Path | None:
    """Write the weekly report if it is due and not written yet: its file, or None if there is nothing to do.

    What is written is told by its file alone: a report is made once, whichever process or restart comes first.

    Raises:
        OutputError: the folder cannot be written to.
    """
    if settings.report.folder is None:
        return None
    due = last_due(now, settings.report.day, settings.report.hour, settings.zone)
    path = settings.report.folder / f"triage-{due:%Y-%m-%d}.{settings.report.form}"
    if path.exists():
        return None
    text = report_text(db, settings, due - _WEEK, due, form=settings.report.form, language=settings.language)
    _replace(path, text.encode())
    log.info("report_written", path=str(path))
    return path


def write_calendar(db: Database, settings: Settings, now: datetime) -> bool:
    """Bring the calendar's file up to date; whether anything was to be changed.

    Raises:
        OutputError: the file cannot be written.
    """
    path = settings.calendar.path
    if path is None:
        return False
    content = deadlines(db, settings, now, language=settings.language)
    try:
        if path.exists() and path.read_bytes() == content:
            return False
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}") from error
    _replace(path, content)
    return True


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a program that reads it never sees half of it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(name, 0o640)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error
