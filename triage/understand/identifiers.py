"""What a mail names: products, orders, complaints, cases. The numbers that tie later mails to the same matter."""

from __future__ import annotations

import re

from triage.types import Identifier

#: References kept of one mail; a notice for hundreds of listings needs no more to be recognised again.
MOST = 60
_SEARCHED = 60_000

_NUMBER = r"\s*(?:id|no\.?|number|nr\.?|nummer|numéro|número|numero|编号|号|番号|#)?\s*[:：#]?\s*"
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("asin", re.compile(r"\bB0(?=[A-Z0-9]*\d)[A-Z0-9]{8}\b")),
    ("order", re.compile(r"\b\d{3}-\d{7}-\d{7}\b")),
    (
        "complaint",
        re.compile(
            r"(?:complaint|beschwerde|réclamation|queja|reclamo|投诉|申し立て)" + _NUMBER + r"(\d{8,13})\b",
            re.IGNORECASE,
        ),
    ),
    (
        "case",
        re.compile(
            r"(?:case|ticket|violation|infraction|dossier|caso|vorgang|fall|工单|案件|违规|ケース|お問い合わせ)"
            + _NUMBER
            + r"((?=[A-Z0-9-]*\d{4})[A-Z0-9][A-Z0-9-]{6,24})\b",
            re.IGNORECASE,
        ),
    ),
    (
        "item",
        re.compile(
            r"(?:item|listing|product|artikel|article|artículo|articolo|商品|产品|出品)" + _NUMBER + r"(\d{8,15})\b",
            re.IGNORECASE,
        ),
    ),
    ("reference", re.compile(r"\bPP-(?:[A-Z0-9]{1,4}-){0,3}[A-Z0-9]{6,20}\b")),
    ("sku", re.compile(r"\bSKU\s*[:：]\s*([A-Za-z0-9][\w.\-]{2,39})")),
)
_STORE = re.compile(
    r"(?:store(?: name)?|shop(?: name)?|seller(?: name)?|display name|merchant|店铺(?:名称)?|店鋪|卖家名称|ストア名|店舗名|verkäufername|"
    r"shopname|nom du vendeur|nombre de la tienda|nome del negozio)\s*[:：]\s*([^\n\r,;，；。<>]{2,60})",
    re.IGNORECASE,
)


def identifiers(subject: str, text: str) -> tuple[Identifier, ...]:
    """Everything that is named, in the order of kinds and then of the text, each once, at most MOST."""
    whole = f"{subject}\n{text[:_SEARCHED]}"
    found: dict[Identifier, None] = {}
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(whole):
            found.setdefault(Identifier(kind, (match[1] if match.groups() else match[0]).upper()))
            if len(found) >= MOST:
                return tuple(found)
    return tuple(found)


def store_name(text: str) -> str:
    """The store a mail addresses, where it says so in a labelled line; else ""."""
    match = _STORE.search(text[:_SEARCHED])
    return match[1].strip(" \t*\"'“”【】[]") if match else ""
