"""The usual limit of a cause on a platform, for notices that name none."""

from __future__ import annotations

import tomllib
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from triage.business_days import after_business_days
from triage.labels import Cause, Platform, Stage
from triage.types import Deadline

#: Nothing is to be answered any more, or it is not known that anything is.
_NO_ANSWER = frozenset({Stage.REINSTATED, Stage.NONE})


class Limit(BaseModel):
    """One row of limits.toml. Exactly one of hours, days and business_days is set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    platform: Annotated[Platform | None, BeforeValidator(lambda value: value or None)]
    causes: tuple[Cause, ...]
    stages: tuple[Stage, ...] = ()
    hours: int = 0
    days: int = 0
    business_days: int = 0
    en: str
    zh: str
    source: str

    @model_validator(mode="after")
    def _one_length(self) -> Limit:
        if sum(bool(length) for length in (self.hours, self.days, self.business_days)) != 1:
            raise ValueError("one of hours, days, business_days")
        return self

    def fits(self, cause: Cause, platform: Platform, stage: Stage) -> bool:
        """Whether the row speaks of such a case."""
        return (
            self.platform in {None, platform}
            and (not self.causes or cause in self.causes)
            and (not self.stages or stage in self.stages)
        )

    def say(self, language: str) -> str:
        """The rule in a language."""
        return self.zh if language == "zh" else self.en

    def after(self, start: datetime) -> datetime:
        """When the limit ends that begins at start; business days are Monday to Friday."""
        return after_business_days(start + timedelta(hours=self.hours, days=self.days), self.business_days)


def usual(cause: Cause, platform: Platform, stage: Stage) -> Limit:
    """The row for a case; the last row fits every one."""
    return next(row for row in limits() if row.fits(cause, platform, stage))


def assumed(cause: Cause, platform: Platform, stage: Stage, start: datetime) -> Deadline | None:
    """The usual deadline of a case whose notice names none, marked as assumed; None where nothing is to be answered.

    start: when the notice was written. The words are the rule in English; limit_words() has them in both languages.
    """
    if stage in _NO_ANSWER or cause is Cause.NONE:
        return None
    row = usual(cause, platform, stage)
    return Deadline(row.after(start), row.en, assumed=True)


@lru_cache(maxsize=1)
def limits() -> tuple[Limit, ...]:
    """All rows in their order."""
    table = tomllib.loads((files("triage.advice") / "limits.toml").read_text(encoding="utf-8"))
    return tuple(Limit.model_validate(row) for row in table["limits"])


def limit_words(rule: str, language: str) -> str:
    """An assumed deadline's rule in a language; as it stands where it is no rule of ours."""
    return next((row.say(language) for row in limits() if row.en == rule), rule)
