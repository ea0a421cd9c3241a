"""Playbooks: what a cause means and what to do, one TOML file a cause, Chinese and English side by side.

Users change them in a folder of their own: a file of the same name is laid over ours. Tables are merged, single values
replaced; in lists, an entry with a known ``id`` takes the place of ours, any other is added; ``without = ["id", ...]``
takes entries out.
"""

from __future__ import annotations

import difflib
import tomllib
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from triage.errors import ConfigError
from triage.labels import Appealability, Cause, Platform, Stage

TradeGrade = Literal["can", "hard", "cannot", "unnamed"]
#: Who says so: the platform or a law; its staff in its forum; a real notice; the trade; pages of little worth.
Grade = Literal["official", "staff", "notice", "trade", "low"]
#: What a cause is answered with: a plan of action; a dispute over a right; documents; nothing before the reason is known.
Answer = Literal["plan", "rights", "submission", "none"]
When = Literal["hour", "day", "week"]
Topic = Literal["where", "limit", "answer", "tries", "funds", "stock", "threshold", "rule"]

_Model = TypeVar("_Model", bound="_Strict")
_NAME = Field(pattern=r"^[a-z][a-z0-9_]*$")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Strict):
    """The same in both languages."""

    en: str = Field(min_length=2)
    zh: str = Field(min_length=2)

    def say(self, language: str) -> str:
        """The words of a language; English for one we do not speak."""
        return self.zh if language == "zh" else self.en


class _For(_Strict):
    platforms: tuple[Platform, ...] = ()  # empty: all
    stages: tuple[Stage, ...] = ()  # empty: all

    def fits(self, platform: Platform, stage: Stage) -> bool:
        """Whether it speaks of such a case."""
        return (not self.platforms or platform in self.platforms) and (not self.stages or stage in self.stages)


class Step(_For, Words):
    """Something to do."""

    id: str = _NAME
    when: When  # the first hour, day or week
    hours: float = Field(ge=0)  # from its beginning until it is done: a laboratory takes days
    worth: int = Field(ge=1, le=5)
    did_en: str = ""  # what an appeal says once it is done
    did_zh: str = ""

    def did(self, language: str) -> str:
        """What an appeal says once it is done; empty if that is nobody's business."""
        return self.did_zh if language == "zh" else self.did_en


class Piece(Words):
    """A piece of evidence."""

    id: str = _NAME
    document: str = ""  # what a notice calls it, as in understand/cues.toml
    ok_en: str = ""  # what makes it acceptable
    ok_zh: str = ""
    source: str = ""
    grade: Grade | Literal[""] = ""

    def ok(self, language: str) -> str:
        """What makes it acceptable."""
        return self.ok_zh if language == "zh" else self.ok_en


class Fact(_For, Words):
    """Something a platform can change: it has a source."""

    topic: Topic
    source: str = Field(pattern=r"^https?://\S+$")
    grade: Grade


class Override(_For, Words):
    """Where practice differs; en and zh say why."""

    practice: Appealability
    source: str = ""
    grade: Grade | Literal[""] = ""


class Plan(_Strict):
    """What belongs into a plan of action, in its three parts."""

    cause: tuple[Words, ...] = ()
    done: tuple[Words, ...] = ()
    prevent: tuple[Words, ...] = ()


class Playbook(_Strict):
    """What is known about a cause. ``practice`` is today's grade, ``trade`` the trade's own."""

    trade: TradeGrade
    practice: Appealability
    answer: Answer
    as_of: str = Field(pattern=r"^\d{4}-\d{2}$")  # when its facts were collected
    meaning: Words
    why: Words
    steps: tuple[Step, ...] = Field(min_length=4)
    evidence: tuple[Piece, ...] = Field(min_length=3)
    mistakes: tuple[Words, ...] = Field(min_length=2)
    prevention: tuple[Words, ...] = Field(min_length=1)
    facts: tuple[Fact, ...]
    overrides: tuple[Override, ...] = ()
    plan: Plan


