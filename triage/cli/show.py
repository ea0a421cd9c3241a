"""How things look on a terminal. Colours go away in pipes; strangers' words are shown, never interpreted."""

from __future__ import annotations

import json
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
from triage.labels import CAUSE_NAMES, PLATFORM_NAMES, STAGE_NAMES
from triage.types import Case

ProgressCall = Callable[[float, str], None]

#: Columns of a table in a pipe or a file, where no terminal says how wide it is.
_WIDE = 160

out = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
errors = Console(stderr=True, highlight=False)

#: From this width on all columns are shown.
_ROOMY = 130
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
    """The list of cases, the most urgent first."""
    heads = {
        "en": ("#", "Store", "Platform", "Stage", "Cause", "Sure", "Answer by", "Status", "Subject"),
        "zh": ("#", "店铺", "平台", "阶段", "原因", "把握", "期限", "状态", "主题"),
    }[language]
    # On a narrow terminal: what is it, by when, and the subject as far as it fits.
    shown = range(len(heads)) if out.width >= _ROOMY else (0, 2, 3, 4, 6, 8)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for number in shown:
        last = number == len(heads) - 1
        table.add_column(heads[number], justify="right" if number == 0 else "left", no_wrap=True, overflow="ellipsis",
                         ratio=1 if last else None, min_width=10 if last else None)  # fmt: skip
    for case in cases:
        style = _SEVERITY_STYLE[case.severity]
        stage = STAGE_NAMES[language][case.stage]
        cells = (
            str(case.id),
            plain(case.store or case.account),
            PLATFORM_NAMES[case.platform],
            f"[{style}]{stage}[/]" if style else stage,
            CAUSE_NAMES[language][case.cause]
            + ("?" if case.needs_review else "")
            + (" !" if case.sender == "forged" else ""),
            f"{case.confidence:.0%}",
            deadline(case, language, zone_of.get(case.account), now),
            case.status.value,
            plain(" ".join(case.title.split())),
        )
        table.add_row(*(cells[number] for number in shown))
    return table


def deadline(case: Case, language: str, zone: ZoneInfo | None, now: datetime) -> str:
    """A deadline with the time that is left, or a dash."""
    if case.deadline is None:
        return "-"
    left = case.deadline.at - now
    local = case.deadline.at.astimezone(zone)
    if left <= timedelta(0):
        return f"[dim]{local:%m-%d %H:%M}[/]"
    urgent = "bold red" if left < timedelta(days=1) else "yellow" if left < timedelta(days=3) else ""
    text = f"{local:%m-%d %H:%M} ({remaining(left, language)})"
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
