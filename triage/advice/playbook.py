"""Playbooks: what a cause means and what to do, one TOML file a cause, Chinese and English side by side."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from triage.labels import Appealability, Cause, Platform, Stage

TradeGrade = Literal["can", "hard", "cannot", "unnamed"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Strict):
    """A playbook in one language."""

    meaning: str = Field(min_length=10)
    why: str = Field(min_length=10)
    steps: tuple[str, ...] = Field(min_length=4)
    evidence: tuple[str, ...] = Field(min_length=3)
    mistakes: tuple[str, ...] = Field(min_length=2)
    usual_limit: str = Field(min_length=2)


class Playbook(_Strict):
    """What is known about a cause. ``practice`` is today's grade, ``trade`` the trade's own."""

    trade: TradeGrade
    practice: Appealability
    on_platform: dict[Platform, Appealability] = {}
    en: Words
    zh: Words

    def words(self, language: str) -> Words:
        """The text in a language; English for one we do not speak."""
        return self.zh if language == "zh" else self.en


class StageWords(_Strict):
    """Steps that a stage puts before those of the cause."""

    first: tuple[str, ...] = ()


class General(_Strict):
    """What holds for every cause."""

    grades: dict[Appealability, str]
    trade: dict[TradeGrade, str]
    first_steps: tuple[str, ...]
    forged_steps: tuple[str, ...]
    stages: dict[Stage, StageWords]
    final: str


@lru_cache(maxsize=32)
def of(cause: Cause) -> Playbook:
    """The playbook of a cause; that of ``other`` for ``none``."""
    name = Cause.OTHER if cause is Cause.NONE else cause
    return Playbook.model_validate(_read(f"{name}.toml"))


@lru_cache(maxsize=2)
def general(language: str) -> General:
    """What holds for every cause, in a language."""
    return General.model_validate(_read("general.toml")["zh" if language == "zh" else "en"])


def _read(name: str) -> dict[str, object]:
    return tomllib.loads((files("triage.advice") / "playbooks" / name).read_text(encoding="utf-8"))
