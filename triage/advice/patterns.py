"""What usually comes next when the same happens to a store again."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from triage.labels import CAUSE_NAMES, Cause, Platform, Stage

_ORDINAL = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth"}


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    platform: Annotated[Platform | None, BeforeValidator(lambda value: value or None)]
    causes: tuple[Cause, ...]
    stages: tuple[Stage, ...] = ()
    at_least: int = Field(ge=2)
    days: int = Field(ge=1)
    en: str
    zh: str
    source: str = ""
    grade: str = ""

    def fits(self, platform: Platform, cause: Cause) -> bool:
        return self.platform in {None, platform} and (not self.causes or cause in self.causes)


@dataclass(frozen=True, slots=True)
class Matter:
    """One case of a store, as far as patterns go."""

    cause: Cause
    stage: Stage
    at: datetime  # when its first mail came


@dataclass(frozen=True, slots=True)
class Pattern:
    """The same cause, again."""

    cause: Cause
    count: int
    days: int
    text: str
    source: str
    grade: str
    as_of: str


def patterns(platform: Platform, matters: Iterable[Matter], now: datetime, language: str) -> list[Pattern]:
    """What repeats itself in one store on a platform, the most frequent first."""
    known = list(matters)
    found = []
    for cause in sorted({matter.cause for matter in known} - {Cause.NONE, Cause.OTHER}):
        for row in _rows():
            if not row.fits(platform, cause):
                continue
            count = sum(
                matter.cause is cause
                and now - timedelta(days=row.days) <= matter.at <= now
                and (not row.stages or matter.stage in row.stages)
                for matter in known
            )
            if count >= row.at_least:
                text = _said(cause, count, row, language)
                found.append(Pattern(cause, count, row.days, text, row.source, row.grade, _table()["as_of"]))
                break
    return sorted(found, key=lambda pattern: -pattern.count)


def _said(cause: Cause, count: int, row: _Row, language: str) -> str:
    name = CAUSE_NAMES[language][cause]
    if language == "zh":
        return f"{row.days} 天内第 {count} 次“{name}”:{row.zh}"
    return f"{_ORDINAL.get(count, f'{count}th')} case of {name} in {row.days} days: {row.en}"


@lru_cache(maxsize=1)
def _rows() -> tuple[_Row, ...]:
    return tuple(_Row.model_validate(row) for row in _table()["patterns"])


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return tomllib.loads((files("triage.advice") / "patterns.toml").read_text(encoding="utf-8"))
