"""What a case is, from the mails that made it: the first one opens it, each later one advances it. No database."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from triage.cases.history import deadline_columns
from triage.cases.queries import case_of
from triage.labels import PHISHING_SEVERITY, SEVERITY, Cause, Platform, SenderVerdict, Stage, Status
from triage.types import Case, Deadline, Decision, Money

#: What a platform says to an answer it has got.
_ANSWERS = frozenset({Stage.APPEAL_MORE_INFO, Stage.APPEAL_DENIED})
#: A case keeps so many amounts: enough to tell how much is at stake.
_MOST_MONEY = 20
#: What a case has of its own, whatever its mails say: it is not made anew when they are.
_ITS_OWN = (
    "id",
    "account",
    "history",
    "status",
    "assignee",
    "attempts",
    "opened_at",
    "updated_at",
    "open_since",
    "snoozed_until",
    "merged_into",
)


@dataclass(frozen=True, slots=True)
class Said:
    """What one mail says about a case."""

    at: datetime  # received, UTC
    title: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a person said about a case at some time: columns and their values."""

    at: datetime
    columns: Mapping[str, Any]


def opened(said: Said) -> dict[str, Any]:
    """The columns of a case that this mail opens."""
    decision = said.decision
    forged = decision.sender is SenderVerdict.FORGED
    limit = None if forged else decision.deadline  # what a forger sets is no limit
    return {
        "platform": decision.platform.value,
        "store": decision.store,
        "cause": decision.cause.value,
        "also": _list(decision.also),
        "stage": decision.stage.value,
        "status": (Status.WON if decision.stage is Stage.REINSTATED and not forged else Status.OPEN).value,
        "severity": PHISHING_SEVERITY if forged else SEVERITY[decision.stage],
        "confidence": decision.confidence,
        "needs_review": int(decision.needs_review),
        "sender": decision.sender.value,
        "language": decision.language,
        "title": said.title,
        "likeness": likeness(said.title),
        "final": int(_is_final(decision)),
        "marketplaces": json.dumps(decision.facts.marketplaces),
        "money": _amounts(decision.facts.money),
        **deadline_columns(limit),
    }


def advanced(case: Case, said: Said) -> dict[str, Any]:
    """What this mail changes in a case; columns that stay may be among them."""
    decision = said.decision
    changes: dict[str, Any] = {
        "marketplaces": json.dumps((*dict.fromkeys((*case.marketplaces, *decision.facts.marketplaces)),)),
        "money": _amounts((*case.money, *decision.facts.money)),
    }
    if decision.stage is not Stage.NONE:
        changes |= {"stage": decision.stage.value, "severity": SEVERITY[decision.stage]}
        # A platform that asks for more, or gives in, listens again.
        changes["final"] = int(_is_final(decision) or (case.final and decision.stage is Stage.APPEAL_DENIED))
    if decision.stage is Stage.REINSTATED:
        changes |= {"status": Status.WON.value, **deadline_columns(None)}
    elif case.status is not Status.OPEN:
        # Something new has come: whoever had put it aside must see it again.
        changes["status"] = Status.OPEN.value
    if case.snoozed_until is not None:
        changes["snoozed_until"] = None
    if case.cause in {Cause.OTHER, Cause.NONE} and decision.cause not in {Cause.OTHER, Cause.NONE}:
        changes |= {"cause": decision.cause.value, "confidence": decision.confidence}
    further = {*case.also, decision.cause, *decision.also} - {case.cause, Cause.NONE, Cause.OTHER}
    if further - set(case.also) and "cause" not in changes and not decision.needs_review:
        changes["also"] = _list(tuple(sorted(further)))
    if decision.deadline and decision.stage is not Stage.REINSTATED and _binds(decision.deadline, case, said):
        changes |= deadline_columns(decision.deadline)
    if not decision.warning and not case.needs_review:
        # What kind of warning it is follows from the case; that it is one at all does not.
        changes["needs_review"] = 1
    if decision.store and not case.store:
        changes["store"] = decision.store
    return changes


def likeness(subject: str) -> str:
    """A subject without its numbers: what notices about different products have in common."""
    return " ".join(re.sub(r"[\w.-]*\d[\w.-]*", "#", subject.casefold()).split())[:200]


def made_of(row: Mapping[str, Any], items: Iterable[Said | Corrected]) -> dict[str, Any]:
    """The columns of a case as these mails and corrections make it, in the order of their times.

    row: the case's row; what is its own (status, who has it ...) is left out of what comes back.

    Raises:
        ValueError: there is no mail among the items.
    """
    ordered: Sequence[Said | Corrected] = sorted(items, key=lambda item: item.at)
    mails = [item for item in ordered if isinstance(item, Said)]
    if not mails:
        raise ValueError("a case is made of mails")
    state = {**row, **opened(mails[0])}
    for item in ordered:
        if isinstance(item, Corrected):
            state |= item.columns
        elif item is not mails[0]:
            state |= advanced(case_of(state), item)
    state["title"] = state["title"] or row["title"]
    return {name: value for name, value in state.items() if name not in _ITS_OWN}


def _is_final(decision: Decision) -> bool:
    """Whether the platform has spoken its last word. A warning may say "final", too: only of an answer it is one, and of
    a Walmart account that is not suspended but terminated, about which no appeal is heard."""
    if decision.platform is Platform.WALMART and "terminat" in decision.facts.final.lower():
        return decision.stage in {Stage.SUSPENDED, Stage.APPEAL_DENIED}
    return bool(decision.facts.final) and decision.stage is Stage.APPEAL_DENIED


def _binds(new: Deadline, case: Case, said: Said) -> bool:
    """Whether a mail's deadline takes the place of the case's: what a mail says before what is usual, then the earlier."""
    old = case.deadline
    if old is None or (old.assumed and not new.assumed):
        return True
    if new.assumed and not old.assumed:
        # The case went on and its old limit is over: the usual one for what is asked now.
        return old.at <= said.at
    if said.decision.stage in _ANSWERS:
        return True  # the earlier limit was for what has been answered since
    return old.at <= said.at or new.at < old.at


def _amounts(money: Iterable[Money]) -> str:
    plain = {
        (m.amount, m.currency, m.about): {"amount": m.amount, "currency": m.currency, "about": m.about} for m in money
    }
    return json.dumps(list(plain.values())[:_MOST_MONEY])


def _list(causes: tuple[Cause, ...]) -> str:
    return json.dumps([cause.value for cause in causes])
