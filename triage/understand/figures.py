"""What a mail measures: metrics with their targets, money with its currency, penalty points."""

from __future__ import annotations

import re
from collections.abc import Sequence

from triage.types import Metric, Money, Points
from triage.understand.cues import Cue, Cued

#: How far behind its name a metric's value stands, and how far before it.
_AHEAD, _BACK = 160, 45
_MOST = 20

_NUMBER = r"\d{1,3}(?:[.,]\d{1,3})?"
_PERCENT = re.compile(
    rf"(?P<sign>[<>≤≥＜＞]\s*=?\s*)?(?<![\d.,])(?P<n>{_NUMBER})\s*(?:[%％]|percent\b|pro(?:z|cent)|pour cent|por ciento|per cento)"
)
_SCORE = re.compile(r"(?<![\d.,%])(?P<n>\d{1,4})(?![\d.,]*\s*[%％]|\d)")
_REQUIRED_BEHIND = re.compile(
    r"\s?(?:以下|以上|以内|未満|上限|下限|(?:的|の)(?:目标|目標|要求|标准|基準|阈值)|(?:target|threshold|maximum|minimum)\b)"
)
_CLAUSE_END = re.compile(r"[。!?！？;；]|\.\s|\n\s*\n")
_CODES = {
    "us$": "USD", "$": "USD", "usd": "USD", "美元": "USD", "美金": "USD", "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR", "欧元": "EUR",
    "£": "GBP", "gbp": "GBP", "英镑": "GBP", "¥": "JPY", "￥": "CNY", "jpy": "JPY", "円": "JPY", "日元": "JPY", "cny": "CNY", "rmb": "CNY",
    "元": "CNY", "人民币": "CNY", "ca$": "CAD", "c$": "CAD", "cad": "CAD", "加元": "CAD", "a$": "AUD", "au$": "AUD", "aud": "AUD", "mx$": "MXN", "mxn": "MXN",
    "r$": "BRL", "brl": "BRL", "zł": "PLN", "pln": "PLN", "sek": "SEK", "kr": "SEK", "₺": "TRY", "tl": "TRY", "try": "TRY", "₽": "RUB", "rub": "RUB", "руб": "RUB",
    "₩": "KRW", "krw": "KRW", "원": "KRW", "฿": "THB", "thb": "THB", "rm": "MYR", "myr": "MYR", "s$": "SGD", "sgd": "SGD", "nt$": "TWD", "twd": "TWD", "₫": "VND", "vnd": "VND",
    "rp": "IDR", "idr": "IDR", "₱": "PHP", "php": "PHP", "hkd": "HKD", "hk$": "HKD", "aed": "AED", "sar": "SAR", "inr": "INR", "₹": "INR", "chf": "CHF", "czk": "CZK",
}  # fmt: skip
_AMOUNT_DIGITS = r"\d{1,3}(?:[., '\u00a0\u202f]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d{1,2})?"
_BEFORE = "|".join(re.escape(c) for c in sorted(_CODES, key=len, reverse=True) if not c.isalpha() or c in
                   {"usd", "eur", "gbp", "jpy", "cny", "rmb", "cad", "aud", "mxn", "brl", "pln", "sek", "try", "rub", "krw", "thb", "rm", "myr", "sgd", "twd", "vnd", "rp", "idr", "php", "hkd", "aed", "sar", "inr", "chf", "czk"})  # fmt: skip
_AFTER = "|".join(re.escape(c) for c in sorted(_CODES, key=len, reverse=True) if c not in {"$", "us$", "rm", "rp"})
_AMOUNT = re.compile(
    rf"(?:(?<![a-z])(?P<before>{_BEFORE})\s?(?P<first>{_AMOUNT_DIGITS})(?:\s?(?P<both>usd|eur|gbp|cad|aud|sgd|hkd))?)(?![\d%％])|"
    rf"(?<![\d.,])(?P<second>{_AMOUNT_DIGITS})\s?(?P<after>{_AFTER})(?![a-z])"
)
_MAY_COST = re.compile(
    r"[$€£¥￥₺₽₩฿₫₱₹]|元|円|원|\d\s?(?:usd|eur|gbp|jpy|cny|rmb|cad|aud|mxn|brl|pln|sek|rub|krw|thb|myr|sgd|twd|vnd|idr|php|hkd|zł|tl|kr|руб|欧|美|英镑)|(?:usd|eur|gbp|jpy|cny|rmb|cad|aud|rm|rp)\s?\d"
)
#: How near a word must stand to say what an amount is about.
_NEAR = 70
_POINTS = re.compile(r"(?<![\d.,])(\d{1,3})(?:\s*(?:/|of|von|sur|de|su|out of)\s*(\d{1,3}))?\s*(?:点|分|點|pkt|$|\b)")


def metrics(named: Cued) -> tuple[Metric, ...]:
    """Each metric that is named with a value, once, with its target where one stands beside it.

    Values as written: 1.32 for 1.32 %, unit "%"; a rating has unit "".
    """
    found: dict[str, Metric] = {}
    cues = named.of("metric")
    for number, cue in enumerate(cues):
        if cue.label in found and found[cue.label].target is not None:
            continue
        until = min(cue.end + _AHEAD, cues[number + 1].start if number + 1 < len(cues) else len(named.low))
        metric = _metric(named, cue, until)
        if metric and (cue.label not in found or metric.target is not None):
            found[cue.label] = metric
        if len(found) >= _MOST:
            break
    return tuple(found.values())


