"""What every face shows of a case: the facts its mails name, why it was decided so, who seems to have sent it, its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from triage.advising import decisions, facts_of, repeated_in
from triage.alerts.render import defanged
from triage.cases import history, messages, queries
from triage.cases.documents import facts_document, findings_document, forwarded_document
from triage.glossary import called
from triage.types import Advice, Case, Decision, Evidence, Facts, Finding, Mail

if TYPE_CHECKING:
    from sqlite_utils import Database


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


def findings_of(db: Database, case: Case) -> tuple[Finding, ...]:
    """What was found about the sender of the mail that opened the case."""
    return next((d.sender_findings for d in decisions(db, case)), ())


def mail_text(db: Database, message: int) -> str:
    """The text of a stored mail; "" where its original was not kept."""
    from triage.mail import reading  # costs a moment that lists of cases do not need

    raw = messages.original(db, message)
    read = reading.read(raw) if raw is not None else None
    return read.text if isinstance(read, Mail) else ""


def because(decision: Decision) -> str:
    """Why it was decided so, in one line."""
    named = reasons(decision.evidence)
    return f"{decision.review_reason}; {named}" if decision.review_reason else named


def case_document(db: Database, known: Case, told: Advice, now: datetime) -> dict[str, Any]:
    """Everything about a case, for programs."""
    return {
        **queries.facts(known, now),
        "linked": queries.linked(db, known.id),
        "patterns": [asdict(pattern) for pattern in repeated_in(db, known, now, told.language)],
        "advice": {
            "language": told.language,
            "meaning": told.meaning,
            "trade_grade": told.trade_grade,
            "appealability": told.practice.value,
            "why": told.why,
            "next_steps": [asdict(task) for task in told.steps],
            "done": [asdict(task) for task in told.done],
            "no_longer_in_time": [asdict(task) for task in told.dropped],
            "evidence_to_gather": [asdict(task) for task in told.evidence],
            "mistakes": list(told.mistakes),
            "prevention": list(told.prevention),
            "platform": [asdict(fact) for fact in told.facts],
            "usual_limit": told.usual_limit,
        },
        "sender_findings": findings_document(findings_of(db, known), told.language),
        "facts": facts_document(facts_of(db, known)),
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
                "text": mail_text(db, m.id),
            }
            for m in messages.of_case(db, known.id)
        ],
        "history": [{"at": e.at, "by": e.by, "kind": e.kind, **e.detail} for e in history.of_case(db, known.id)],
    }
