"""What kinds of facts are called in both languages: numbers, metrics, amounts, documents."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files


def called(label: str, language: str) -> str:
    """The name of a kind of fact, zh or en."""
    return _names()["zh" if language == "zh" else "en"].get(label, label.replace("_", " "))


def labels(language: str) -> frozenset[str]:
    """The kinds that have a name of their own in a language."""
    return frozenset(_names()[language])


@lru_cache(maxsize=1)
def _names() -> dict[str, dict[str, str]]:
    return tomllib.loads((files("triage") / "glossary.toml").read_text(encoding="utf-8"))