def money(named: Cued) -> tuple[Money, ...]:
    """Amounts with their currency (ISO 4217) and what they are: held, owed, fine, refund, payout, or "" if nothing says."""
    if not _MAY_COST.search(named.low):
        return ()
    cues = named.of("money")
    found: dict[tuple[str, str, str], Money] = {}
    for match in _AMOUNT.finditer(named.low):
        digits = match["first"] or match["second"]
        code = _CODES[(match["both"] or match["before"] or match["after"]).strip()]
        if code == "JPY" and match["before"] == "¥" and _is_chinese(named.low):
            code = "CNY"
        about = _nearest(cues, match.start(), match.end(), named.low)
        amount = plain_amount(digits)
        if amount is None:
            continue
        found.setdefault((amount, code, about), Money(amount, code, about, _quote(named.text, *match.span())))
        if len(found) >= _MOST:
            break
    return tuple(found.values())


def points(named: Cued) -> tuple[Points, ...]:
    """Penalty points that a mail adds or counts; of: how many close the shop, where the mail says so."""
    found: dict[int, Points] = {}
    for cue in named.of("points"):
        for low, start in (
            (named.low[cue.end : cue.end + 25], cue.end),
            (named.low[max(0, cue.start - 14) : cue.start], max(0, cue.start - 14)),
        ):
            for match in _POINTS.finditer(low):
                behind = named.low[start + match.end(1) : start + match.end(1) + 3].strip()
                before = named.low[max(0, start + match.start(1) - 2) : start + match.start(1)]
                if (behind[:1] in {"%", ".", ","} and behind[1:2].isdigit()) or behind[:1] == "%" or "$" in before:
                    continue
                value, of = int(match[1]), int(match[2]) if match[2] else None
                if value and (of is None or of >= value):
                    found.setdefault(value, Points(value, of, _quote(named.text, cue.start, cue.end)))
                    break
            else:
                continue
            break
    return tuple(found.values())[:_MOST]


def plain_amount(digits: str) -> str | None:
    """An amount as a plain decimal: "1.234,56" and "1,234.56" are both 1234.56."""
    digits = re.sub(r"[ '\u00a0\u202f]", "", digits)
    point = max(digits.rfind("."), digits.rfind(","))
    if point < 0:
        return digits if len(digits) <= 15 else None
    head, tail = re.sub(r"[.,]", "", digits[:point]), digits[point + 1 :]
    if len(tail) == 3 and head != "0":
        return head + tail
    return f"{head}.{tail}"


def _metric(named: Cued, cue: Cue, until: int) -> Metric | None:
    if cue.label == "health_rating":
        return _rating(named, cue, until)
    value: float | None = None
    target: float | None = None
    targets = named.of("target")
    for match in _PERCENT.finditer(named.low, cue.end, until):
        if _CLAUSE_END.search(named.low, cue.end, match.start()) and (
            value is not None and not _is_target(match, targets, named.low)
        ):
            break
        number = float(match["n"].replace(",", "."))
        if _is_target(match, targets, named.low) or (
            value is not None and target is None and "|" in named.low[cue.end : match.start()]
        ):
            target = number if target is None else target
        elif value is None:
            value = number
    if value is None:
        for match in _PERCENT.finditer(named.low, max(0, cue.start - _BACK), cue.start):
            if not _CLAUSE_END.search(named.low, match.end(), cue.start) and not _is_target(match, targets, named.low):
                value = number = float(match["n"].replace(",", "."))
    if value is None:
        return None
    return Metric(cue.label, value, target, "%", _quote(named.text, cue.start, min(until, cue.end + 60)))


def _rating(named: Cued, cue: Cue, until: int) -> Metric | None:
    for match in _SCORE.finditer(named.low, cue.end, min(until, cue.end + 60)):
        if int(match["n"]) <= 1000:
            return Metric(cue.label, float(match["n"]), None, "", _quote(named.text, cue.start, match.end()))
    return None


def _is_target(match: re.Match[str], targets: Sequence[Cue], low: str) -> bool:
    """Whether a percentage is what is required rather than what is: a sign before it, or a word of requiring."""
    if match["sign"]:
        return True
    start = match.start("n")
    for cue in targets:
        if (
            start - 28 <= cue.start
            and cue.end <= start
            and "%" not in low[cue.end : start]
            and not _CLAUSE_END.search(low, cue.end, start)
        ):
            return True
    return _REQUIRED_BEHIND.match(low, match.end()) is not None


def _nearest(cues: Sequence[Cue], start: int, end: int, low: str) -> str:
    best, distance = "", _NEAR
    for cue in cues:
        away = start - cue.end if cue.end <= start else cue.start - end if cue.start >= end else 0
        between = low[cue.end : start] if cue.end <= start else low[end : cue.start]
        if 0 <= away < distance and not _CLAUSE_END.search(between):
            best, distance = cue.label, away
    return best


def _is_chinese(low: str) -> bool:
    return any("\u4e00" <= c <= "\u9fff" for c in low[:400]) and not any("\u3040" <= c <= "\u30ff" for c in low[:800])


def _quote(text: str, start: int, end: int) -> str:
    """The words around a place, on one line."""
    left = max(text.rfind("\n", 0, start) + 1, start - 40)
    right = text.find("\n", end)
    right = min(end + 40, len(text) if right < 0 else right)
    return " ".join(text[left:right].split())
