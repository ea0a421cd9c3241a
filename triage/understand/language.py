"""The language of a text: by script, and for Latin script by its function words.

Detectors that carry a model of their own cost 80 MB and more; the daemon's whole budget is 220. Ten languages are told
apart well by the thirty words that every sentence of them needs.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

_WORD = re.compile(r"[^\W\d_]+")
_ASCII_WORD = re.compile(r"[a-z]+")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7af]")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_THAI = re.compile(r"[\u0e00-\u0e7f]")

#: So many words tell the language, and so many characters hold them.
_WORDS, _HEAD = 250, 2000
#: A word of the trade against a function word; shorter ones are parts of names.
_TRADE_WEIGHT, _TRADE_LETTERS = 0.5, 4
#: A Chinese character says as much as this many Latin letters.
_HAN_WEIGHT = 4


def language(text: str) -> str:
    """ISO 639-1 code of the language most of a text is in; "und" if nothing tells."""
    text = text[:_HEAD]
    if text.isascii():
        return _latin(_ASCII_WORD.findall(text.lower()))
    han, kana, hangul = len(_HAN.findall(text)), len(_KANA.findall(text)), len(_HANGUL.findall(text))
    words = _WORD.findall(text.lower())
    latin = sum(len(word) for word in words if word[0] < "\u0250")
    if (han + kana + hangul) * _HAN_WEIGHT > latin and han + kana + hangul:
        if hangul > han + kana:
            return "ko"
        return "ja" if kana * 12 > han else "zh"
    if len(_CYRILLIC.findall(text)) > latin:
        return "ru"
    if len(_THAI.findall(text)) > latin:
        return "th"
    return _latin(words)


def _latin(words: list[str]) -> str:
    votes: dict[str, float] = {}
    table = _function_words()
    for word, times in Counter(words[:_WORDS]).items():
        for code, weight in table.get(word, ()):
            votes[code] = votes.get(code, 0) + min(times, 6) * weight
    if votes:
        return max(votes, key=lambda code: votes[code])
    return "en" if words and words[0] < "\u0250" else "und"


@lru_cache(maxsize=1)
def _function_words() -> dict[str, list[tuple[str, float]]]:
    """By word, the languages it votes for and with what weight: a word that several share weighs less."""
    folder = files("triage.understand")
    lists = tomllib.loads((folder / "function_words.toml").read_text(encoding="utf-8"))
    table = _votes({code: set(words.split()) for code, words in lists.items()}, 1.0)
    # A subject has no function words, but words of the trade, which the lexicon knows by language.
    trade: dict[str, set[str]] = {}
    for file in ("causes.toml", "stages.toml"):
        for languages in tomllib.loads((folder / "lexicon" / file).read_text(encoding="utf-8")).values():
            for code, terms in languages.items():
                trade.setdefault(code, set()).update(_WORD.findall(terms.lower()))
    for word, votes in _votes({code: trade.get(code, set()) for code in lists}, _TRADE_WEIGHT).items():
        if len(word) >= _TRADE_LETTERS:
            table.setdefault(word, votes)
    return table


def _votes(lists: Mapping[str, set[str]], weight: float) -> dict[str, list[tuple[str, float]]]:
    shared = Counter(word for words in lists.values() for word in words)
    table: dict[str, list[tuple[str, float]]] = {}
    for code, words in lists.items():
        for word in words:
            table.setdefault(word, []).append((code, weight / shared[word]))
    return table
