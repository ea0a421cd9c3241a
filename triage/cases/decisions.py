"""Decisions as JSON, and back: what is stored with a message. What an earlier version stored can be read for ever."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from triage.labels import Cause, Platform, SenderVerdict, Stage
from triage.store.moments import moment, stored
from triage.types import (
    Address,
    AnswerTo,
    Deadline,
    Decision,
    Evidence,
    Facts,
    Finding,
    Forwarded,
    Identifier,
    Metric,
    Money,
    Points,
    RightsOwner,
)


def packed(decision: Decision) -> str:
    """A decision as JSON."""
    content = asdict(decision)
    if decision.deadline:
        content["deadline"]["at"] = stored(decision.deadline.at)
    if decision.forwarded and decision.forwarded.at:
        content["forwarded"]["at"] = stored(decision.forwarded.at)
    return json.dumps(content, ensure_ascii=False)


def unpacked(text: str) -> Decision:
    """The decision that packed() wrote."""
    content: dict[str, Any] = json.loads(text)
    limit, passed_on = content["deadline"], content.get("forwarded")
    numbers = content.pop("ids", [])  # beside the facts until there were facts
    return Decision(
        **{
            **content,
            "cause": Cause(content["cause"]),
            "also": tuple(Cause(cause) for cause in content["also"]),
            "stage": Stage(content["stage"]),
            "platform": Platform(content["platform"]),
            "sender": SenderVerdict(content["sender"]),
            "sender_findings": tuple(_finding(each) for each in content["sender_findings"]),
            "forwarded": _forwarded(passed_on) if passed_on else None,
            "facts": _facts(content["facts"]) if "facts" in content else Facts(ids=_each(Identifier, numbers)),
            "deadline": Deadline(moment(limit["at"]), limit["text"], limit.get("assumed", False)) if limit else None,
            "evidence": tuple(Evidence(**each) for each in content["evidence"]),
        }
    )


def _finding(stored_finding: str | Mapping[str, Any]) -> Finding:
    # Until findings had kinds they were sentences.
    return Finding("told", stored_finding) if isinstance(stored_finding, str) else Finding(**stored_finding)


def _forwarded(content: Mapping[str, Any]) -> Forwarded:
    at = moment(content["at"]) if content["at"] else None
    return Forwarded(Address(**content["by"]), content["how"], at, content["note"])


def _facts(content: Mapping[str, Any]) -> Facts:
    owner = content["rights_owner"]
    return Facts(
        marketplaces=tuple(content["marketplaces"]),
        ids=_each(Identifier, content["ids"]),
        rights_owner=RightsOwner(**owner) if owner else None,
        metrics=_each(Metric, content["metrics"]),
        money=_each(Money, content["money"]),
        points=_each(Points, content["points"]),
        policies=tuple(content["policies"]),
        answer_to=_each(AnswerTo, content["answer_to"]),
        documents=tuple(content["documents"]),
        final=content.get("final", ""),
    )


def _each(kind: type[Any], rows: list[dict[str, Any]]) -> tuple[Any, ...]:
    return tuple(kind(**row) for row in rows)
