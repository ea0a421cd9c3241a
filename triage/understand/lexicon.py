"""What the trade knows, as features: terms of each cause and stage, and signals for or against a warning, in each language."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files

from triage.labels import Cause, Stage
from triage.phrases import Finder
from triage.understand.text import normal

#: What speaks for or against a warning beside its cause (see lexicon/signals.toml).
SIGNALS = (
    "own_object", "announcement", "healthy", "receipt", "selling_help", "buyer_voice", "quoting", "elsewhere",
)  # fmt: skip

#: Names of the lexicon's columns, in order: every cause, every stage, every signal.
COLUMNS: tuple[str, ...] = (
    *(f"cause:{cause}" for cause in Cause),
    *(f"stage:{stage}" for stage in Stage),
    *(f"signal:{signal}" for signal in SIGNALS),
)
_FILES = ("causes.toml", "stages.toml", "signals.toml", "boilerplate.toml")
_INDEX = {name: number for number, name in enumerate(COLUMNS)}


def hits(text: str) -> dict[int, list[str]]:
    """The distinct terms found in a normalised text, by column number.

    A term in a script with spaces must begin at the beginning of a word; it may end inside one, so that
    inflected forms count. Inside a phrase that every notice has (lexicon/boilerplate.toml) no term counts for a cause.
    """
    matches = [
        (start, end, term, columns)
        for start, end, (term, columns, bounded) in _finder().found(text)
        if not bounded or start == 0 or not text[start - 1].isalpha()
    ]
    boilerplate = [(start, end) for start, end, _, columns in matches if not columns]
    found: dict[int, dict[str, None]] = {}  # a dictionary as an ordered set
    for start, end, term, columns in matches:
        proves_nothing = boilerplate and any(first <= start and end <= last for first, last in boilerplate)
        for column in columns:
            if not (proves_nothing and column < len(Cause)):
                found.setdefault(column, {})[term] = None
    return {column: list(terms) for column, terms in found.items()}


@lru_cache(maxsize=1)
def digest() -> str:
    """SHA-256 over all terms, hex."""
    found = hashlib.sha256(repr(COLUMNS).encode())
    for file in _FILES:
        found.update((files("triage.understand") / "lexicon" / file).read_bytes())
    return found.hexdigest()


@lru_cache(maxsize=1)
def _finder() -> Finder[tuple[str, tuple[int, ...], bool]]:
    terms: dict[str, list[int]] = {}
    for kind in ("cause", "stage", "signal"):
        for label, term in _terms(f"{kind}s.toml"):
            terms.setdefault(term, []).append(_INDEX[f"{kind}:{label}"])
    for _, phrase in _terms("boilerplate.toml"):
        terms[phrase] = []
    return Finder({term: (term, tuple(dict.fromkeys(columns)), term[0] < "\u2e80") for term, columns in terms.items()})


def _terms(file: str) -> Iterator[tuple[str, str]]:
    """Every label and normalised term of a file."""
    table = tomllib.loads((files("triage.understand") / "lexicon" / file).read_text(encoding="utf-8"))
    for label, languages in table.items():
        for words in languages.values():
            for term in words.split("|"):
                # A term that is an abbreviation ("EU", "RO") would be found inside other words: it ends with a blank.
                clean = normal(term).strip() + (" " if term.endswith("_") else "")
                if clean := clean.replace("_", ""):
                    yield label, clean
