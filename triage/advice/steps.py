"""The advice on one case: appealability in both gradings, the next steps in order, the evidence to gather."""

from __future__ import annotations

from triage.advice import playbook
from triage.labels import Appealability, SenderVerdict, Stage
from triage.types import Advice, Case


def advice(case: Case, language: str) -> Advice:
    """What a case means and what to do about it, in zh or en."""
    book = playbook.of(case.cause)
    general = playbook.general(language)
    words = book.words(language)
    practice = practice_of(case)
    forged = case.sender is SenderVerdict.FORGED
    stage = general.stages.get(case.stage, playbook.StageWords()).first
    over = case.stage is Stage.REINSTATED
    if forged:
        steps = general.forged_steps
    elif over:
        steps = stage
    else:
        steps = (*general.first_steps, *stage, *words.steps)
    return Advice(
        language=language,
        meaning=words.meaning,
        trade_grade=general.trade[book.trade],
        practice=practice,
        practice_text=general.grades[practice],
        why=general.final if practice is Appealability.NOT_APPEALABLE else words.why,
        steps=steps,
        evidence=() if forged or over else words.evidence,
        mistakes=words.mistakes,
        usual_limit=words.usual_limit,
    )


def practice_of(case: Case) -> Appealability:
    """Today's practice for a case: its cause's, as the platform and what has happened so far change it."""
    book = playbook.of(case.cause)
    return book.on_platform.get(case.platform, book.practice)
