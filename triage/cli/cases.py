"""Looking at cases and acting on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.rule import Rule

from triage import actions
from triage.advice.limits import limit_words
from triage.advice.steps import advice
from triage.alerts import outbox
from triage.alerts.render import defanged, quoted
from triage.cases import history, messages, queries
from triage.cases.documents import facts_document, findings_document, forwarded_document, merged
from triage.cli.app import ByOption, ConfigOption, JsonOption, LanguageOption, app, now, person
from triage.cli.app import settings as configured
from triage.cli.show import cases_table, deadline, fact_lines, out, plain, print_json, reasons
from triage.config import Settings
from triage.errors import UsageError
from triage.findings import sentence, trusted
from triage.labels import CAUSE_NAMES, PLATFORM_NAMES, STAGE_NAMES, Cause, Platform, SenderVerdict, Stage
from triage.types import Advice, Case, CaseEvent, Decision, Finding, Mail

if TYPE_CHECKING:
    from sqlite_utils import Database

CaseNumber = Annotated[int, typer.Argument(help="The case's number, as listed by: triage cases", min=1)]

#: Lines of a mail that `triage case` shows unless asked for all.
_SHOWN_LINES = 25


@app.command()
def cases(
    path: ConfigOption = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Ended cases too.")] = False,
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    platform: Annotated[Platform | None, typer.Option(help="Only of this platform.")] = None,
    cause: Annotated[Cause | None, typer.Option(help="Only of this cause.")] = None,
    stage: Annotated[Stage | None, typer.Option(help="Only at this stage.")] = None,
    review: Annotated[bool, typer.Option("--review", help="Only those a person should check.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 200,
    json: JsonOption = False,
    lang: LanguageOption = None,
) -> None:
    """List the open cases, the most urgent first.

    A question mark behind a cause means that a person should check it; an exclamation mark, that the mail is forged.
    A tilde before the time that is left: the mail names no limit, this is the usual one.
    """
    with _database(path) as (db, settings):
        found = queries.listed(
            db,
            everything=everything,
            account=account,
            platform=platform,
            cause=cause,
            stage=stage,
            review=review,
            limit=limit,
        )
        language = _language(lang, settings)
        if json:
            print_json([queries.facts(case) for case in found])
        elif not found:
            out.print("没有案件。" if language == "zh" else "No cases.")
        else:
            zones = {case.account: settings.zone_for(case.account) for case in found}
            out.print(cases_table(found, language, zones, now()))


@app.command()
def case(
    number: CaseNumber,
    path: ConfigOption = None,
    json: JsonOption = False,
    lang: LanguageOption = None,
    full: Annotated[bool, typer.Option("--full", help="The whole text of the mails.")] = False,
) -> None:
    """Show a case: what it means, by when, what to do, the evidence, the mails, the history."""
    with _database(path) as (db, settings):
        known = actions.existing(db, number)
        told = advice(known, _language(lang, settings, known.account))
        if json:
            print_json(_case_document(db, known, told))
            return
        _show_case(db, known, told, settings, full=full)


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
def reclassify(
    number: Annotated[int, typer.Argument(help="The case's number; with --message, the message's.", min=1)],
    cause: Annotated[Cause | None, typer.Option(help='What it really is; "none" if it is no warning.')] = None,
    stage: Annotated[Stage | None, typer.Option(help="How far it really is.")] = None,
    not_a_warning: Annotated[bool, typer.Option("--not-a-warning", help="The same as --cause none.")] = False,
    message: Annotated[
        bool, typer.Option("--message", help="The number is a message's, as listed by: triage messages")
    ] = False,
    path: ConfigOption = None,
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Correct what a case or a message was taken for.

    The case, its advice and the alerts that still wait follow at once; the correction is kept, and the next
    [bold]triage train[/bold] learns from it. To take it back: [bold]triage undo[/bold].
    """
    if not_a_warning:
        cause = Cause.NONE
    if cause is None and stage is None:
        raise UsageError("say what it is: --cause, --stage or --not-a-warning")
    if not message:
        _act(path, json, lambda db: actions.correct(db, number, cause=cause, stage=stage, by=person(by), now=now()))
        return
    if cause is None:
        raise UsageError("a message needs --cause")
    with _database(path) as (db, settings):
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
    """Take back the last acknowledgement, closing or correction of a case."""
    _act(path, json, lambda db: actions.undo(db, number, by=person(by), now=now()))


