"""How things look on a terminal. Colours go away in pipes; strangers' words are shown, never interpreted."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from triage.alerts.render import defanged, remaining
from triage.glossary import called
from triage.labels import CAUSE_NAMES, PLATFORM_NAMES, STAGE_NAMES, STATUS_NAMES
from triage.types import Case, Evidence, Facts

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


def reasons(evidence: Sequence[Evidence], most: int = 6) -> str:
    """The strongest reasons of a decision in one line: sentences quoted, the beginning of a word as such."""
    shown = []
    for each in evidence[:most]:
        text = f'"{each.text}"' if each.source == "sentence" else each.text
        if each.source == "word" and text.endswith("~"):
            text = f"{text[:-1]}..."
        shown.append(f"{text} ({each.weight:+.2f})")
    return "; ".join(shown)


def fact_lines(facts: Facts, language: str, *, trusted: bool) -> list[tuple[str, str]]:
    """What a mail names, a label and a line for each kind of thing; links defanged unless the sender is trusted."""
    zh = language == "zh"
    ids = [f"{called(each.kind, language)} {each.value}" for each in facts.ids[:12]]
    more = len(facts.ids) - len(ids)
    owner = " ".join(filter(None, (facts.rights_owner.name, facts.rights_owner.email))) if facts.rights_owner else ""
    metrics = [
        f"{called(m.name, language)} {m.value:g}{m.unit}"
        + (f" ({'目标' if zh else 'target'} {m.target:g}{m.unit})" if m.target is not None else "")
        for m in facts.metrics
    ]
    money = [f"{m.currency} {m.amount}" + (f" {called(m.about, language)}" if m.about else "") for m in facts.money]
    points = [f"{p.value}" + (f"/{p.of}" if p.of else "") for p in facts.points]
    answers = [each.value if trusted else defanged(each.value) for each in facts.answer_to]
    rows = (
        ("编号" if zh else "numbers", ids + ([f"+{more}"] if more > 0 else [])),
        ("站点" if zh else "marketplace", facts.marketplaces),
        ("权利人" if zh else "rights owner", [owner] if owner else []),
        ("指标" if zh else "metrics", metrics),
        ("金额" if zh else "money", money),
        ("扣分" if zh else "points", points),
        ("依据的规则" if zh else "policies", facts.policies),
        ("要求的文件" if zh else "documents", [called(name, language) for name in facts.documents]),
        ("回复至" if zh else "answer to", answers),
    )
    return [(label, ", ".join(values)) for label, values in rows if values]


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
