"""The words beside which a mail names something: found all at once, in one pass over the text."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from triage.phrases import Finder

#: What may be near a cue is looked for in so much of a text.
SEARCHED = 20_000
#: A mail address in running text; bounded, so that no text makes it run away.
EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[a-z]{2,24}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cue:
    """A word that says what stands beside it."""

    kind: str  # a table of cues.toml: id, metric, money ...
    label: str  # a key of it: case, order_defect_rate, held ...
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Cued:
    """A text with its cues by kind, in the order of the text; of overlapping ones of a kind the longest."""

    text: str
    low: str  # of the same length: positions hold in both
    by_kind: dict[str, tuple[Cue, ...]]

    def of(self, kind: str) -> Sequence[Cue]:
        """The cues of a kind."""
        return self.by_kind.get(kind, ())


def cued(text: str) -> Cued:
    """A text with all cues in it."""
    text = text[:SEARCHED]
    low = text.lower()
    if len(low) != len(text):  # a capital I with a dot becomes two
        low = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    found: dict[str, list[Cue]] = {}
    for start, end, (marks, bounded, whole) in _finder().found(low):
        if bounded and start and low[start - 1].isalpha():
            continue
        if whole and end < len(low) and low[end].isalnum():
            continue
        for kind, label in marks:
            cues = found.setdefault(kind, [])
            while cues and cues[-1].start >= start:  # a longer one that ends later holds the shorter ones
                cues.pop()
            if not cues or end > cues[-1].end or start < cues[-1].start:  # not inside a longer one
                cues.append(Cue(kind, label, start, end))
    return Cued(text, low, {kind: tuple(cues) for kind, cues in found.items()})


@lru_cache(maxsize=1)
def _finder() -> Finder[tuple[list[tuple[str, str]], bool, bool]]:
    table = tomllib.loads((files("triage.understand") / "cues.toml").read_text(encoding="utf-8"))
    words: dict[str, list[tuple[str, str]]] = {}
    whole: set[str] = set()
    for kind, labels in table.items():
        for label, row in labels.items():
            for word in row.split("|"):
                plain = word.removesuffix("_").lower()
                words.setdefault(plain, []).append((kind, label))
                if word.endswith("_") or kind == "site":
                    whole.add(plain)
    return Finder(
        {
            word: (list(dict.fromkeys(marks)), word[0] < "\u2e80", word in whole and word[0] < "\u2e80")
            for word, marks in words.items()
        }
    )
