"""What every model must get right before it judges anybody's mail: a few mails about which nobody can be in doubt."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from triage.labels import Cause
from triage.mail.reading import from_fields
from triage.types import Mail
from triage.understand.classifier import Model
from triage.understand.decide import decide

_THEN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PlainCase:
    """A mail and what it is."""

    mail: Mail
    warning: bool
    cause: Cause


def failing(model: Model) -> list[str]:
    """The plain cases that a model gets wrong, each in a few words; none if it may be used."""
    cases = plain_cases()
    said = decide([case.mail for case in cases], model, [_THEN] * len(cases), ZoneInfo("UTC"))
    return [
        f'"{case.mail.subject}" is {case.cause}, said: {decision.cause}'
        for case, decision in zip(cases, said, strict=True)
        if (case.warning, case.cause) != (decision.warning, decision.cause)
    ]


@lru_cache(maxsize=1)
def plain_cases() -> tuple[PlainCase, ...]:
    """All of them."""
    rows = tomllib.loads((files("triage.learn") / "plain_cases.toml").read_text(encoding="utf-8"))["case"]
    return tuple(
        PlainCase(
            from_fields(sender=row["from"], subject=row["subject"], body=row["body"]),
            row["warning"],
            Cause(row.get("cause", Cause.NONE)),
        )
        for row in rows
    )
