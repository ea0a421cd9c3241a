"""triage classify and triage evaluate: the understanding on files, without mailbox or database."""

from __future__ import annotations

import mailbox
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from triage.alerts.render import quoted
from triage.cases.documents import facts_document, findings_document, forwarded_document
from triage.cases.queries import deadline_facts
from triage.cli.app import ConfigOption, JsonOption, app, now, settings_or_defaults
from triage.cli.show import errors, out, plain, print_json, print_json_lines, progress
from triage.errors import UsageError
from triage.findings import sentence, trusted
from triage.labels import CAUSE_NAMES, PLATFORM_NAMES, STAGE_NAMES
from triage.shown import fact_lines, reasons
from triage.types import Decision, Mail

if TYPE_CHECKING:
    from triage.mail.reading import Recipient

_BATCH = 200


@app.command()
def classify(
    files: Annotated[list[str], typer.Argument(help="Mails (.eml), an mbox, a Maildir, or - for standard input.")],
    path: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Say what mails are: warning or not, cause, stage, platform, deadline, and why.

    Needs no configuration. The model is trained on first use (half a minute). With --json: one object a line.
    The exit code is 1 if a file is no mail.
    """
    from zoneinfo import ZoneInfo

    from triage.judging import understood
    from triage.mail.reading import Recipient
    from triage.mail.signatures import Signatures

    settings = settings_or_defaults(path)
    model = _model(path)
    failed = False
    zone = ZoneInfo(settings.time_zone)
    signatures = Signatures().valid if settings.sender.verify_dkim else None
    sources = _mails(files, Recipient(zone=zone, signatures=signatures))
    while chunk := list(islice(sources, _BATCH)):
        good = [(name, mail) for name, mail in chunk if isinstance(mail, Mail)]
        for name, reason in chunk:
            if isinstance(reason, str):
                errors.print(f"triage: {name}: {reason}", markup=False)
                failed = True
        mails = [mail for _, mail in good]
        moments = [mail.sent_at or now() for mail in mails]
        decisions = understood(mails, model, moments, zone, explain_all=True)
        if json:
            print_json_lines(decision_facts(name, d) for (name, _), d in zip(good, decisions, strict=True))
        else:
            for (name, _), decision in zip(good, decisions, strict=True):
                _show(name, decision)
    raise typer.Exit(1 if failed else 0)


@app.command()
def evaluate(
    file: Annotated[
        Path, typer.Argument(help="JSON lines: {id, from, subject, body, cause, also, stage, platform, lang}.")
    ],
    report: Annotated[
        Path | None,
        typer.Option("--report", help="A folder for report.html, confusion.png, reliability.png and metrics.json."),
    ] = None,
    path: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Measure the model on labelled mails: recall, precision, accuracy, by language and platform.

    Needs no configuration. With --json: one object {"metrics": ..., "rows": [...]} and nothing else.
    With --report: also the figures as a page with charts.
    """
    from triage.learn import corpus
    from triage.learn.evaluation import metrics, predict
    from triage.learn.report import write_report

    rows = corpus.load([file]).rows
    if not rows:
        raise UsageError(f"{file}: has no rows")
    model = _model(path)
    predictions = predict(rows, model)
    figures = metrics(rows, predictions)
    if report is not None:
        write_report(report, f"{file.name}, judged by version {model.version}", rows, predictions, figures)
    if json:
        said = [
            {
                "id": row.id,
                "warning": p.warning,
                "cause": p.cause,
                "also": list(p.also),
                "stage": p.stage,
                "platform": p.platform,
                "confidence": p.confidence,
                "needs_review": p.needs_review,
            }
            for row, p in zip(rows, predictions, strict=True)
        ]
        print_json({"metrics": figures, "rows": said})
    else:
        show_metrics(figures)
        if report is not None:
            out.print(f"Report: {plain(str(report / 'report.html'))}")


def decision_facts(name: str, decision: Decision) -> dict[str, Any]:
    """A decision as data; this form is stable."""
    return {
        "file": name,
        "warning": decision.warning,
        "cause": decision.cause.value,
        "also": [cause.value for cause in decision.also],
        "stage": decision.stage.value,
        "platform": decision.platform.value,
        "language": decision.language,
        "confidence": decision.confidence,
        "needs_review": decision.needs_review,
        "review_reason": decision.review_reason,
        "sender": decision.sender.value,
        "sender_findings": findings_document(decision.sender_findings),
        "forwarded": forwarded_document(decision.forwarded),
        "store": decision.store,
        **facts_document(decision.facts),
        "deadline": deadline_facts(decision.deadline),
        "evidence": [{"source": e.source, "text": e.text, "weight": e.weight} for e in decision.evidence],
        "model": decision.model,
    }


def show_metrics(figures: dict[str, Any]) -> None:
    """Figures as a small table."""
    from rich.table import Table

    names = (
        "rows", "warnings", "warning_recall", "warning_or_review_recall", "warning_precision", "cause_accuracy",
        "cause_macro_f1", "stage_accuracy", "platform_accuracy", "calibration_error", "needs_review",
    )  # fmt: skip
    for name in names:
        value = figures[name]
        out.print(f"{name.replace('_', ' '):<26} {'-' if value is None else value}")
    for group in ("by_language", "by_platform", "by_cause"):
        table = Table(box=None, pad_edge=False, header_style="bold")
        columns = ("rows", "recall", "precision", "f1") if group == "by_cause" else (
            "rows", "warning_recall", "warning_precision", "cause_macro_f1", "stage_accuracy", "platform_accuracy")  # fmt: skip
        table.add_column(group.replace("_", " "))
        for column in columns:
            table.add_column(column.replace("_", " "), justify="right")
        for name, row in figures[group].items():
            table.add_row(name, *("-" if row[c] is None else str(row[c]) for c in columns))
        out.print(table)


def _model(path: Path | None) -> Any:
    from triage.cli.learn import corrections_of
    from triage.learn import in_use

    settings = settings_or_defaults(path)
    with progress("training a model (first use)") as step:
        return in_use.ready(settings.models_dir, now(), step, lambda: corrections_of(settings))


def _mails(files: list[str], recipient: Recipient) -> Iterator[tuple[str, Mail | str]]:
    """Each mail with its name, or the reason why it cannot be read."""
    for name in files:
        place = Path(name)
        if name == "-":
            yield _read("-", sys.stdin.buffer.read(), recipient)
        elif place.is_dir():
            if not (place / "cur").is_dir():
                yield name, "is a folder but no Maildir (it has no cur/)"
                continue
            for key, stored_mail in mailbox.Maildir(place, create=False).iteritems():
                yield _read(f"{name}/{key}", stored_mail.as_bytes(), recipient)
        elif not place.is_file():
            yield name, "there is no such file"
        else:
            with place.open("rb") as file:
                if file.read(5) == b"From ":
                    for number, one in enumerate(mailbox.mbox(place, create=False), 1):
                        yield _read(f"{name}:{number}", one.as_bytes(), recipient)
                    continue
            try:
                yield _read(name, place.read_bytes(), recipient)
            except OSError as error:
                yield name, f"cannot be read: {error.strerror}"


def _read(name: str, raw: bytes, recipient: Recipient) -> tuple[str, Mail | str]:
    from triage.mail import reading

    mail = reading.read(raw, recipient)
    return name, mail if isinstance(mail, Mail) else mail.reason


def _show(name: str, decision: Decision) -> None:
    check = f"[yellow]please check: {plain(decision.review_reason)}[/yellow]" if decision.needs_review else ""
    if decision.warning:
        also = "".join(f", also {CAUSE_NAMES['en'][cause]}" for cause in decision.also)
        out.print(
            f"[bold]{plain(name)}[/bold]: [red]{PLATFORM_NAMES[decision.platform]}: {STAGE_NAMES['en'][decision.stage]}[/red] - "
            f"{CAUSE_NAMES['en'][decision.cause]}{also} ({decision.confidence:.0%} sure) {check}".rstrip()
        )
    else:
        out.print(f"[bold]{plain(name)}[/bold]: {check or 'not a warning'} ({decision.confidence:.0%} sure)")
    if decision.kept:
        _show_sender(decision)
        if decision.deadline:
            why = f"assumed: {decision.deadline.text}" if decision.deadline.assumed else f'"{decision.deadline.text}"'
            out.print(f"  answer by {decision.deadline.at:%Y-%m-%d %H:%M} UTC ({plain(why)})")
        believed = trusted(decision.sender, decision.sender_findings)
        for label, value in fact_lines(decision.facts, "en", trusted=believed):
            out.print(f"  {label} {plain(value)}")
    out.print(f"  [dim]because: {plain(reasons(decision.evidence))} (model {decision.model})[/dim]")


def _show_sender(decision: Decision) -> None:
    passed_on = decision.forwarded
    by = f", passed on by {passed_on.by.email or passed_on.by.name} ({passed_on.how})" if passed_on else ""
    told = [each for each in decision.sender_findings if each.kind not in {"forwarded_by", "passed_on_by"}]
    found = "".join(f"; {quoted(sentence(each, 'en'), trusted=False)}" for each in told[:4])
    out.print(f"  sender {decision.sender}{plain(by)}{plain(found)}")