@app.command(name="messages")
def list_messages(
    path: ConfigOption = None,
    text: Annotated[str | None, typer.Option("--search", "-s", help="Only with this in subject or sender.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 30,
    json: JsonOption = False,
) -> None:
    """List the messages seen, warnings or not; for correcting one that was missed."""
    with _database(path) as (db, _):
        like = f"%{text or ''}%"
        rows = list(
            db.query(
                """SELECT id, received_at, outcome, sender, subject, case_id, account FROM messages
                   WHERE subject LIKE ? OR sender LIKE ? ORDER BY id DESC LIMIT ?""",
                [like, like, limit],
            )
        )
        if json:
            print_json(rows)
            return
        for row in rows:
            joined = f"case {row['case_id']}" if row["case_id"] else row["outcome"]
            out.print(
                f"{row['id']:>7}  {row['received_at'][:16].replace('T', ' ')}  {joined:<12} {plain(row['sender']):<40} {plain(row['subject'])}",
                no_wrap=True,
                overflow="ellipsis",
            )


@contextmanager
def _database(path: Path | None) -> Iterator[tuple[Database, Settings]]:
    from triage.store.connection import opened

    settings = configured(path)
    with opened(settings.database, create=False) as db:
        yield db, settings


def _language(lang: str | None, settings: Settings, account: str = "") -> str:
    if lang is not None and lang not in {"zh", "en"}:
        raise UsageError(f'--lang: "{lang}" is not known; use zh or en')
    return lang or settings.language_for(account)


def _act(path: Path | None, json: bool, action: Callable[[Database], CaseEvent]) -> None:
    with _database(path) as (db, _):
        _done(db, action(db), json)


def _done(db: Database, event: CaseEvent, json: bool) -> None:
    known = actions.existing(db, event.case_id)
    if json:
        print_json(queries.facts(known))
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


def _case_document(db: Database, known: Case, told: Advice) -> dict[str, object]:
    return {
        **queries.facts(known),
        "advice": {
            "language": told.language,
            "meaning": told.meaning,
            "trade_grade": told.trade_grade,
            "appealability": told.practice.value,
            "why": told.why,
            "next_steps": list(told.steps),
            "evidence_to_gather": list(told.evidence),
            "mistakes": list(told.mistakes),
            "usual_limit": told.usual_limit,
        },
        "sender_findings": findings_document(_findings(db, known), told.language),
        "facts": facts_document(merged(_decisions(db, known))),
        "references": [{"kind": ref.kind, "value": ref.value} for ref in queries.references(db, known.id)],
        "messages": [
            {
                "message": m.id,
                "received_at": m.received_at,
                "from": m.sender,
                "subject": m.subject,
                "forwarded": forwarded_document(m.decision.forwarded) if m.decision else None,
                "model": m.model,
                "evidence": [{"source": e.source, "text": e.text, "weight": e.weight} for e in m.decision.evidence]
                if m.decision
                else [],
                "text": _text(db, m.id),
            }
            for m in messages.of_case(db, known.id)
        ],
        "history": [{"at": e.at, "by": e.by, "kind": e.kind, **e.detail} for e in history.of_case(db, known.id)],
    }


def _decisions(db: Database, known: Case) -> list[Decision]:
    return [m.decision for m in messages.of_case(db, known.id) if m.decision is not None]


def _findings(db: Database, known: Case) -> tuple[Finding, ...]:
    """What was found about the sender of the mail that opened the case."""
    return next((d.sender_findings for d in _decisions(db, known)), ())


def _forwarded_by(db: Database, known: Case, zh: bool) -> str:
    passed_on = next((d.forwarded for d in _decisions(db, known) if d.forwarded), None)
    if passed_on is None:
        return ""
    note = f': "{" ".join(passed_on.note.split())[:80]}"' if passed_on.note else ""
    return f"{'由' if zh else 'by'} {passed_on.by.email or passed_on.by.name} ({passed_on.how}){note}"


def _text(db: Database, message: int) -> str:
    from triage.mail import reading

    raw = messages.original(db, message)
    read = reading.read(raw) if raw is not None else None
    return read.text if isinstance(read, Mail) else ""


def _show_case(db: Database, known: Case, told: Advice, settings: Settings, *, full: bool) -> None:
    zh = told.language == "zh"
    zone = settings.zone_for(known.account)
    name = known.store or known.account
    forged = known.sender is SenderVerdict.FORGED
    pretends = ("钓鱼邮件,冒充:" if zh else "phishing that pretends: ") if forged else ""
    out.print(f"[bold]#{known.id} {plain(PLATFORM_NAMES[known.platform])} {plain(name)}: {pretends}"
              f"{STAGE_NAMES[told.language][known.stage]} - {CAUSE_NAMES[told.language][known.cause]}[/bold]")  # fmt: skip
    out.print(plain(known.title))
    facts = [
        ("状态" if zh else "Status", f"{known.status}" + (" (?)" if known.needs_review else "")),
        ("把握" if zh else "Sure", f"{known.confidence:.0%}"),
        ("另涉及" if zh else "Also", ", ".join(CAUSE_NAMES[told.language][c] for c in known.also)),
        ("发件人" if zh else "Sender", known.sender.value),
        ("转发" if zh else "Forwarded", _forwarded_by(db, known, zh)),
        ("期限" if zh else "Answer by", _deadline_line(known, told, settings, zh)),
        ("申诉" if zh else "Appeal", f"{told.practice_text} ({told.trade_grade})"),
        ("说明" if zh else "Why", told.why),
    ]
    over = known.stage is Stage.REINSTATED or forged
    for label, value in facts:
        if value and not (over and label in {"期限", "Answer by", "申诉", "Appeal", "说明", "Why"}):
            out.print(f"  [dim]{label:<10}[/dim] {value if label in ('期限', 'Answer by') else plain(value)}")
    out.print(f"\n{plain(told.meaning)}\n")
    _numbered("下一步" if zh else "Next steps", told.steps)
    _bulleted("需要收集的证据" if zh else "Evidence to gather", told.evidence)
    _bulleted("常见错误" if zh else "Typical mistakes", () if forged else told.mistakes)
    findings = _findings(db, known)
    believed = trusted(known.sender, findings)
    named = fact_lines(merged(_decisions(db, known)), told.language, trusted=believed)
    _bulleted("邮件内容" if zh else "What the mails name", [f"{label}: {value}" for label, value in named])
    told_of_sender = [quoted(sentence(found, told.language), trusted=False) for found in findings]
    _bulleted("发件人核查" if zh else "About the sender", told_of_sender)
    for message in messages.of_case(db, known.id):
        out.print(
            Rule(
                f"{message.received_at.astimezone(zone):%Y-%m-%d %H:%M}  {plain(message.sender)}",
                align="left",
                style="dim",
            )
        )
        if message.decision:
            out.print(
                "[dim]"
                + ("依据" if zh else "Because")
                + ": "
                + plain(_because(message.decision))
                + f" ({message.model})[/dim]"
            )
        lines = _text(db, message.id).split("\n")
        shown = "\n".join(lines if full else lines[:_SHOWN_LINES])
        out.print(plain(shown if believed else defanged(shown)))
        if not full and len(lines) > _SHOWN_LINES:
            out.print(
                f"[dim]... {len(lines) - _SHOWN_LINES} "
                + ("行未显示:--full" if zh else "more lines: --full")
                + "[/dim]"
            )
    out.print(Rule("历史" if zh else "History", align="left", style="dim"))
    for event in history.of_case(db, known.id):
        detail = event.detail.get("text") or event.detail.get("note") or event.detail.get("subject") or ""
        changed = ", ".join(f"{k}: {event.detail['was'].get(k)} -> {v}" for k, v in event.detail.get("is", {}).items())
        out.print(
            f"  {event.at.astimezone(zone):%Y-%m-%d %H:%M}  {plain(event.by)}: {event.kind} {plain(str(detail))} [dim]{plain(changed)}[/dim]"
        )
    for alert in outbox.of_case(db, known.id):
        state = (
            f"sent {alert.delivered_at.astimezone(zone):%Y-%m-%d %H:%M}"
            if alert.delivered_at
            else alert.last_error or "waiting"
        )
        out.print(f"  [dim]alert {alert.kind} to {plain(alert.target)}: {plain(state)}[/dim]")


def _because(decision: Decision) -> str:
    named = reasons(decision.evidence)
    return f"{decision.review_reason}; {named}" if decision.review_reason else named


def _deadline_line(known: Case, told: Advice, settings: Settings, zh: bool) -> str:
    if known.deadline is None:
        return plain(("邮件未写明;通常:" if zh else "none named; usual: ") + told.usual_limit)
    shown = deadline(known, told.language, settings.zone_for(known.account), now())
    if known.deadline.assumed:
        rule = limit_words(known.deadline.text, told.language)
        return f"{shown} {plain(('推定:' if zh else 'assumed: ') + rule)}"
    return f'{shown} "{plain(known.deadline.text)}"'


def _numbered(title: str, lines: tuple[str, ...]) -> None:
    out.print(f"[bold]{title}[/bold]")
    for number, line in enumerate(lines, 1):
        out.print(f"  {number}. {plain(line)}")
    out.print()


def _bulleted(title: str, lines: tuple[str, ...] | list[str]) -> None:
    if lines:
        out.print(f"[bold]{title}[/bold]")
        for line in lines:
            out.print(f"  - {plain(line)}")
        out.print()
