"""triage train and triage models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from triage.cli.app import ConfigOption, JsonOption, app, now, settings_or_defaults
from triage.cli.show import out, plain, print_json, progress
from triage.labels import Cause

if TYPE_CHECKING:
    from triage.config import Settings
    from triage.learn.corpus import Row


@app.command()
def train(
    path: ConfigOption = None,
    data: Annotated[list[Path] | None, typer.Option("--data", help="Further JSON lines to learn from.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Use the new version even if a figure is worse.")] = False,
    json: JsonOption = False,
) -> None:
    """Learn from the corpus and your corrections; use the new model unless it is worse.

    Every version is tested on families of mails it has not seen. A running daemon takes the new one over by itself.
    """
    from triage.learn import corpus, retrain
    from triage.learn.report import write_report

    settings = settings_or_defaults(path)
    learned = corrections_of(settings)
    extra = corpus.load(data, to_learn=True).rows if data else ()
    with progress("training", quiet=json) as step:
        outcome = retrain.retrain(settings.models_dir, learned, now(), extra=extra, force=force, progress=step)
    report = settings.models_dir / outcome.version / "report"
    rows, said = zip(*outcome.judged, strict=True)
    write_report(
        report, f"Version {outcome.version}, on families of mails it had not seen", rows, said, outcome.metrics
    )
    if json:
        print_json(
            {
                "version": outcome.version,
                "promoted": outcome.promoted,
                "reason": outcome.reason,
                "rows": outcome.rows,
                "corrections": outcome.corrections,
                "corrections_right": outcome.corrections_right,
                "metrics": outcome.metrics,
                "report": str(report / "report.html"),
            }
        )
        return
    out.print(f"Learned from {outcome.rows} mails of the corpus and {outcome.corrections} corrections.")
    _compare(outcome.before, outcome.metrics)
    if outcome.corrections:
        was = "" if outcome.corrections_right_before is None else f" (before: {outcome.corrections_right_before})"
        out.print(f"Of your {outcome.corrections} corrected mails {outcome.corrections_right} are now right{was}.")
    out.print(f"Report with charts: {plain(str(report / 'report.html'))}")
    if outcome.promoted:
        out.print(f"[green]Version {outcome.version} is in use[/green] ({outcome.reason}).")
    else:
        out.print(
            f"[yellow]Version {outcome.version} is kept but not used: {outcome.reason}.[/yellow] To use it all the same: triage train --force"
        )


@app.command()
def models(path: ConfigOption = None, json: JsonOption = False) -> None:
    """List the versions of the model, the newest first."""
    from triage.learn import registry

    found = registry.versions(settings_or_defaults(path).models_dir)
    if json:
        print_json(
            [
                {
                    "version": s.version,
                    "created_at": s.created_at,
                    "current": s.current,
                    "data": s.data,
                    "metrics": s.metrics,
                }
                for s in found
            ]
        )
        return
    if not found:
        out.print("No model yet; to make one: triage train")
    for saved in found:
        mark = "*" if saved.current else " "
        figures = saved.metrics
        out.print(
            f"{mark} {saved.version}  {saved.created_at:%Y-%m-%d %H:%M} UTC  warning recall {figures['warning_recall']}  "
            f"precision {figures['warning_precision']}  cause macro F1 {figures['cause_macro_f1']}  corrections {saved.data['corrections']}"
        )


def corrections_of(settings: Settings) -> list[Row]:
    """What people corrected, if there is a database at all."""
    from triage.learn import corrections
    from triage.store.connection import opened

    if not settings.database.exists():
        return []
    with opened(settings.database) as db:
        return corrections.rows(db)


def _compare(before: dict[str, Any], after: dict[str, Any]) -> None:
    """What got better and what worse, on families neither version had seen."""
    names = ("warning_recall", "warning_precision", "cause_macro_f1", "stage_accuracy", "calibration_error")
    for name in names:
        old, new = before.get(name), after[name]
        change = "" if old is None or new is None else f"  ({new - old:+.4f})"
        out.print(f"  {name.replace('_', ' '):<20} {new}{change}")
    if not before:
        return
    moved = []
    for cause in Cause:
        old, new = before.get("by_cause", {}).get(cause.value), after["by_cause"].get(cause.value)
        if old and new and abs(new["f1"] - old["f1"]) >= 0.005:
            moved.append((new["f1"] - old["f1"], cause.value, new["f1"]))
    for change, cause_name, f1 in sorted(moved):
        out.print(f"  {'better' if change > 0 else 'worse ':<6} {cause_name:<20} F1 {f1} ({change:+.4f})")
