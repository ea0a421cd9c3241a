"""Everything about one case on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from triage import answering
from triage.actions import STATUSES
from triage.advice.limits import limit_words
from triage.advising import advised, facts_of, repeated_in
from triage.alerts.render import defanged
from triage.cases import history, messages, queries
from triage.errors import UsageError
from triage.findings import sentence, trusted
from triage.glossary import called
from triage.labels import CAUSE_NAMES, ENDED, STAGE_NAMES, STATUS_NAMES, Cause, SenderVerdict, Stage, Status
from triage.people import users
from triage.shown import fact_lines, findings_of, mail_text
from triage.types import Case, CaseEvent
from triage.web import saying
from triage.web.board import line
from triage.web.marking import Piece, marked
from triage.web.visit import Missing, Pages, Visit, said

#: For how long a case can be put off by one press.
_NAPS = (timedelta(hours=4), timedelta(hours=24), timedelta(days=3), timedelta(days=7))
#: What an event changed that a reader cares about, by column.
_TOLD: dict[str, Any] = {"status": STATUS_NAMES, "cause": CAUSE_NAMES, "stage": STAGE_NAMES}
_KINDS: dict[str, type[Any]] = {"status": Status, "cause": Cause, "stage": Stage}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMail:
    """A mail of a case."""

    id: int
    sender: str
    at: str
    subject: str
    confidence: str
    model: str
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """Something that happened."""

    at: str
    by: str
    what: str
    about: str


def routes(pages: Pages) -> list[Route]:
    """GET /cases/ID."""
    return [pages.get("/cases/{id}", page)]


def known_case(visit: Visit) -> Case:
    """The case of the address.

    Raises:
        Missing: there is none of that number.
    """
    case = visit.case(visit.number())
    if case is None:
        raise Missing
    return case


def page(visit: Visit) -> Response:
    """The page of a case."""
    case = visit.case(visit.number())
    if case is None:
        return said(visit, "not_found_title", visit.say["cannot_no_case"].format(case=visit.number()), 404)
    return visit.page("case.html", **shown(visit, case))


def shown(visit: Visit, case: Case) -> dict[str, Any]:
    """What the page of a case shows."""
    db, settings, language, now = visit.db, visit.settings, visit.language, visit.now
    told = advised(db, case, settings, language, now)
    zone = settings.zone_for(case.account)
    events = history.of_case(db, case.id)
    findings = findings_of(db, case)
    believed = trusted(case.sender, findings)
    others = [other for number in queries.linked(db, case.id) if (other := visit.case(number))]
    limit = case.deadline
    return {
        "case": case,
        "line": line(case, settings, language, now),
        "told": told,
        "forged": case.sender is SenderVerdict.FORGED,
        "over": case.stage is Stage.REINSTATED or case.sender is SenderVerdict.FORGED,
        "ended": case.status in ENDED,
        "limit_words": (limit_words(limit.text, language) if limit.assumed else limit.text) if limit else "",
        "evidence_names": {task.name for task in told.evidence},
        "when": lambda task: saying.moment(task.done_at, zone, language),
        "facts": fact_lines(facts_of(db, case), language, trusted=believed),
        "findings": [defanged(sentence(found, language)) for found in findings],
        "patterns": [pattern.text for pattern in repeated_in(db, case, now, language)],
        "others": [(other.id, f"{'/'.join(other.marketplaces)} {STATUS_NAMES[language][other.status]}") for other in others],
        "references": [f"{called(ref.kind, language)} {ref.value}" for ref in queries.references(db, case.id)],
        "mails": _mails(visit, case, believed=believed),
        "events": [_event(visit, case, event) for event in reversed(events)],
        "seen": events[-1].id if events else 0,
        "done": _done(visit, events),
        "people": [user.name for user in users.listed(db)],
        "statuses": [(s.value, STATUS_NAMES[language][s]) for s in STATUSES if s is not case.status],
        "causes": [(c.value, CAUSE_NAMES[language][c]) for c in Cause],
        "stages": [(s.value, STAGE_NAMES[language][s]) for s in Stage if s is not Stage.NONE],
        "naps": [(int(nap.total_seconds()), _nap(nap, visit)) for nap in _NAPS if not (limit and limit.at > now) or now + nap < limit.at],
        "answerable": _answerable(visit, case),
        "undoable": any(event.by != history.DAEMON for event in events),
    }  # fmt: skip


def _answerable(visit: Visit, case: Case) -> bool:
    try:
        return case.sender is not SenderVerdict.FORGED and bool(answering.letters(case, visit.settings))
    except UsageError:
        return False


def _nap(nap: timedelta, visit: Visit) -> str:
    hours = int(nap.total_seconds()) // 3600
    return visit.say["snooze_hours"].format(n=hours) if hours <= 24 else visit.say["snooze_days"].format(n=hours // 24)


def _mails(visit: Visit, case: Case, *, believed: bool) -> list[ShownMail]:
    zone = visit.settings.zone_for(case.account)
    found = []
    for message in reversed(messages.of_case(visit.db, case.id)):
        text = mail_text(visit.db, message.id)
        decision = message.decision
        found.append(
            ShownMail(
                id=message.id,
                sender=message.sender,
                at=saying.moment(message.received_at, zone, visit.language),
                subject=message.subject,
                confidence=saying.share(decision.confidence, visit.language) if decision else "",
                model=message.model,
                pieces=marked(text if believed else defanged(text), decision.evidence if decision else ()),
            )
        )
    return found


def _event(visit: Visit, case: Case, event: CaseEvent) -> ShownEvent:
    zone, say = visit.settings.zone_for(case.account), visit.say
    return ShownEvent(
        at=saying.moment(event.at, zone, visit.language),
        by=say["triage_itself"] if event.by == history.DAEMON else event.by,
        what=say.get(f"event_{event.kind}", event.kind),
        about=_about(visit, event),
    )


def _about(visit: Visit, event: CaseEvent) -> str:
    """What an event is about, and what of the case it changed."""
    detail = event.detail
    if event.kind in {"merged", "merged_into", "split", "linked"}:
        return f"#{detail['case']}"
    parts = [str(detail[name]) for name in ("text", "note", "item", "subject") if detail.get(name)]
    if event.kind == "undone":
        parts.append(visit.say.get(f"event_{detail.get('undid')}", ""))
    for column, value in detail.get("is", {}).items():
        if column in _TOLD:
            names, kind = _TOLD[column][visit.language], _KINDS[column]
            parts.append(f"{names[kind(detail['was'][column])]} → {names[kind(value)]}")
        elif column == "assignee":
            parts.append(f"→ {value or visit.say['nobody']}")
    return "; ".join(part for part in parts if part)


def _done(visit: Visit, events: Sequence[CaseEvent]) -> dict[str, Any] | None:
    """What the visitor has just done, to be said, and taken back."""
    number = visit.request.query_params.get("done", "")
    event = next((event for event in events if str(event.id) == number and event.by == visit.by), None)
    key = f"done_{event.kind}" if event else ""
    if event is None or key not in visit.say:
        return None
    last = [each for each in events if each.by != history.DAEMON][-1]
    return {
        "text": visit.say[key].format(id=event.case_id),
        "undo": event is last and event.kind not in {"undone", "opened"},
    }
