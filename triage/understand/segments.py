"""A mail in pieces of a sentence or two, so that the deciding one does not drown in boilerplate."""

from __future__ import annotations

import re

from triage.types import Mail
from triage.understand.text import JUDGED

#: Behind the end of a sentence in any script, at line breaks, before dashes that stand for list items.
_END = re.compile(r"(?<=[.!?;])\s+|(?<=[。!?;])|\n+|\s--\s")
_IDEOGRAPH = re.compile(r"[\u3040-\u9fff]")

#: A piece has at least so many characters; shorter sentences join the next one.
_SHORTEST = 50
_SHORTEST_IDEOGRAPHS = 18
#: The cause stands early; what comes behind so many pieces is lists of products and legal text.
_MOST = 40


def segments(mail: Mail) -> list[str]:
    """The subject and the pieces of the text, at most forty; at least one if there is any text at all."""
    found: list[str] = []
    piece = ""
    latin = mail.text.isascii()
    for part in _END.split(mail.text[:JUDGED]):
        piece = f"{piece} {part.strip()}".strip()
        if len(piece) >= (_SHORTEST if latin or not _IDEOGRAPH.search(piece) else _SHORTEST_IDEOGRAPHS):
            found.append(piece)
            piece = ""
    if piece and found:
        found[-1] = f"{found[-1]} {piece}"
    elif piece:
        found.append(piece)
    return ([mail.subject] if mail.subject else []) + found[:_MOST]
