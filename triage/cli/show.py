"""How things look on a terminal. Colours go away in pipes; strangers' words are shown, never interpreted."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from triage.alerts.render import remaining
from triage.labels import CAUSE_NAMES, PLATFORM_NAMES, STAGE_NAMES, STATUS_NAMES
from triage.types import Case

ProgressCall = Callable[[float, str], None]

#: Columns of a table in a pipe or a file, where no terminal says how wide it is.
_WIDE = 160

out = Console(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDE)
errors = Console(stderr=True, highlight=False)

#: Columns of the list of cases: heads, and how wide they may become (0: what is left).
_COLUMNS: dict[str, tuple[dict[str, str], int]] = {
    "id": ({"en": "#", "zh": "#"}, 5),
    "store": ({"en": "Store", "zh": "店铺"}, 18),
    "platform": ({"en": "Platform", "zh": "平台"}, 13),
    "stage": ({"en": "Stage", "zh": "阶段"}, 20),
    "cause": ({"en": "Cause", "zh": "原因"}, 24),
    "sure": ({"en": "Sure", "zh": "把握"}, 4),
    "due": ({"en": "Answer by", "zh": "期限"}, 28),
    "status": ({"en": "Status", "zh": "状态"}, 20),
    "subject": ({"en": "Subject", "zh": "主题"}, 0),
}
#: Widths from which all columns, and the subject, are shown.
_ROOMY, _SUBJECT_FITS = 155, 95
_ONLY_ROOMY = {"store", "sure", "status"}
_SEVERITY_STYLE = {1: "dim", 2: "", 3: "yellow", 4: "bold yellow", 5: "bold red"}


def print_json(content: Any) -> None:
    """One JSON document, as it is: no colours, no wrapping."""
    print(json.dumps(content, ensure_ascii=False, indent=2, default=str))  # noqa: T201 - for programs


def print_json_lines(contents: Iterable[Any]) -> None:
    """One JSON object a line."""
    for content in contents:
        print(json.dumps(content, ensure_ascii=False, default=str), flush=True)  # noqa: T201 - for programs


def plain(text: str) -> str:
    """A stranger's words: no control characters, no markup."""
    return escape("".join(" " if unicodedata.category(c) in {"Cc", "Cf"} and c != "\n" else c for c in text))


def cases_table(cases: Iterable[Case], language: str, zone_of: dict[str, ZoneInfo], now: datetime) -> Table:
    """The list of cases, the most urgent first; on a narrow terminal with fewer columns."""
    roomy = out.width >= _ROOMY
    names = [name for name in _COLUMNS if roomy or name not in _ONLY_ROOMY]
    if out.width < _SUBJECT_FITS:
        names.remove("subject")
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    # Rich shrinks all columns alike when they do not fit, down to nothing: the subject gets what the others leave.
    widths = {name: _COLUMNS[name][1] for name in names} | ({} if roomy else {"due": 12 if language == "en" else 16})
    widths["subject"] = out.width - sum(width + 1 for width in widths.values())
    for name in names:
        head, widest = _COLUMNS[name][0], widths[name]
        table.add_column(
            head[language],
            justify="right" if name == "id" else "left",
            no_wrap=True,
            overflow="ellipsis",
            max_width=widest,
        )
    for case in cases:
        cells = _cells(case, language, zone_of.get(case.account), now, roomy=roomy)
        table.add_row(*(cells[name] for name in names))
    return table


def _cells(case: Case, language: str, zone: ZoneInfo | None, now: datetime, *, roomy: bool) -> dict[str, str]:
    style = _SEVERITY_STYLE[case.severity]
    stage = STAGE_NAMES[language][case.stage]
    marks = ("?" if case.needs_review else "") + (" !" if case.sender == "forged" else "")
    return {
        "id": str(case.id),
        "store": plain(case.store or case.account),
        "platform": PLATFORM_NAMES[case.platform],
        "stage": f"[{style}]{stage}[/]" if style else stage,
        "cause": CAUSE_NAMES[language][case.cause].split(" (")[0] + marks,
        "sure": f"{case.confidence:.0%}",
        "due": deadline(case, language, zone, now, short=not roomy),
        "status": plain(" ".join(filter(None, (STATUS_NAMES[language][case.status], case.assignee)))),
        "subject": plain(" ".join(case.title.split())),
    }


def deadline(case: Case, language: str, zone: ZoneInfo | None, now: datetime, *, short: bool = False) -> str:
    """A deadline with the time that is left, or that alone; a dash where there is none."""
    if case.deadline is None:
        return "-"
    left = case.deadline.at - now
    local = case.deadline.at.astimezone(zone)
    if left <= timedelta(0):
        return f"[dim]{local:%m-%d %H:%M}[/]"
    urgent = "bold red" if left < timedelta(days=1) else "yellow" if left < timedelta(days=3) else ""
    rest = ("~" if case.deadline.assumed else "") + remaining(left, language)
    text = rest if short else f"{local:%m-%d %H:%M} ({rest})"
    return f"[{urgent}]{text}[/]" if urgent else text


@contextmanager
def progress(what: str, *, quiet: bool = False) -> Iterator[ProgressCall]:
    """A progress bar with the time left on standard error; silent where nobody watches."""
    if quiet or not errors.is_terminal:
        yield lambda share, step: None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda share, step: bar.update(task, completed=share, description=f"{what}: {step}")
