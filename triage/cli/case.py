"""triage case: everything about one case on a page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.rule import Rule

from triage.advice.limits import limit_words
from triage.advising import advised, decisions, facts_of, repeated_in
from triage.alerts import outbox, reminders
from triage.alerts.render import defanged, quoted, remaining
from triage.cases import history, messages, queries
from triage.cases.priority import Reason, priority
from triage.cli.app import CaseNumber, ConfigOption, JsonOption, LanguageOption, app, database, language, now
from triage.cli.show import deadline, out, plain, print_json
from triage.config import Settings
from triage.findings import sentence, trusted
from triage.labels import CAUSE_NAMES, PLATFORM_NAMES, STAGE_NAMES, STATUS_NAMES, Cause, SenderVerdict, Stage
from triage.shown import because, case_document, fact_lines, findings_of, mail_text
from triage.types import Advice, Case, CaseEvent, Task

if TYPE_CHECKING:
    from sqlite_utils import Database

#: Lines of a mail that are shown unless all are asked for.
_SHOWN_LINES = 25
_WHEN = {
    "en": {"hour": "first hour", "day": "first day", "week": "first week"},
    "zh": {"hour": "第一小时", "day": "第一天", "week": "第一周"},
}
_TOPICS = {
    "en": {"where": "where", "limit": "limit", "answer": "answer time", "tries": "attempts", "funds": "money", "stock": "stock", "threshold": "limits", "rule": "rule"},
    "zh": {"where": "申诉入口", "limit": "期限", "answer": "答复时间", "tries": "次数", "funds": "资金", "stock": "库存", "threshold": "阈值", "rule": "规则"},
}  # fmt: skip
_GRADES = {
    "en": {"official": "official", "staff": "platform staff", "notice": "a real notice", "trade": "the trade", "low": "weak source"},
    "zh": {"official": "官方", "staff": "平台员工", "notice": "真实通知", "trade": "业内", "low": "来源较弱"},
}  # fmt: skip
#: Kinds of alerts that wait, and of reminders to come.
_ALERT_NAMES = {
    "en": {
        "case_opened": "first alert",
        "case_advanced": "update",
        "phishing": "phishing alert",
        "reminder": "reminder",
    },
    "zh": {"case_opened": "首次提醒", "case_advanced": "更新", "phishing": "钓鱼提醒", "reminder": "再次提醒"},
}
_REMINDER_NAMES = {
    "en": {
        "unacknowledged": "again",
        "escalated": "and to the next",
        "everybody": "to all",
        "deadline": "before the deadline:",
    },
    "zh": {"unacknowledged": "再次提醒", "escalated": "并通知下一位", "everybody": "通知所有人", "deadline": "距期限"},
}


@app.command()
def case(
    number: CaseNumber,
    path: ConfigOption = None,
    json: JsonOption = False,
    lang: LanguageOption = None,
    full: Annotated[bool, typer.Option("--full", help="The whole text of the mails.")] = False,
    sources: Annotated[bool, typer.Option("--sources", help="Where each fact about the platform is from.")] = False,
) -> None:
    """Show a case: what it means, by when, what to do, the evidence, the mails, the history.

    The name behind a step or a piece of evidence is for: triage tick
    """
    with database(path) as (db, settings):
        known = queries.existing(db, number)
        told = advised(db, known, settings, language(lang, settings, known.account), now())
        if json:
            print_json(_document(db, known, told, settings))
            return
        _heading(db, known, told, settings)
        _advice(known, told, settings.zone_for(known.account), sources=sources)
        _plan(db, known, told, settings)
        _mails(db, known, told, settings.zone_for(known.account), full=full)
        _history(db, known, told, settings.zone_for(known.account))


def _document(db: Database, known: Case, told: Advice, settings: Settings) -> dict[str, object]:
    planned = [
        {"at": line["at"], "kind": line["kind"], "to": line["to"]}
        for line in _planned(db, known, told.language, settings)
    ]
    return {**case_document(db, known, told, now()), "alerts_to_come": planned}


def _heading(db: Database, known: Case, told: Advice, settings: Settings) -> None:
    zh = told.language == "zh"
    forged = known.sender is SenderVerdict.FORGED
    pretends = ("钓鱼邮件，冒充：" if zh else "phishing that pretends: ") if forged else ""
    name = f"{plain(PLATFORM_NAMES[known.platform])} {plain(known.store or known.account)}"
    what = f"{STAGE_NAMES[told.language][known.stage]} - {CAUSE_NAMES[told.language][known.cause]}"
    out.print(f"[bold]#{known.id} {name}: {pretends}{what}[/bold]")
    out.print(plain(known.title))
    over = known.stage is Stage.REINSTATED or forged
    rows = [
        ("状态" if zh else "Status", plain(_status(known, zh))),
        ("优先级" if zh else "Priority", "" if over else plain(_priority(known, told.language))),
        ("把握" if zh else "Sure", f"{known.confidence:.0%}"),
        ("另涉及" if zh else "Also", ", ".join(CAUSE_NAMES[told.language][c] for c in known.also)),
        ("重复" if zh else "Pattern", plain("; ".join(p.text for p in repeated_in(db, known, now(), told.language)))),
        ("同店其他站点" if zh else "Linked", _linked(db, known, zh)),
        ("发件人" if zh else "Sender", known.sender.value),
        ("转发" if zh else "Forwarded", plain(_forwarded_by(db, known, zh))),
        ("期限" if zh else "Answer by", "" if over else _deadline_line(known, told, settings, zh)),
        ("申诉" if zh else "Appeal", "" if over else plain(f"{told.practice_text} ({_trade(told, zh)})")),
        ("说明" if zh else "Why", "" if over else plain(told.why)),
    ]
    for label, value in rows:
        if value:
            out.print(f"  [dim]{label:<10}[/dim] {value}")
    out.print(f"\n{plain(told.meaning)}\n")


def _advice(known: Case, told: Advice, zone: ZoneInfo, *, sources: bool) -> None:
    zh = told.language == "zh"
    out.print(f"[bold]{'下一步' if zh else 'Next steps'}[/bold]")
    part = ""
    for number, task in enumerate(told.steps, 1):
        if task.when != part:
            part = task.when
            out.print(f"  [dim]{_WHEN[told.language][part]}[/dim]")
        out.print(f"  {number}. {plain(task.text)} [dim]{task.name}[/dim]")
    for task in told.done:
        out.print(f"  [green]✓[/green] {plain(task.text)} [dim]{task.name}, {_who(task, zone)}[/dim]")
    if told.dropped:
        late = "时间已不够：" if zh else "no longer in time: "
        out.print(f"  [dim]{late}{plain('; '.join(task.text for task in told.dropped))}[/dim]")
    out.print()
    if told.evidence:
        out.print(f"[bold]{'需要收集的证据' if zh else 'Evidence to gather'}[/bold]")
    for task in told.evidence:
        mark = "[green]✓[/green]" if task.done_at else "-"
        asked = ("[yellow](通知要求)[/yellow] " if zh else "[yellow](asked for)[/yellow] ") if task.asked else ""
        ok = plain(f": {task.ok}" if task.ok else "")
        done = f", {_who(task, zone)}" if task.done_at else ""
        out.print(f"  {mark} {asked}{plain(task.text)}{ok} [dim]{task.name}{done}[/dim]")
    if told.evidence:
        out.print()
    _bulleted("常见错误" if zh else "Typical mistakes", told.mistakes)
    facts = [
        f"{_TOPICS[told.language][fact.topic]}: {fact.text} ({_GRADES[told.language][fact.grade]}, {fact.as_of})"
        + (f" {fact.source}" if sources else "")
        for fact in told.facts
    ]
    _bulleted(f"{PLATFORM_NAMES[known.platform]}", facts)


def _mails(db: Database, known: Case, told: Advice, zone: ZoneInfo, *, full: bool) -> None:
    zh = told.language == "zh"
    findings = findings_of(db, known)
    believed = trusted(known.sender, findings)
    named = fact_lines(facts_of(db, known), told.language, trusted=believed)
    _bulleted("邮件内容" if zh else "What the mails name", [f"{label}: {value}" for label, value in named])
    told_of_sender = [quoted(sentence(found, told.language), trusted=False) for found in findings]
    _bulleted("发件人核查" if zh else "About the sender", told_of_sender)
    for message in messages.of_case(db, known.id):
        received = f"{message.received_at.astimezone(zone):%Y-%m-%d %H:%M}"
        head = f"{received}  {plain(message.sender)}  ({'邮件' if zh else 'message'} {message.id})"
        out.print(Rule(head, align="left", style="dim"))
        if message.decision:
            why = plain(because(message.decision))
            out.print(f"[dim]{'依据' if zh else 'Because'}: {why} ({message.model})[/dim]")
        lines = mail_text(db, message.id).split("\n")
        shown = "\n".join(lines if full else lines[:_SHOWN_LINES])
        out.print(plain(shown if believed else defanged(shown)))
        if not full and len(lines) > _SHOWN_LINES:
            more = "行未显示：--full" if zh else "more lines: --full"
            out.print(f"[dim]... {len(lines) - _SHOWN_LINES} {more}[/dim]")


def _plan(db: Database, known: Case, told: Advice, settings: Settings) -> None:
    """What will be sent about the case, when and to whom, if nobody acts."""
    lines = _planned(db, known, told.language, settings)
    if not lines:
        return
    zone = settings.zone_for(known.account)
    out.print(
        f"[bold]{'将发送的提醒（如无人处理）' if told.language == 'zh' else 'Alerts to come, if nobody acts'}[/bold]"
    )
    for line in lines:
        out.print(f"  {line['at'].astimezone(zone):%Y-%m-%d %H:%M}  {line['what']} -> {plain(', '.join(line['to']))}")


def _planned(db: Database, known: Case, lang: str, settings: Settings) -> list[dict[str, Any]]:
    waiting = [alert for alert in outbox.of_case(db, known.id) if alert.state in {"waiting", "failing"}]
    lines = [
        {
            "at": each.due_at,
            "kind": each.kind,
            "what": _ALERT_NAMES[lang].get(each.kind, each.kind),
            "to": [each.target],
        }
        for each in waiting
    ]
    moment = now()
    for planned in reminders.plan(known, settings):
        if planned.at > moment:
            left = f" {remaining(planned.left, lang)}" if planned.left else ""
            what = f"{_REMINDER_NAMES[lang][planned.why]}{left}"
            lines.append(
                {"at": planned.at, "kind": planned.why, "what": what, "to": [person.name for person in planned.to]}
            )
    return sorted(lines, key=lambda line: line["at"])


def _history(db: Database, known: Case, told: Advice, zone: ZoneInfo) -> None:
    out.print(Rule("历史" if told.language == "zh" else "History", align="left", style="dim"))
    for event in history.of_case(db, known.id):
        at = f"{event.at.astimezone(zone):%Y-%m-%d %H:%M}"
        out.print(f"  {at}  {plain(event.by)}: {event.kind} {plain(_about(event))} [dim]{plain(_changed(event))}[/dim]")
    for alert in outbox.of_case(db, known.id):
        sent = alert.delivered_at.astimezone(zone) if alert.delivered_at else None
        state = f"sent {sent:%Y-%m-%d %H:%M}" if sent else alert.last_error or "waiting"
        out.print(f"  [dim]alert {alert.kind} to {plain(alert.target)}: {plain(state)}[/dim]")


def _about(event: CaseEvent) -> str:
    detail = event.detail
    if event.kind in {"merged", "merged_into", "split", "linked"}:
        return f"case {detail['case']}"
    return str(detail.get("text") or detail.get("note") or detail.get("item") or detail.get("subject") or "")


def _changed(event: CaseEvent) -> str:
    """What of a case an event changed, as far as a reader cares."""
    told = {
        k: v
        for k, v in event.detail.get("is", {}).items()
        if k not in {"marketplaces", "money", "severity", "title", "likeness"}
    }
    return ", ".join(f"{name}: {event.detail['was'].get(name)} -> {value}" for name, value in told.items())


def _status(known: Case, zh: bool) -> str:
    parts = [STATUS_NAMES["zh" if zh else "en"][known.status] + (" (?)" if known.needs_review else "")]
    if known.merged_into is not None:
        parts.append(f"已并入案件 {known.merged_into}" if zh else f"merged into case {known.merged_into}")
    if known.assignee:
        parts.append(f"负责人 {known.assignee}" if zh else f"{known.assignee} has it")
    if known.attempts:
        parts.append(
            f"已提交 {known.attempts} 次"
            if zh
            else f"answered {known.attempts} times"
            if known.attempts > 1
            else "answered once"
        )
    return ", ".join(parts)


def _priority(known: Case, lang: str) -> str:
    weighed = priority(known, now())
    return f"{weighed.points} ({', '.join(_reason(reason, lang) for reason in weighed.reasons)})"


def _reason(reason: Reason, lang: str) -> str:
    zh = lang == "zh"
    match reason.kind:
        case "stage":
            text = STAGE_NAMES[lang][Stage(reason.about)]
        case "cause":
            text = CAUSE_NAMES[lang][Cause(reason.about)]
        case "deadline":
            hours = int(reason.about)
            text = (
                ("期限已过" if zh else "limit passed")
                if hours < 0
                else f"{'剩余' if zh else 'due in'} {_hours(hours, lang)}"
            )
        case "money":
            text = reason.about
        case _:
            return "最终决定" if zh else "final decision"
    return f"{text} {reason.points}"


def _hours(hours: int, lang: str) -> str:
    return remaining(timedelta(hours=hours), lang)


def _linked(db: Database, known: Case, zh: bool) -> str:
    others = [queries.existing(db, number) for number in queries.linked(db, known.id)]
    return ", ".join(
        f"#{other.id} {'/'.join(other.marketplaces)} {STATUS_NAMES['zh' if zh else 'en'][other.status]}"
        for other in others
    )


def _trade(told: Advice, zh: bool) -> str:
    return f"{'业内评级：' if zh else 'the trade says: '}{told.trade_grade}"


def _who(task: Task, zone: ZoneInfo) -> str:
    assert task.done_at is not None
    return f"{plain(task.done_by)} {task.done_at.astimezone(zone):%Y-%m-%d %H:%M}"


def _forwarded_by(db: Database, known: Case, zh: bool) -> str:
    passed_on = next((d.forwarded for d in decisions(db, known) if d.forwarded), None)
    if passed_on is None:
        return ""
    note = f': "{" ".join(passed_on.note.split())[:80]}"' if passed_on.note else ""
    return f"{'由' if zh else 'by'} {passed_on.by.email or passed_on.by.name} ({passed_on.how}){note}"


def _deadline_line(known: Case, told: Advice, settings: Settings, zh: bool) -> str:
    if known.deadline is None:
        return plain(("邮件未写明；通常：" if zh else "none named; usual: ") + told.usual_limit)
    shown = deadline(known, told.language, settings.zone_for(known.account), now())
    if known.deadline.assumed:
        rule = limit_words(known.deadline.text, told.language)
        return f"{shown} {plain(('推定：' if zh else 'assumed: ') + rule)}"
    return f'{shown} "{plain(known.deadline.text)}"'


def _bulleted(title: str, lines: Sequence[str]) -> None:
    if lines:
        out.print(f"[bold]{title}[/bold]")
        for line in lines:
            out.print(f"  - {plain(line)}")
        out.print()
