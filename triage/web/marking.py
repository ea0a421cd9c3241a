"""A mail's text with the words that decided marked in it. It stays text: what comes out are pieces to be escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from triage.types import Evidence

#: Words shorter than that mark half the text.
_SHORTEST = 3
#: Sentences are found by their beginning: blanks and what was cut off may differ.
_BEGINNING = 60


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text: plain, or one that decided."""

    text: str
    why: str = ""  # "", word, sentence


def marked(text: str, evidence: Sequence[Evidence]) -> list[Piece]:
    """The text in pieces, in order; together they are the text."""
    spans: list[tuple[int, int, str]] = []
    for each in evidence:
        if each.source == "sentence":
            spans += [(*span, "sentence") for span in _found(each.text[:_BEGINNING], each.text, text)]
        elif each.source in {"word", "phrase"}:
            for words in each.text.split(","):
                spans += [(*span, "word") for span in _words(words.strip(), text)]
    pieces, at = [], 0
    for start, end, why in _apart(spans):
        pieces += [Piece(text[at:start]), Piece(text[start:end], why)]
        at = end
    return [piece for piece in (*pieces, Piece(text[at:])) if piece.text]


def _found(beginning: str, whole: str, text: str) -> list[tuple[int, int]]:
    """Where a sentence stands, whatever its blanks."""
    parts = whole.split()
    if not parts:
        return []
    for some in (parts, beginning.split()):
        hit = re.search(r"\s*".join(map(re.escape, some)), text)
        if hit:
            return [hit.span()]
    return []


def _words(words: str, text: str) -> list[tuple[int, int]]:
    stem, words = words.endswith("~"), words.strip("~")  # of a stem the whole word is marked
    parts = words.split()
    if not parts or (words.isascii() and len(words) < _SHORTEST):
        return []
    edge = r"\b" if words[0].isascii() and words[0].isalnum() else ""
    pattern = edge + r"\W{0,3}".join(map(re.escape, parts)) + (r"\w*" if stem else "")
    return [hit.span() for hit in re.finditer(pattern, text, re.IGNORECASE)][:20]


def _apart(spans: Sequence[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Spans in order, without overlap: words before the sentence they stand in, so that both are seen."""
    words = sorted({span for span in spans if span[2] == "word"})
    kept: list[tuple[int, int, str]] = []
    for span in words:
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    result = list(kept)
    for start, end, why in spans:
        if why != "sentence":
            continue
        at = start
        for first, last, _ in kept:
            if first >= end or last <= start:
                continue
            if first > at:
                result.append((at, first, why))
            at = max(at, last)
        if at < end:
            result.append((at, end, why))
    return sorted(set(result))
