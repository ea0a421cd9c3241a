"""What speaks for or against a sender: every kind of finding once, with its weight and its sentence in both languages."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files

from triage.labels import SenderVerdict
from triage.types import Finding

#: As much as this proves a sender, or proves that it is forged.
DECIDES = 1.0


def finding(kind: str, about: str = "") -> Finding:
    """A finding of a known kind with the weight that kind has."""
    return Finding(kind, about, float(_table()[kind]["weight"]))


def sentence(found: Finding, language: str) -> str:
    """A finding in plain words, zh or en."""
    words = str(_table()[found.kind]["zh" if language == "zh" else "en"])
    # The words around are ours, what stands between them is a stranger's: it is put in, never interpreted.
    return words.replace("{}", found.about)


def authentic(findings: Sequence[Finding]) -> bool:
    """Whether something proves the sender, also behind a forward."""
    return any(found.weight <= -DECIDES for found in findings)


def trusted(verdict: SenderVerdict, findings: Sequence[Finding]) -> bool:
    """Whether links may stay what they are: only of a sender that is proven, also behind a forward."""
    return verdict is SenderVerdict.PROVEN or (verdict is SenderVerdict.FORWARDED and authentic(findings))


def kinds() -> frozenset[str]:
    """All that can be found."""
    return frozenset(_table())


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, str | float]]:
    return tomllib.loads((files("triage") / "findings.toml").read_text(encoding="utf-8"))
