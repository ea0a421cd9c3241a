"""The advice on one case: appealability in both gradings, the next steps in order, the evidence to gather."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from triage.advice import limits
from triage.advice.playbook import Piece, Playbooks, Step
from triage.glossary import called
from triage.labels import ANSWER, SEND_DOCUMENTS, Appealability, SenderVerdict, Stage
from triage.types import Advice, Case, CaseEvent, Facts, KnownFact, Task

#: With less time than this the most valuable step comes first, whatever its day.
_HURRY = timedelta(hours=24)
_ORDER = ("hour", "day", "week")
#: When the platform waits for an answer.
_ANSWERABLE = frozenset(Stage) - {Stage.NONE, Stage.REINSTATED}


def advice(
    case: Case,
    language: str,
    books: Playbooks,
    *,
    now: datetime,
    facts: Facts | None = None,
    done: Mapping[str, CaseEvent] | None = None,
) -> Advice:
    """What a case means and what to do about it now, in zh or en.

    facts: what its mails name; done: what was ticked, by name, with the event that says so.
    """
    book, general = books.of(case.cause), books.general
    practice, why = practice_of(case, language, books)
    forged = case.sender is SenderVerdict.FORGED
    over = case.stage is Stage.REINSTATED
    asks = facts if facts and not forged and case.stage in _ANSWERABLE else Facts()
    todo, ticked, dropped = _steps(case, language, books, asks, done or {}, now)
    return Advice(
        language=language,
        meaning=book.meaning.say(language),
        trade_grade=general.trade[book.trade].say(language),
        practice=practice,
        practice_text=general.grades[practice].say(language),
        why=why,
        steps=todo,
        done=ticked,
        dropped=dropped,
        evidence=() if forged or over else _evidence(book.evidence, asks, language, done or {}),
        mistakes=() if forged or over else tuple(each.say(language) for each in book.mistakes),
        prevention=tuple(each.say(language) for each in book.prevention),
        facts=() if forged else known_facts(case, language, books),
        usual_limit=limits.usual(case.cause, case.platform, case.stage).say(language),
    )


def practice_of(case: Case, language: str, books: Playbooks) -> tuple[Appealability, str]:
    """Today's practice for a case, and why: its cause's, as the platform and what has happened so far change it."""
    if case.final:
        return Appealability.NOT_APPEALABLE, books.general.final.say(language)
    book = books.of(case.cause)
    known = (*book.overrides, *books.general.overrides)
    override = next((each for each in known if each.fits(case.platform, case.stage)), None)
    if override:
        return override.practice, override.say(language)
    return book.practice, book.why.say(language)


def known_facts(case: Case, language: str, books: Playbooks) -> tuple[KnownFact, ...]:
    """What is known of a case's cause on its platform, then of the platform."""
    book = books.of(case.cause)
    return tuple(
        KnownFact(topic=f.topic, text=f.say(language), source=f.source, grade=f.grade, as_of=of.as_of)
        for of in (book, books.platforms)
        for f in of.facts
        if f.fits(case.platform, case.stage)
    )


def _steps(
    case: Case, language: str, books: Playbooks, asks: Facts, done: Mapping[str, CaseEvent], now: datetime
) -> tuple[tuple[Task, ...], tuple[Task, ...], tuple[Task, ...]]:
    """(to do, done, dropped)."""
    left = _time_left(case, now)
    steps = [*_asked(asks, language, books), *_of_playbooks(case, books)]
    known = {step.id: step for step in steps}  # a playbook's step of the same name is more to the point
    if left is not None and left < _HURRY:
        ordered = sorted(known.values(), key=lambda step: -step.worth)
    else:
        ordered = sorted(known.values(), key=lambda step: (_ORDER.index(step.when), -step.worth))
    todo, ticked, dropped = [], [], []
    for step in ordered:
        task = _marked(Task(name=step.id, text=step.say(language), when=step.when, did=step.did(language)), done)
        if task.done_at is not None:
            ticked.append(task)
        elif left is not None and timedelta(hours=step.hours) > left:
            dropped.append(task)
        else:
            todo.append(task)
    ticked.sort(key=lambda task: task.done_at or now)
    return tuple(todo), tuple(ticked), tuple(dropped)


def _time_left(case: Case, now: datetime) -> timedelta | None:
    """How long until the limit; None where the mail sets none or it is over: what is usual drops no step."""
    if case.deadline is None or case.deadline.assumed or case.deadline.at <= now:
        return None
    return case.deadline.at - now


def _of_playbooks(case: Case, books: Playbooks) -> Iterable[Step]:
    general = books.general
    if case.sender is SenderVerdict.FORGED:
        return general.forged
    fitting = [step for step in general.steps if step.fits(case.platform, case.stage)]
    if case.stage is Stage.REINSTATED:
        return [step for step in fitting if step.stages]
    if case.final:
        # Nothing more can be argued: what is left is what the stage asks for.
        return fitting
    return [*fitting, *(step for step in books.of(case.cause).steps if step.fits(case.platform, case.stage))]


def _asked(asks: Facts, language: str, books: Playbooks) -> Iterable[Step]:
    """Steps from what the mail itself asks for."""
    words = books.general.asked

    def step(name: str, text: str) -> Step:
        return Step(id=name, when="day", hours=2, worth=5, en=text, zh=text)

    if asks.documents:
        wanted = ("、" if language == "zh" else ", ").join(called(name, language) for name in asks.documents)
        yield step(SEND_DOCUMENTS, words["documents"].say(language).format(documents=wanted))
    if asks.answer_to:
        first = asks.answer_to[0]
        kind = first.kind if first.kind in {"menu", "reply"} else "elsewhere"
        text = words["menu" if kind == "menu" else "reply" if kind == "reply" else "elsewhere"].say(language)
        yield step(ANSWER, text.format(where=first.value))


def _evidence(pieces: Sequence[Piece], asks: Facts, language: str, done: Mapping[str, CaseEvent]) -> tuple[Task, ...]:
    """What to gather: what the mail asks for first. Names begin with "evidence." so that they differ from steps."""
    tasks = [
        Task(
            name=f"evidence.{piece.id}",
            text=piece.say(language),
            ok=piece.ok(language),
            asked=bool(piece.document) and piece.document in asks.documents,
        )
        for piece in pieces
    ]
    known = {piece.document for piece in pieces}
    tasks += [
        Task(name=f"evidence.{label}", text=called(label, language), asked=True)
        for label in asks.documents
        if label not in known and label != "plan_of_action"  # that one is written, not gathered
    ]
    return tuple(_marked(task, done) for task in sorted(tasks, key=lambda task: not task.asked))


def _marked(task: Task, done: Mapping[str, CaseEvent]) -> Task:
    event = done.get(task.name)
    return replace(task, done_by=event.by, done_at=event.at) if event else task
