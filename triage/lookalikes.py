"""Letters that imitate others (Unicode TR 39, confusables): the few that are used to disguise words and domains."""

from __future__ import annotations

import unicodedata

#: Cyrillic, Greek, Armenian and Latin letters, by the Latin letter they look like.
LOOK_ALIKES = dict(
    zip(
        map(ord, "авсеһіјкмнорѕтухԁԛԝАВСЕНІЈКМОРЅТУХαβεηικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧɡѵոսցɑ"),
        "abcehijkmhopstyxdqwABCEHIJKMOPSTYXabeniknoptuxABEZHIKMNOPTYXgvnuga",
        strict=True,
    )
)
_DIGITS = str.maketrans("013457", "oleast")
_UNSEEN = frozenset({"Cf", "Mn", "Me"})


def skeleton(text: str) -> str:
    """Lower-case Latin letters as a hurried reader takes them: forms folded, unseen characters gone."""
    if not text.isascii():
        folded = unicodedata.normalize("NFKC", text).translate(LOOK_ALIKES)
        text = "".join(c for c in folded if unicodedata.category(c) not in _UNSEEN)
    return text.lower()


def digits_as_letters(text: str) -> str:
    """The letters that digits stand for in amaz0n and paypa1."""
    return text.translate(_DIGITS)


def disguised(word: str) -> bool:
    """Whether a word mixes Latin letters with letters of another script that imitate them."""
    if word.isascii():
        return False
    return any(ord(c) in LOOK_ALIKES for c in word) and any("a" <= c.lower() <= "z" for c in word)
