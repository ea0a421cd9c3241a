"""One spelling for all: what every later step sees of a mail's text."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from importlib.resources import files

from triage.lookalikes import LOOK_ALIKES

#: Characters of subject and body that are judged. The deciding sentence of a notice stands early; behind this there
#: are product lists, quoted history and legal text.
JUDGED = 6_000

_URL = re.compile(r"(?:https?://|www\.)\S+")
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]+")
_NUMBER = re.compile(r"\d[\d.,]*")
_ASCII_NUMBER = re.compile(r"[0-9][0-9.,]*")  # spared the table of all the world's digits
_CYRILLIC_OR_GREEK = re.compile(r"[\u0370-\u052f]")
_LATIN = re.compile(r"[a-zA-Z]")
_WORD = re.compile(r"[a-zA-Z\u0370-\u052f]+")
_MASK = re.compile(r"[*＊_]{3,}|x{4,}|[.…]{4,}")
#: One of these stands in every mask; most texts have none, and are spared the pattern.
_MASKS = ("**", "__", "*_", "_*", "＊", "xxxx", "....", "…")


def judged(subject: str, body: str) -> str:
    """Subject and the beginning of the body in their normal form.

    Compatibility forms folded (NFKC), invisible characters gone, look-alike letters inside Latin words as Latin ones, lower case, traditional Chinese characters as
    simplified ones, numbers as 0, addresses and masks as one word each.
    """
    return normal(f"{subject[:500]}\n{body[:JUDGED]}")


def normal(text: str) -> str:
    """The same for any text; its length is bounded by the caller."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = text.translate(_unseen_and_traditional())
        if _CYRILLIC_OR_GREEK.search(text):
            text = _WORD.sub(_undisguised, text)
    if "http" in text or "www." in text:
        text = _URL.sub(" urlx ", text)
    if "@" in text:
        text = _MAIL.sub(" mailx ", text)
    text = text.lower()
    if any(sign in text for sign in _MASKS):
        text = _MASK.sub(" ", text)
    text = (_ASCII_NUMBER if text.isascii() else _NUMBER).sub("0", text)
    return " ".join(text.split())


def _undisguised(word: re.Match[str]) -> str:
    """A word of two scripts is a disguise; a word all in Cyrillic is Russian and stays."""
    return word[0].translate(LOOK_ALIKES) if _LATIN.search(word[0]) else word[0]


@lru_cache(maxsize=1)
def _unseen_and_traditional() -> dict[int, str | None]:
    """One table for str.translate: traditional to simplified characters, and invisible ones to nothing."""
    table: dict[int, str | None] = {}
    rows = (files("opencc") / "dictionary" / "TSCharacters.txt").read_text(encoding="utf-8").splitlines()
    for row in rows:
        old, _, new = row.partition("\t")
        if len(old) == 1 and new:
            table[ord(old)] = new.split(" ")[0]
    for code in (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), 0xFEFF, 0x034F, 0x00AD):
        table[code] = None
    for code in (0x2018, 0x2019, 0x02BC):
        table[code] = "'"
    return table
