"""What is wrong with a letter before it is sent: what is missing, too long, blaming, emotional or beside the matter."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from triage.advice.drafts import BLANK, Letter
from triage.types import Facts

#: A page: what a reviewer reads to its end. Words, or characters where words are not set apart.
MOST_WORDS, MOST_CHARACTERS = 600, 1200
_TONE = ("blaming", "emotional", "promise", "history")
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_WORD = re.compile(r"\w+")
_DATE = re.compile(
    r"\b\d{4}-\d{1,2}-\d{1,2}\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|\d{1,2}\s?月\s?\d{1,2}\s?日|\b\d{1,2}\.? [^\W\d]{3,12}\.? \d{4}\b|\b[^\W\d]{3,12} \d{1,2}, \d{4}\b"
)
#: Of many listings that a letter does not name, so many are told by number.
_MOST_UNNAMED = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend."""

    kind: str  # blank, too_long, blaming, emotional, promise, history, unnamed, no_date
    line: int  # from 1; 0 for the letter as a whole
    text: str  # what to say to the writer, in their language


def problems(letter: str, facts: Facts, *, kind: Letter, language: str, reader: str) -> list[Problem]:
    """What is wrong with a letter, in the order of its lines.

    language: the letter's, whose words are looked for; reader: zh or en, in which the problems are told.
    """
    say = _table()["say"]["zh" if reader == "zh" else "en"]
    found = [*_blanks(letter, say), *_tone(letter, language, say), *_length(letter, say)]
    if kind in {Letter.PLAN, Letter.DISPUTE, Letter.LICENCE, Letter.COUNTER_NOTICE}:
        found += _unnamed(letter, facts, say)
    if kind is Letter.PLAN and not _DATE.search(BLANK.sub("", letter).split("\n## 2.")[-1]):
        found.append(Problem("no_date", 0, say["no_date"]))
    return sorted(found, key=lambda problem: (problem.line == 0, problem.line))


def _blanks(letter: str, say: dict[str, str]) -> Iterator[Problem]:
    for match in BLANK.finditer(letter):
        yield Problem(
            "blank", letter.count("\n", 0, match.start()) + 1, say["blank"].format(text=" ".join(match[1].split()))
        )


def _tone(letter: str, language: str, say: dict[str, str]) -> Iterator[Problem]:
    for number, line in enumerate(BLANK.sub(lambda m: "\n" * m[0].count("\n"), letter).split("\n"), 1):
        for kind in _TONE:
            match = next(filter(None, (pattern.search(line) for pattern in _patterns(kind, language))), None)
            if match:
                yield Problem(kind, number, say[kind].format(text=match[0].strip()))


def _length(letter: str, say: dict[str, str]) -> Iterator[Problem]:
    said = BLANK.sub("", letter)
    ideographs = len(_IDEOGRAPH.findall(said))
    if ideographs > MOST_CHARACTERS:
        yield Problem(
            "too_long", 0, say["too_long"].format(length=ideographs, unit=say["characters"], most=MOST_CHARACTERS)
        )
    words = len(_WORD.findall(_IDEOGRAPH.sub(" ", said)))
    if words > MOST_WORDS:
        yield Problem("too_long", 0, say["too_long"].format(length=words, unit=say["words"], most=MOST_WORDS))


def _unnamed(letter: str, facts: Facts, say: dict[str, str]) -> Iterator[Problem]:
    """Everything the notice names is to be answered for (Amazon's page on plans of action says so)."""
    plain = letter.replace("\\", "")
    missing = [each.value for each in facts.ids if each.kind in {"asin", "item", "sku"} and each.value not in plain]
    if missing:
        more = f" +{len(missing) - _MOST_UNNAMED}" if len(missing) > _MOST_UNNAMED else ""
        yield Problem("unnamed", 0, say["unnamed"].format(text=", ".join(missing[:_MOST_UNNAMED]) + more))


@lru_cache(maxsize=64)
def _patterns(kind: str, language: str) -> tuple[re.Pattern[str], ...]:
    row = _table()[kind]
    return tuple(re.compile(text, re.IGNORECASE) for text in row.get(language, row["en"]))


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return tomllib.loads((files("triage.advice") / "lint.toml").read_text(encoding="utf-8"))
