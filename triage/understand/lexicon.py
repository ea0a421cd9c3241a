"""What the trade knows, as features: terms of each cause and stage, in each language, counted in a text."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files

import ahocorasick

from triage.labels import Cause, Stage
from triage.understand.text import normal

#: Names of the lexicon's columns, in order: every cause and every stage.
COLUMNS: tuple[str, ...] = tuple([f"cause:{cause}" for cause in Cause] + [f"stage:{stage}" for stage in Stage])
_INDEX = {name: number for number, name in enumerate(COLUMNS)}


def hits(text: str) -> dict[int, list[str]]:
    """The distinct terms found in a normalised text, by column number.

    A term in a script with spaces must begin at the beginning of a word; it may end inside one, so that
    inflected forms count.
    """
    found: dict[int, list[str]] = {}
    seen: set[str] = set()
    for end, (term, columns, bounded) in _automaton().iter(text):
        start = end - len(term) + 1
        if term in seen or (bounded and start > 0 and text[start - 1].isalpha()):
            continue
        seen.add(term)
        for column in columns:
            found.setdefault(column, []).append(term)
    return found


@lru_cache(maxsize=1)
def _automaton() -> ahocorasick.Automaton:
    terms: dict[str, list[int]] = {}
    for kind in ("cause", "stage"):
        folder = files("triage.understand") / "lexicon"
        table = tomllib.loads((folder / f"{kind}s.toml").read_text(encoding="utf-8"))
        for label, languages in table.items():
            for words in languages.values():
                for term in words.split("|"):
                    # A term that is an abbreviation ("EU", "RO") would be found inside other words: it ends with a blank.
                    clean = normal(term).strip() + (" " if term.endswith("_") else "")
                    terms.setdefault(clean.replace("_", ""), []).append(_INDEX[f"{kind}:{label}"])
    automaton = ahocorasick.Automaton()
    for term, columns in terms.items():
        if term.strip():
            automaton.add_word(term, (term, tuple(dict.fromkeys(columns)), term[0] < "\u2e80"))
    automaton.make_automaton()
    return automaton
