"""Thousands of words found in one pass over a text (Aho and Corasick, 1975)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

import ahocorasick_rs

T = TypeVar("T")


class Finder(Generic[T]):
    """Finds words wherever they stand, also inside others, and says what each stands for."""

    def __init__(self, words: Mapping[str, T]) -> None:
        """words: by word what is wanted of it; upper and lower case are different letters."""
        self._meant = list(words.values())
        # The fastest of the three forms grows to thirty megabytes on our lexicon, this one to two, for a third of the speed.
        self._automaton = ahocorasick_rs.AhoCorasick(
            list(words), implementation=ahocorasick_rs.Implementation.ContiguousNFA
        )

    def found(self, text: str) -> list[tuple[int, int, T]]:
        """(start, end, what it stands for) of every word in a text, by their ends; of those that end together the longest first."""
        meant = self._meant
        return [
            (start, end, meant[number])
            for number, start, end in self._automaton.find_matches_as_indexes(text, overlapping=True)
        ]