class General(_Strict):
    """What holds for every cause."""

    as_of: str
    grades: dict[Appealability, Words]
    trade: dict[TradeGrade, Words]
    final: Words
    overrides: tuple[Override, ...] = ()
    asked: dict[Literal["documents", "menu", "reply", "elsewhere"], Words]
    steps: tuple[Step, ...]
    forged: tuple[Step, ...] = Field(min_length=1)


class Platforms(_Strict):
    """What platforms do whatever the cause."""

    as_of: str
    facts: tuple[Fact, ...]


class Playbooks(_Strict):
    """All of them."""

    causes: dict[Cause, Playbook]
    general: General
    platforms: Platforms

    def of(self, cause: Cause) -> Playbook:
        """The playbook of a cause; that of ``other`` for ``none``."""
        return self.causes[Cause.OTHER if cause is Cause.NONE else cause]


@lru_cache(maxsize=4)
def playbooks(folder: Path | None = None) -> Playbooks:
    """Our playbooks, with what a user's folder changes in them.

    Raises:
        ConfigError: a file there is no playbook's, not TOML, or a key is missing or wrong; one line for each fault.
    """
    own = _own_files(folder)
    causes = [cause for cause in Cause if cause is not Cause.NONE]
    return Playbooks(
        causes={cause: _checked(Playbook, cause.value, own) for cause in causes},
        general=_checked(General, "general", own),
        platforms=_checked(Platforms, "platforms", own),
    )


def names() -> list[str]:
    """What a playbook's file may be called, without its ending."""
    return [*(cause.value for cause in Cause if cause is not Cause.NONE), "general", "platforms"]


def _own_files(folder: Path | None) -> dict[str, Path]:
    if folder is None:
        return {}
    try:
        found = {path.stem: path for path in sorted(folder.glob("*.toml"))}
        if not folder.is_dir():
            raise ConfigError(f"{folder}: there is no such folder of playbooks")
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be read: {error.strerror}") from error
    for name, path in found.items():
        if name not in names():
            near = difflib.get_close_matches(name, names(), n=1)
            hint = f"did you mean {near[0]}.toml?" if near else f"names are: {', '.join(names())}"
            raise ConfigError(f"{path}: no playbook is called so; {hint}")
    return found


def _checked(kind: type[_Model], name: str, own: dict[str, Path]) -> _Model:
    table = tomllib.loads((files("triage.advice") / "playbooks" / f"{name}.toml").read_text(encoding="utf-8"))
    if name not in own:
        return kind.model_validate(table)
    path = own[name]
    try:
        return kind.model_validate(_over(table, tomllib.loads(path.read_text(encoding="utf-8"))))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}") from error
    except ValidationError as error:
        raise ConfigError("\n".join(_faults(path, error))) from None


def _faults(path: Path, error: ValidationError) -> list[str]:
    return [
        f"{path}: {'.'.join(str(part) for part in fault['loc'])}: {fault['msg'][0].lower()}{fault['msg'][1:]}"
        for fault in error.errors(include_url=False, include_input=False)
    ]


def _over(ours: Any, theirs: Any) -> Any:
    """A user's table over ours."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        without = set(theirs.get("without", ()))
        merged = {name: _over(ours[name], value) if name in ours else value for name, value in theirs.items()}
        table = {**ours, **merged}
        table.pop("without", None)
        if not without:
            return table
        return {name: _left(value, without) if isinstance(value, list) else value for name, value in table.items()}
    if isinstance(ours, list) and isinstance(theirs, list) and all(isinstance(each, dict) for each in theirs):
        known = {each.get("id"): number for number, each in enumerate(ours) if each.get("id")}
        result = list(ours)
        for each in theirs:
            if each.get("id") in known:
                result[known[each["id"]]] = {**result[known[each["id"]]], **each}
            else:
                result.append(each)
        return result
    return theirs


def _left(entries: list[Any], without: set[str]) -> list[Any]:
    return [each for each in entries if not (isinstance(each, dict) and each.get("id") in without)]
