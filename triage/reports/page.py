"""A report as HTML, complete in one file, or as Markdown."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from triage.advice.drafts import escaped
from triage.advice.patterns import Pattern
from triage.advice.playbook import Playbooks
from triage.labels import CAUSE_NAMES, PLATFORM_NAMES, STAGE_NAMES, STATUS_NAMES, Cause
from triage.reports.figures import Chart, Figures
from triage.types import Case

#: A colour for each cause, the same in every report; told apart by people who see red and green alike (Okabe and Ito's
#: eight, darkened and lightened once).
_COLOURS = dict(
    zip(
        Cause,
        ("#0072b2", "#d55e00", "#cc79a7", "#009e73", "#e69f00", "#56b4e9", "#000000", "#f0e442", "#7f2f00", "#5d1f4a", "#004d39",
         "#8a5f00", "#9ad0f0", "#595959", "#b8a800", "#84c9b2", "#b3b3b3", "#d9d9d9"),
        strict=True,
    )
)  # fmt: skip
#: Of the chart, in CSS pixels.
_WIDTH, _HEIGHT, _BOTTOM = 560, 120, 22


@dataclass(frozen=True, slots=True)
class _Bar:
    x: float
    y: float
    width: float
    height: float
    colour: str
    label: str


def as_html(shown: Figures, patterns: list[Pattern], books: Playbooks, *, language: str, zone: ZoneInfo) -> str:
    """The report as one HTML page without scripts, fonts or pictures from elsewhere."""
    return (
        _environment(escape=True)
        .get_template("report.html.jinja")
        .render(_values(shown, patterns, books, language, zone))
    )


def as_part(shown: Figures, patterns: list[Pattern], books: Playbooks, *, language: str, zone: ZoneInfo) -> str:
    """The same without its frame, to be part of another page: escaped HTML."""
    return (
        _environment(escape=True)
        .get_template("report_body.html.jinja")
        .render(_values(shown, patterns, books, language, zone))
    )


def as_markdown(shown: Figures, patterns: list[Pattern], books: Playbooks, *, language: str, zone: ZoneInfo) -> str:
    """The report as Markdown; the charts as tables."""
    values = _values(shown, patterns, books, language, zone)
    return (
        _environment(escape=False).get_template("report.md.jinja").render({**values, "plain": escaped}).strip() + "\n"
    )


def span(length: timedelta | None, say: dict[str, str]) -> str:
    """A length of time in days and hours; a dash for none."""
    if length is None:
        return "-"
    hours = round(length.total_seconds() / 3600)
    days, rest = divmod(hours, 24)
    parts = [say["days"].format(n=days)] if days else []
    return " ".join([*parts, *([say["hours"].format(n=rest)] if rest or not days else [])])


def _values(shown: Figures, patterns: list[Pattern], books: Playbooks, language: str, zone: ZoneInfo) -> dict[str, Any]:
    say = _words()[language]
    soon = [case for case in shown.due if case.deadline and case.deadline.at > shown.until]
    ended = shown.ended
    return {
        "say": say,
        "language": "zh-CN" if language == "zh" else "en",
        "period": say["period"].format(since=_day(shown.since, zone), until=_day(shown.until - timedelta(seconds=1), zone), zone=zone.key),
        "shown": shown,
        "summary": [
            (len(shown.came), say["summary_came"]),
            (len(soon), say["summary_due"]),
            (len(shown.due) - len(soon), say["summary_over"]),
            *((len(cases), say[f"summary_{status}"]) for status, cases in ended.items() if f"summary_{status}" in say),
            (shown.forged, say["summary_forged"]),
        ],
        "times": [(span(shown.median_seen, say), say["seen"]), (span(shown.median_answered, say), say["answered"]), (str(shown.untouched), say["untouched"])],
        "came": [_row(each.case, say, language, zone, shown.until) for each in shown.came],
        "due": [_row(case, say, language, zone, shown.until) for case in shown.due],
        "ended": [_row(case, say, language, zone, shown.until) for cases in ended.values() for case in cases],
        "charts": [_drawn(chart, language, zone) for chart in shown.charts],
        "patterns": [pattern.text for pattern in patterns],
        "prevention": [
            (CAUSE_NAMES[language][cause], [words.say(language) for words in books.of(cause).prevention])
            for cause in shown.causes
            if cause is not Cause.NONE
        ],
        "width": _WIDTH,
        "height": _HEIGHT + _BOTTOM,
    }  # fmt: skip


def _row(case: Case, say: dict[str, str], language: str, zone: ZoneInfo, until: datetime) -> dict[str, str]:
    limit = "-"
    if case.deadline:
        limit = f"{case.deadline.at.astimezone(zone):%m-%d %H:%M}" + (" ~" if case.deadline.assumed else "")
        limit += f" ({say['over']})" if case.deadline.at <= until else ""
    return {
        "id": str(case.id),
        "store": f"{case.store or case.account} ({PLATFORM_NAMES[case.platform]})",
        "stage": STAGE_NAMES[language][case.stage],
        "cause": CAUSE_NAMES[language][case.cause],
        "deadline": limit,
        "status": STATUS_NAMES[language][case.status],
        "who": case.assignee or "-",
        "subject": case.title,
    }


def _drawn(chart: Chart, language: str, zone: ZoneInfo) -> dict[str, Any]:
    """A chart's bars, its scale and its legend; the same numbers as a table."""
    slot = _WIDTH / len(chart.weeks)
    scale = (_HEIGHT - 10) / chart.highest
    bars: list[_Bar] = []
    for week in range(len(chart.weeks)):
        top = float(_HEIGHT)
        for cause, counts in chart.counts.items():
            if counts[week]:
                tall = counts[week] * scale
                top -= tall
                label = f"{_day(chart.weeks[week], zone)}: {CAUSE_NAMES[language][cause]} {counts[week]}"
                bars.append(
                    _Bar(
                        round(week * slot + 4, 1),
                        round(top, 1),
                        round(slot - 8, 1),
                        round(tall, 1),
                        _COLOURS[cause],
                        label,
                    )
                )
    return {
        "title": f"{chart.store} ({PLATFORM_NAMES[chart.platform]})",
        "bars": bars,
        "highest": chart.highest,
        "weeks": [(round(n * slot + slot / 2, 1), f"{week.astimezone(zone):%m-%d}") for n, week in enumerate(chart.weeks)],
        "legend": [(_COLOURS[cause], CAUSE_NAMES[language][cause], sum(counts)) for cause, counts in chart.counts.items()],
        "table": [
            (_day(week, zone), [counts[n] for counts in chart.counts.values()])
            for n, week in enumerate(chart.weeks)
            if any(counts[n] for counts in chart.counts.values())
        ],
    }  # fmt: skip


def _day(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d}"


@lru_cache(maxsize=2)
def _environment(*, escape: bool) -> Environment:
    return Environment(
        loader=PackageLoader("triage.reports", "."),
        autoescape=escape,  # noqa: S701 - in Markdown HTML's escapes mean nothing: there plain() does it
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@lru_cache(maxsize=1)
def _words() -> dict[str, dict[str, str]]:
    return tomllib.loads((files("triage.reports") / "words.toml").read_text(encoding="utf-8"))
