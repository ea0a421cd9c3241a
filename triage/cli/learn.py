"""triage train and triage models."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from triage.cli.app import ByOption, ConfigOption, JsonOption, app, database, now, person, settings_or_defaults
from triage.cli.show import out, plain, print_json, progress
from triage.errors import UsageError

if TYPE_CHECKING:
    from triage.config import Settings
    from triage.learn.corpus import Row
    from triage.learn.retrain import Outcome


versions = typer.Typer(no_args_is_help=False, help="The versions of the model: which there are, and which is in use.")
app.add_typer(versions, name="models", rich_help_panel="Learning")

VersionName = Annotated[str, typer.Argument(help="A version, as listed by: triage models")]
BackendOption = Annotated[
    str, typer.Option("--backend", help="Where the work is done: local, or dask (a cluster's workers).")
]
SchedulerOption = Annotated[
    str, typer.Option("--scheduler", help="Address of the Dask scheduler. Default: workers of this machine.")
]


@app.command()
def train(
    path: ConfigOption = None,
    data: Annotated[list[Path] | None, typer.Option("--data", help="Further JSON lines to learn from.")] = None,
    force: Annotated[
        str, typer.Option("--force", metavar="REASON", help="Use the new version even if a figure is worse; say why.")
    ] = "",
    backend: BackendOption = "local",
    scheduler: SchedulerOption = "",
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Learn from the corpus and your corrections; use the new model unless it is worse.

    Both versions are compared on families of mails that neither had seen, and on all corrected mails. A running daemon takes
    the new one over by itself. It can be broken off at any moment: the model in use stays.
    """
    from triage.learn import backends, corpus, retrain
    from triage.learn.report import write_report

    settings = settings_or_defaults(path)
    learned = corrections_of(settings)
    extra = corpus.load(data, to_learn=True).rows if data else ()
    with backends.chosen(backend, scheduler) as where, progress("training", quiet=json) as step:
        outcome = retrain.retrain(
            settings.models_dir,
            learned,
            now(),
            extra=extra,
            force=force,
            by=person(by),
            progress=step,
            backend=where,
        )
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
                "corrections_right_before": outcome.corrections_right_before,
                "comparison": asdict(outcome.comparison) if outcome.comparison else None,
                "metrics": outcome.metrics,
                "report": str(report / "report.html"),
            }
        )
        return
    out.print(f"Learned from {outcome.rows} mails of the corpus and {outcome.corrections} corrections.")
    _figures(outcome)
    if outcome.corrections:
        was = "" if outcome.corrections_right_before is None else f" (before: {outcome.corrections_right_before})"
        out.print(f"Of your {outcome.corrections} corrected mails {outcome.corrections_right} are now right{was}.")
    for row in outcome.corrections_wrong[:5]:
        out.print(f"  still not as corrected to {row.cause}: {plain(row.subject or '')}")
    out.print(f"Report with charts: {plain(str(report / 'report.html'))}")
    if outcome.promoted:
        out.print(f"[green]Version {outcome.version} is in use[/green] ({plain(outcome.reason)}).")
    else:
        out.print(
            f"[yellow]Version {outcome.version} is kept but not used: {plain(outcome.reason)}.[/yellow] "
            "To use it all the same: triage train --force REASON"
        )


@versions.callback(invoke_without_command=True)
def models(context: typer.Context, path: ConfigOption = None, json: JsonOption = False) -> None:
    """List the versions of the model, the newest first; * is the one in use."""
    if context.invoked_subcommand:
        return
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


@versions.command()
def show(version: VersionName, path: ConfigOption = None, json: JsonOption = False) -> None:
    """Show one version: figures, data, parameters, libraries, and who put it into use and why."""
    from triage.learn import journal, registry

    folder = settings_or_defaults(path).models_dir
    saved = next((each for each in registry.versions(folder) if each.version == version), None)
    if saved is None:
        raise UsageError(f"{folder}: there is no version {version}; see: triage models")
    used = [entry for entry in journal.entries(folder) if entry.version == version]
    if json:
        print_json({**asdict(saved), "journal": [asdict(entry) for entry in used]})
        return
    out.print(f"{saved.version}{'  in use' if saved.current else ''}, made {saved.created_at:%Y-%m-%d %H:%M} UTC")
    out.print(
        f"  data        {saved.data['rows']} mails, {saved.data['corrections']} corrections, {saved.data['sha256'][:12]}"
    )
    out.print(f"  libraries   {', '.join(f'{name} {number}' for name, number in saved.libraries.items())}")
    for name in _FIGURES:
        out.print(f"  {name.replace('_', ' '):<20} {saved.metrics[name]}")
    for entry in used:
        out.print(f"  in use from {entry.at:%Y-%m-%d %H:%M} UTC by {plain(entry.by)}: {plain(entry.why)}")


