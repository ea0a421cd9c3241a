"""Facts and findings as data: the same in ``triage classify --json``, in a case and in alerts. This form is stable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from triage.findings import sentence
from triage.store.moments import stored
from triage.types import Decision, Facts, Finding, Forwarded


def facts_document(facts: Facts) -> dict[str, Any]:
    """What a mail names."""
    return {
        "marketplaces": list(facts.marketplaces),
        "ids": [asdict(each) for each in facts.ids],
        "rights_owner": asdict(facts.rights_owner) if facts.rights_owner else None,
        "metrics": [asdict(each) for each in facts.metrics],
        "money": [asdict(each) for each in facts.money],
        "points": [asdict(each) for each in facts.points],
        "policies": list(facts.policies),
        "answer_to": [asdict(each) for each in facts.answer_to],
        "documents": list(facts.documents),
        "final": facts.final,
    }


def findings_document(findings: Sequence[Finding], language: str = "en") -> list[dict[str, Any]]:
    """What was found about a sender, each with its weight and its sentence."""
    return [{"kind": f.kind, "weight": f.weight, "about": f.about, "text": sentence(f, language)} for f in findings]


def forwarded_document(forwarded: Forwarded | None) -> dict[str, Any] | None:
    """Who passed a mail on, and how."""
    if forwarded is None:
        return None
    return {
        "by": forwarded.by.email or forwarded.by.name,
        "how": forwarded.how,
        "at": stored(forwarded.at) if forwarded.at else None,
        "note": forwarded.note,
    }


def merged(decisions: Sequence[Decision]) -> Facts:
    """What all mails of a case name, each thing once; of a metric the newest figure."""

    def all_of(name: str) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(each for decision in decisions for each in getattr(decision.facts, name)))

    metrics = {metric.name: metric for decision in decisions for metric in decision.facts.metrics}
    owners = [decision.facts.rights_owner for decision in decisions if decision.facts.rights_owner]
    return Facts(
        marketplaces=all_of("marketplaces"),
        ids=all_of("ids"),
        rights_owner=owners[-1] if owners else None,
        metrics=tuple(metrics.values()),
        money=all_of("money"),
        points=all_of("points"),
        policies=all_of("policies"),
        answer_to=all_of("answer_to"),
        documents=all_of("documents"),
        final=next((d.facts.final for d in reversed(decisions) if d.facts.final), ""),
    )
