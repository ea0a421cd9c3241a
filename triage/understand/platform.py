"""Which platform speaks: by the sender's domain where that is a platform's, else by the names in the text."""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from importlib.resources import files

from triage.labels import Platform
from triage.types import Mail

_SUBJECT_WEIGHT = 3
#: A name of the platform against a word that is merely its own.
_NAME_WEIGHT = 3
#: Of a long text this much is searched: a notice names its platform at the top and in its signature.
_HEAD, _TAIL = 3000, 1500


def platform(mail: Mail, *, warning: bool) -> Platform:
    """The platform of a mail; ``other`` for a warning of a platform we do not know, ``none`` for any other mail."""
    if mail.origin.platform is not Platform.NONE:
        return mail.origin.platform
    named = _named(mail)
    if named is not Platform.NONE:
        return named
    return Platform.OTHER if warning else Platform.NONE


def _named(mail: Mail) -> Platform:
    text = mail.text if len(mail.text) <= _HEAD + _TAIL else f"{mail.text[:_HEAD]}\n{mail.text[-_TAIL:]}"
    scores: dict[Platform, int] = {}
    for where, times in ((f"{mail.sender.name} {mail.subject}", _SUBJECT_WEIGHT), (text, 1)):
        for match in _pattern().finditer(where.lower()):
            name, weight = _words()[match[0]]
            scores[name] = scores.get(name, 0) + times * weight
    return max(scores, key=lambda name: scores[name]) if scores else Platform.NONE


@lru_cache(maxsize=1)
def _words() -> dict[str, tuple[Platform, int]]:
    """By word, whose it is and what it weighs."""
    data = tomllib.loads((files("triage.understand") / "platforms.toml").read_text(encoding="utf-8"))
    return {
        word: (Platform(platform), weight)
        for kind, weight in (("hints", 1), ("names", _NAME_WEIGHT))
        for platform, words in data[kind].items()
        for word in words
    }


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    def bounded(word: str) -> str:
        return rf"(?<![a-z]){re.escape(word)}(?![a-z])" if word.isascii() else re.escape(word)

    return re.compile("|".join(bounded(word) for word in sorted(_words(), key=len, reverse=True)))