@versions.command()
def promote(
    version: VersionName,
    why: Annotated[str, typer.Option("--why", help="Written down with who did it.")] = "chosen by hand",
    path: ConfigOption = None,
    by: ByOption = None,
) -> None:
    """Put a version into use. It is loaded and tested first."""
    _put_into_use(version, why, settings_or_defaults(path).models_dir, person(by))


@versions.command("roll-back")
def roll_back(
    why: Annotated[str, typer.Option("--why", help="Written down with who did it.")] = "rolled back",
    path: ConfigOption = None,
    by: ByOption = None,
) -> None:
    """Go back to the version that was in use before this one."""
    from triage.learn import registry

    folder = settings_or_defaults(path).models_dir
    _put_into_use(registry.previous(folder), why, folder, person(by))


@versions.command()
def delete(version: VersionName, path: ConfigOption = None) -> None:
    """Delete a version for good; never the one in use."""
    from triage.learn import registry

    registry.delete(settings_or_defaults(path).models_dir, version)
    out.print(f"Version {plain(version)} is deleted.")


def _put_into_use(version: str, why: str, folder: Path, by: str) -> None:
    from triage.learn import registry, self_test

    if wrong := self_test.failing(registry.load(folder, version)):
        raise UsageError(f"version {version} fails its self-test: {wrong[0]}; the model in use stays")
    registry.promote(folder, version, by=by, why=why, now=now())
    out.print(f"[green]Version {plain(version)} is in use[/green]; a running daemon takes it over by itself.")


@app.command(rich_help_panel="Learning")
def corrections(
    export: Annotated[
        Path | None, typer.Option(help="Write what is learned, masked, as JSON lines for: triage train --data")
    ] = None,
    path: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """List what people said that mails really are: who, when, from what, to what; which of them contradict each other.

    The latest counts; nothing is ever deleted.
    """
    from triage.learn import corrections as learned

    with database(path) as (db, _):
        found = learned.listed(db)
        if export is not None:
            rows = [learned.row(each) for each in found if each.wins]
            try:
                export.write_text(
                    "".join(row.model_dump_json(by_alias=True, exclude_none=True) + "\n" for row in rows),
                    encoding="utf-8",
                )
            except OSError as error:
                raise UsageError(f"{export}: cannot be written: {error.strerror}") from error
            out.print(f"{len(rows)} examples written to {plain(str(export))}, names and numbers masked.")
            return
    if json:
        print_json([asdict(each) for each in found])
        return
    if not found:
        out.print("Nobody has corrected anything yet; see: triage review, triage reclassify")
    for each in found:
        marks = [
            "taken back" if each.undone_at else "" if each.wins else "a later one counts",
            f"contradicts {', '.join(map(str, each.conflicts))}" if each.conflicts else "",
        ]
        said = "; ".join(filter(None, marks))
        out.print(
            f"{each.id:>4}  {each.at:%Y-%m-%d %H:%M}  case {each.case}  {plain(each.by)} ({each.source}): {each.was} -> {each.cause}"
            f"{f'  [yellow]{said}[/yellow]' if said else ''}  [dim]{plain(each.example['subject'][:60])}[/dim]"
        )


def corrections_of(settings: Settings) -> list[Row]:
    """What people corrected, if there is a database at all."""
    from triage.learn import corrections
    from triage.store.connection import opened

    if not settings.database.exists():
        return []
    with opened(settings.database) as db:
        return corrections.rows(db)


_FIGURES = ("warning_recall", "warning_precision", "cause_macro_f1", "stage_accuracy", "calibration_error")


def _figures(outcome: Outcome) -> None:
    """The figures on families the version had not seen; against the version in use, on the same mails, with 95 % intervals."""
    for name in _FIGURES:
        old, new = outcome.before.get(name), outcome.metrics[name]
        change = "" if old is None or new is None else f"  ({new - old:+.4f})"
        out.print(f"  {name.replace('_', ' '):<20} {new}{change}")
    if outcome.comparison is None:
        return
    out.print(f"Against the version in use, on {outcome.comparison.rows} mails that neither had seen (95 % interval):")
    for each in outcome.comparison.differences:
        notable = abs(each.change) >= 0.005 or each.name in _FIGURES
        if notable:
            out.print(f"  {each.name.replace('_', ' '):<20} {each.change:+.4f}  ({each.low:+.4f} to {each.high:+.4f})")
