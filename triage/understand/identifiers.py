"""Numbers that name things: products, orders, complaints, cases, rights. Each kind with its own format.

A number counts if its shape alone tells what it is (an ASIN, an Amazon order), or if a word beside it does and it fits
the format of that kind: length, alphabet and, where the standard has one, the check digit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from triage.types import Identifier
from triage.understand.cues import Cued

#: References kept of one mail; a notice for hundreds of listings needs no more to be recognised again.
MOST = 60
#: Characters of the text around a number that are kept as its evidence.
_AROUND = 30

#: What a number's shape alone tells. Sources: the platforms' own number formats as they stand in their notices.
_BY_SHAPE: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("asin", re.compile(r"\bB0(?=[A-Z0-9]*\d)[A-Z0-9]{8}\b")),
    ("fnsku", re.compile(r"\bX00(?=[A-Z0-9]*\d)[A-Z0-9]{7}\b")),
    ("order", re.compile(r"(?<![\d-])\d{3}-\d{7}-\d{7}(?![\d-])")),  # Amazon
    ("order", re.compile(r"(?<![\d-])\d{2}-\d{5}-\d{5}(?![\d-])")),  # eBay
    ("order", re.compile(r"\bPO-\d{3}-\d{14,20}(?:-D\d{2})?\b")),  # Temu
    ("order", re.compile(r"(?<![\d-])\d{6}-\d{8}-\d{7,10}(?![\d-])")),  # Rakuten Ichiba
    ("order", re.compile(r"\b2\d[01]\d[0-3]\d(?=[A-Z0-9]*[A-Z])[A-Z0-9]{8}\b")),  # Shopee: the date, then eight
    ("item", re.compile(r"\bM(?:LA|LB|LM|LC|LU|LV|CO|PE|EC|BO|PY|CR|RD|PA|GT|HN|NI|SV)-?\d{8,12}\b")),  # Mercado Libre
    ("item", re.compile(r"(?<!\d)1005\d{12}(?!\d)")),  # AliExpress
    ("item", re.compile(r"(?<!\d)17\d{17}(?!\d)")),  # TikTok Shop
    ("order", re.compile(r"(?<!\d)57\d{16}(?!\d)")),  # TikTok Shop
    ("reference", re.compile(r"\bPP-(?:[A-Z0-9]{1,4}-){0,3}(?=[A-Z0-9]*\d)[A-Z0-9]{6,20}\b")),  # PayPal
    ("notice_code", re.compile(r"\bMC\d{3}\b(?!\d)")),  # eBay
    ("court_case", re.compile(r"\b(?:\d:)?\d{2}-(?:cv|cr|mc)-\d{4,5}\b", re.IGNORECASE)),
    ("patent", re.compile(r"\b(?:US\s?)?D\s?\d{3},?\d{3}(?:\s?S\d?)?\b")),
    ("patent", re.compile(r"\bUS\s?\d{1,2},?\d{3},?\d{3}\s?B[12]\b")),
    ("patent", re.compile(r"\bEP\s?\d{7}(?:\s?[AB]\d)?\b")),
    ("patent", re.compile(r"\bZL\s?\d{12}(?:\.[\dX])?")),
    ("patent", re.compile(r"\bCN\s?\d{9,12}\s?[A-CSUY]\b")),
    ("copyright", re.compile(r"\b(?:VAu?|TX|PA|SR)\s?-?\d-\d{3}-\d{3}\b")),
    ("copyright", re.compile(r"(?:国)?作登字-?\d{4}-[A-L]-\d{6,8}")),
    ("trademark", re.compile(r"\bUK0000\d{7}\b|\bEUTM\s?0?\d{8,9}\b")),
    ("epr", re.compile(r"\bFR\d{6}_\d{2}[A-Z]{4}\b")),  # France: identifiant unique
    ("epr", re.compile(r"\bDE\d{13}\b")),  # Germany: LUCID
)
#: At the first look most mails have nothing that begins or looks like these.
_MAY_HAVE = re.compile(
    r"\bB0|\bX00|\d-\d{5}|PO-\d|\b2\d{5}[A-Z0-9]{2}|\bM[A-Z]{2}-?\d{8}|1005\d{12}|(?<!\d)[15]7\d{16}|\bPP-|\bMC\d{3}\b|-(?:cv|cr|mc)-|\bD\s?\d{3},?\d{3}|\bUS\s?\d|"
    r"\bEP\s?\d|\bZL|\bCN\s?\d{9}|\b(?:VA|TX|PA|SR)u?\s?-?\d-|作登字|\bUK0|\bEUTM|\bFR\d{6}_|\bDE\d{13}"
)

_A_DATE = re.compile(r"20\d\d-?[01]\d-?[0-3]\d")
_AND = re.compile(r"\s*(?:[,;、，/]|\band\b|\bund\b|\bet\b|\by\b|\be\b|和|及|\n\s*[-•*]?)\s*")
_MARK = r"[\s:：#№*\"'“(（|=-]{0,6}(?:(?:is|ist|est|es|è|为|是|:)\s+)?(?:id|no\.?|nr\.?|number|nummer|编号|号)?[\s:：#*|]{0,4}"


def _behind(number: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    """A number right behind the word that names it."""
    return re.compile(_MARK + number, re.IGNORECASE | flags)


_MATTER = r"((?=[A-Z0-9-]*\d{4})[A-Z0-9][A-Z0-9-]{5,28}[A-Z0-9])(?![\w-])"
_DIGITS = r"(\d{8,20})(?![\d])"
#: What must stand behind a word, by the word's label: kind, pattern of the number.
_BEHIND: dict[str, tuple[str, re.Pattern[str]]] = {
    "case": ("case", _behind(_MATTER)),
    "complaint": ("complaint", _behind(_MATTER)),
    "violation": ("violation", _behind(_MATTER)),
    "ticket": ("ticket", _behind(_MATTER)),
    "reference": ("reference", _behind(_MATTER)),
    "order": ("order", _behind(r"((?=[A-Z0-9-]*\d{4})[A-Z0-9][A-Z0-9-]{6,26}[A-Z0-9])(?![\w-])")),
    "item": ("item", _behind(_DIGITS)),
    "asin": ("asin", _behind(r"((?:\d{9}[\dX])|B0[A-Z0-9]{8})\b")),
    "sku": ("sku", re.compile(r"\s*[:：#]?\s*(?:id\s*[:：]\s*)?((?=[\w.-]*\d)[A-Za-z0-9][\w.\-/]{2,38}[\w])", re.IGNORECASE)),
    "ean": ("ean", _behind(r"(\d{8}|\d{12,14})(?!\d)")),
    "isbn": ("isbn", _behind(r"((?:97[89][- ]?)?\d[\d -]{8,14}[\dX])\b")),
    "seller_id": ("seller_id", _behind(r"((?=[A-Z0-9-]*\d)[A-Z0-9][A-Z0-9-]{4,20})(?![\w-])")),
    "trademark": ("trademark", _behind(r"((?:WO|EU|EUTM|CN|US|UK)?\s?\d{1,3}[,.]?\d{3}[,.]?\d{2,3}\d{0,3})(?![\d,])")),
    "patent": ("patent", _behind(r"((?:US|EP|CN|ZL|DE|JP|WO|FR|GB)?\s?(?:RE|PP|D)?\s?\d{1,2}[,.]?\d{3}[,.]?\d{3,9}(?:\.[\dX])?(?:\s?[A-Z]\d?)?)\b")),
    "copyright": ("copyright", _behind(r"((?:VAu?|TX|PA|SR)\s?-?\d[\d-]{6,12}|国?作登字[\w-]{8,24})")),
    "vat": ("vat", _behind(r"([A-Z]{2}\s?[A-Z0-9](?:[ .]?[A-Z0-9]){6,12})\b")),
    "epr": ("epr", _behind(r"((?:DE|FR|ES|IT|ENV)[\s_]?[A-Z0-9_/-]{6,20})\b")),
    "company": ("company", _behind(r"([A-Z0-9]{9,20})\b")),
    "transaction": ("transaction", _behind(r"((?=[A-Z0-9]*\d)[A-Z0-9]{10,24})\b")),
    "court": ("court_case", _behind(r"((?:\d:)?\d{2}-[a-z]{2}-\d{4,5}|[(（]\d{4}[)）][一-鿿\w]{4,20}号)")),
}  # fmt: skip


def identifiers(named: Cued) -> tuple[Identifier, ...]:
    """Everything that is named, in the order of the text, each once, at most MOST."""
    places = sorted({(start, kind, value) for kind, value, start, _ in _all(named)})
    found: dict[tuple[str, str], Identifier] = {}
    values: set[str] = set()
    for start, kind, value in places:
        if (kind, value) not in found and not (kind in _WEAK and value in values):
            found[kind, value] = Identifier(kind, value, _around(named.text, start, start + len(value)))
            values.add(value)
        if len(found) >= MOST:
            break
    return tuple(found.values())


#: Kinds whose words stand beside many numbers: a number that has a kind of its own keeps it.
_WEAK = frozenset({"reference", "ticket", "transaction", "company", "seller_id"})


def _all(named: Cued) -> Iterator[tuple[str, str, int, int]]:
    """Kind, value, where it begins and ends; a number found in two ways comes once, by its shape first."""
    taken: list[tuple[int, int]] = []
    if _MAY_HAVE.search(named.text):
        for kind, pattern in _BY_SHAPE:
            for match in pattern.finditer(named.text):
                if _valid(kind, match[0]) and not _overlaps(match.span(), taken):
                    taken.append(match.span())
                    yield kind, _written(kind, match[0]), *match.span()
    # The nearest word in front of a number says what it is.
    for cue in reversed(named.of("id")):
        kind, pattern = _BEHIND[cue.label]
        for match in _listed(pattern, named.text, cue.end):
            if not _overlaps(match.span(1), taken):
                if not _valid(kind, match[1]):
                    break
                taken.append(match.span(1))
                yield kind, _written(kind, match[1]), *match.span(1)


def _listed(pattern: re.Pattern[str], text: str, at: int) -> Iterator[re.Match[str]]:
    """The numbers that stand behind one word, a comma or a line between them."""
    for _ in range(MOST):
        match = pattern.match(text, at)
        if match is None:
            return
        yield match
        more = _AND.match(text, match.end(1))
        if more is None or more.end() == match.end(1):
            return
        at = more.end()


def _overlaps(span: tuple[int, int], taken: list[tuple[int, int]]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in taken)


def _written(kind: str, value: str) -> str:
    """One spelling of a number, so that the same thing is found again."""
    if kind in {"patent", "trademark", "vat", "isbn", "copyright"}:
        value = re.sub(r"[\s,]", "", value)
    return value.strip(" .,-").upper() if kind != "sku" else value.strip(" .,-")


def _around(text: str, start: int, end: int) -> str:
    """The place in the text where something stands: a few words before it, itself, what follows on the line."""
    left, right = max(0, start - _AROUND), min(len(text), end + _AROUND)
    head, tail = text[left:start].rpartition("\n"), text[end:right].partition("\n")
    before, after = head[2], tail[0]
    if left and not head[1]:
        before = before.partition(" ")[2] or before  # no half words
    if right < len(text) and not tail[1]:
        after = after.rpartition(" ")[0] or after
    return " ".join(f"{before}{text[start:end]}{after}".split())


def _valid(kind: str, value: str) -> bool:
    check = _CHECKS.get(kind)
    if set(value) <= {"0", "-", " "} or "XXXX" in value.upper() or "****" in value:
        return False  # a mask, not a number
    if _A_DATE.fullmatch(value):
        return False
    return check(re.sub(r"[\s,]", "", value).upper()) if check else True


@lru_cache(maxsize=512)
def _standard(name: str, value: str) -> bool:
    """Whether a number is valid by a published standard (length, alphabet, check digit)."""
    from importlib import import_module

    return bool(import_module(f"stdnum.{name}").is_valid(value))


def _asin(value: str) -> bool:
    return value.startswith("B0") or _standard("isbn", value)


def _vat(value: str) -> bool:
    value = value.replace(".", "")
    if value[:2] in {"GB", "XI"}:
        return _standard("gb.vat", value[2:])
    return _standard("eu.vat", value)


def _chinese_patent(value: str) -> bool:
    """The digit behind the dot: the twelve before it weighted 2 to 9 and 2 to 5, modulo 11 (CNIPA, ZC 0006-2003)."""
    number, dot, check = value.removeprefix("ZL").partition(".")
    if not dot:
        return True
    left = (
        sum(int(digit) * weight for digit, weight in zip(number, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5), strict=True))
        % 11
    )
    return check == ("X" if left == 10 else str(left))


_CHECKS: dict[str, Callable[[str], bool]] = {
    "asin": _asin,
    "ean": lambda value: _standard("ean", value),
    "isbn": lambda value: _standard("isbn", value),
    "vat": _vat,
    "company": lambda value: len(value) != 18 or _standard("cn.uscc", value),
    "patent": lambda value: _chinese_patent(value) if value.startswith("ZL") else True,
    "trademark": lambda value: 6 <= sum(c.isdigit() for c in value) <= 14,
    "epr": lambda value: sum(c.isdigit() for c in value) >= 5,
}
