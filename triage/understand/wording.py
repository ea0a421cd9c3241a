"""How limits and dates are written in each language, compiled once from deadlines.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from triage.phrases import Finder

_LETTER = r"[^\W\d_]"
_DIGITS = re.compile(r"\d+")
TODAY = ("today", "heute", "aujourd'hui", "hoy", "oggi", "hoje", "今天", "今日中", "本日中", "今日", "本日")
TOMORROW = ("tomorrow", "morgen", "demain", "mañana", "domani", "amanhã", "明天", "明日中", "明日")
DAY_WORDS = (*TODAY, *TOMORROW)


@dataclass(frozen=True, slots=True)
class Wording:
    """Patterns of limits and dates. Those that end in _before match what stands directly before a place."""

    span: re.Pattern[str]  # a length of time: n or word, and one group a unit
    numbers: dict[str, int]
    label_words: tuple[str, ...]  # one of them stands before a place where label_before can match
    exclusive_words: tuple[str, ...]  # the same of exclusive_before
    limit_before: re.Pattern[str]
    weak_before: re.Pattern[str]
    label_before: re.Pattern[str]
    by_before: re.Pattern[str]
    exclusive_before: re.Pattern[str]
    purpose_after: re.Pattern[str]
    within: re.Pattern[str]
    then_inclusive: re.Pattern[str]
    then_exclusive: re.Pattern[str]
    age_before: re.Pattern[str]
    paper_before: re.Pattern[str]
    paper_after: re.Pattern[str]
    platform_acts: re.Pattern[str]
    other: re.Pattern[str]
    binding: re.Pattern[str]
    threat: re.Pattern[str]
    always: re.Pattern[str]
    when_before: re.Pattern[str]
    later_after: re.Pattern[str]
    month: str
    months: dict[str, int]
    weekday: str
    weekdays: tuple[re.Pattern[str], ...]
    zone: str
    zones: tuple[tuple[re.Pattern[str], str], ...]


def starts(text: str) -> list[int]:
    """Where a length of time or a day may begin: at numbers, and at words for numbers, months and days; in order.

    Trying the patterns there alone takes a tenth of what searching takes.
    """
    low = text.lower()
    if len(low) != len(text):  # a capital I with a dot becomes two
        low = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    found = {match.start() for match in _DIGITS.finditer(text)}
    for at, _, bounded in _finder().found(low):
        if not (bounded and at and low[at - 1].isalpha() and low[at - 1] < "\u2e80"):
            found.add(at)
    return sorted(found)


@lru_cache(maxsize=1)
def _finder() -> Finder[bool]:
    say = wording()
    words = {*say.numbers, *say.months, "令和", *DAY_WORDS, *"本这這下来当當今次"}
    weekdays = _table()["weekdays"].values()
    words |= {re.sub(r"日\?$", "", word) for row in weekdays for word in row.split("|")}
    return Finder({word.lower(): word[0] < "\u2e80" for word in words})


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, str]]:
    return tomllib.loads((files("triage.understand") / "deadlines.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def wording() -> Wording:
    """All patterns."""
    table = _table()

    def whole(words: str) -> str:
        """Words that stand alone where their script has blanks."""
        parts = words.split("|") if "(" not in words else _alternatives(words)
        return "|".join(_bounded(part) for part in sorted(set(parts), key=len, reverse=True))

    def begun(words: str) -> str:
        """Words, or the beginnings of words."""
        return "|".join(f"(?:{_bounded(part, right=False)})" for part in _alternatives(words))

    def joined(name: str) -> str:
        return whole("|".join(table[name].values()))

    def pattern(body: str) -> re.Pattern[str]:
        return re.compile(body, re.IGNORECASE)

    numbers = {
        word: int(n) for n, words in table["numbers"].items() for word in _alternatives(words) if not word.isdigit()
    }
    plain_numbers = {_expand: value for word, value in numbers.items() for _expand in _expanded(word)}
    number_words = "|".join(
        re.escape(word) if word >= "\u2e80" else rf"(?<!{_LETTER}){re.escape(word)}(?!{_LETTER})"
        for word in sorted(plain_numbers, key=len, reverse=True)
    )
    units = "|".join(
        f"(?P<{unit}>{'|'.join(_unit(p) for p in _alternatives(table['units'][unit]))})"
        for unit in ("business", "hours", "weeks", "months", "days")
    )
    zone_rows = [(iana, "|".join(_bounded(p) for p in _alternatives(words))) for iana, words in table["zones"].items()]
    offset = r"(?:utc|gmt)\s*[+\-−–]\s*\d{1,2}(?::?\d{2})?"
    months = {name: int(n) for n, words in table["months"].items() for name in words.split("|")}
    filler = (
        r"(?:[\s:：,，.\"“”'(（*|-]|\b(?:the|an?|of|next|maximum|max|at most|exactly|only|further|additional|another|von|der|den|einer|eines|die|nächsten|"
        r"kommenden|maximal|höchstens|frist|noch|zeit|un|une|le|la|les|des?|du|délai|maximum|prochain(?:e?s)?|encore|el|los|las|plazo|máximo|próximos|próximas|del?|il|lo|i|gli|"
        r"e non oltre|termine|massimo|prossim[ei]|ancora|receipt|receiving|this|your|notice|notification|e-?mail|message|letter|is|ist|est|es|è|de um|da|do|"
        r"tempo|até|dessa|desta|nach|erhalt|heute|ab|today|now|from|date|aujourd.hui|dès|hoy|partir|oggi|dieser|nachricht|mitteilung|e-mail|a compter|à|compter|réception|ce|cet|message|courriel|recibir|recepción|este|correo|mensaje|ricezione|"
        r"questa|presente|comunicazione|solamente|sólo|solo|nur|seulement|bis|zu|okres|czasu)\b|为|是|在|的|收到|本|邮件|通知|之日起|此|后|後|起|日|内|共|约|约为|至|到|最多|不超过|,|、)"
    )
    date_filler = (
        r"(?:[\s:：,，.\"“”'(（*|-]|\b(?:the|on|at|is|of|day|date|end|close|business|le|la|el|il|lo|l|den|dem|der|am|um|est|ist|es|è|día|jour|tag|giorno|dia|data|datum|fecha|"
        r"h|uhr|ore|las|a las|alle|à|às|om|kl|midnight|noon|11:59|23:59|no later than|latest)\b|l'|为|是|在|于|日|"
        + rf"{whole('|'.join(table['weekdays'].values()))}|\d{{1,2}}[:.h]\d{{2}}(?::\d\d)?|\d{{1,2}}\s?(?=[ap]\.?m|uhr)|[ap]\.?\s?m\.?\b|{offset}|{'|'.join(row for _, row in zone_rows)})"
    )
    return Wording(
        span=pattern(
            rf"(?:(?<!\d)(?<!\d[.,:/-])(?:(?P<times>\d)\s?[×xX*]\s?)?(?P<n>\d{{1,3}})(?:\s?(?:-|–|~|～|to|or|bis|oder|à|ou|a|o|至|到|或|から|do)\s?\d{{1,3}})?|(?P<word>{number_words}))"
            rf"(?:\s*[(（][^()（）\n]{{1,14}}[)）])?[)）]?[\s\u00a0-]*(?:{units})"
        ),
        numbers=plain_numbers,
        label_words=_cores(table["label"].values()),
        exclusive_words=_cores(table["before"].values()),
        limit_before=pattern(rf"(?P<cue>{joined('limit')}){filler}{{0,14}}$"),
        weak_before=pattern(
            rf"(?P<cue>{whole('in|en|em|after|nach|après|tras|dopo|up to|for a period of|period of|have|has|ha|hai|haben|avez|tem|tiene|har|于|於|后|於|od|po')}){filler}{{0,10}}$"
        ),
        label_before=pattern(
            rf"(?:{joined('label')})[^.。\n:：]{{0,28}}?(?:\s*(?:[(（][^()（）\n]{{1,24}}[)）])?\s*(?:[:：|为是(（]|\b(?:ist|is|est|es|è|was|at|on|beträgt|läuft|dura)\b)|(?<=[\u2e80-\uffff])\s+)"
            rf"(?:\s*(?:fixée? au|set (?:for|to)|fijad[ao] (?:en|para) el|fissat[ao] (?:al|per il)|festgelegt auf|di|de|von|of))?\s*{date_filler}{{0,14}}{filler}{{0,4}}$"
        ),
        by_before=pattern(rf"(?:{joined('by')}){date_filler}{{0,14}}$"),
        exclusive_before=pattern(rf"(?:{joined('before')}){date_filler}{{0,14}}$"),
        purpose_after=pattern(rf"^\s*,?\s*(?:{whole(table['purpose']['any'])})"),
        within=pattern(rf"^\s*(?:{table['within']['any']})"),
        then_inclusive=pattern(rf"^[\s)）]*(?:{table['then']['inclusive']})"),
        then_exclusive=pattern(rf"^[\s)）]*(?:{table['then']['exclusive']})"),
        age_before=pattern(rf"(?:{whole(table['not']['age'])})[\s(（]*$"),
        paper_before=pattern(rf"(?:{whole(table['not']['paper'])})[^.。\n]{{0,9}}$"),
        paper_after=pattern(rf"^.{{0,4}}(?:{whole(table['not']['paper'])})"),
        platform_acts=pattern(begun(table["not"]["platform_acts"])),
        other=pattern(begun(table["not"]["other"])),
        binding=pattern(begun(table["binding"]["any"])),
        threat=pattern(table["threat"]["any"]),
        always=pattern(begun(table["not"]["always"])),
        when_before=pattern(rf"(?:{whole(table['when']['any'])}){date_filler}{{0,8}}$"),
        later_after=pattern(r"^\s*(?:后|後|以后|以後|之后|later\b)"),
        month="|".join(sorted(map(re.escape, months), key=len, reverse=True)),
        months=months,
        weekday=whole("|".join(table["weekdays"].values())),
        weekdays=tuple(pattern(rf"^(?:{whole(words)})$") for words in table["weekdays"].values()),
        zone=rf"(?:{offset}|{'|'.join(row for _, row in zone_rows)})",
        zones=tuple((pattern(rf"^(?:{row})$"), iana) for iana, row in zone_rows),
    )


def _alternatives(words: str) -> list[str]:
    """The alternatives of a row at its top level: a bar inside brackets parts nothing."""
    parts, depth, start = [], 0, 0
    for at, character in enumerate(words):
        depth += (character == "(") - (character == ")")
        if character == "|" and depth == 0:
            parts.append(words[start:at])
            start = at + 1
    return [*parts, words[start:]]


def _cores(rows: Iterable[str]) -> tuple[str, ...]:
    """Of every alternative the longest run of letters that must be there, lower-case: whether a text has any is soon seen."""
    found = set()
    for row in rows:
        for part in _alternatives(row):
            plain = part
            for _ in range(3):  # groups inside groups
                plain = re.sub(r"\((?:\?[:!=]|\?<[!=])?[^()]*\)\??", "|", plain)
            plain = re.sub(r"\[[^\]]*\](?:\{[^}]*\}|[*+?])?\??|.[?*]", "|", plain)
            found.add(max(re.split(r"[|\\.+{}^$]", plain), key=len).strip().lower())
    return tuple(sorted(found - {""}, key=len))


def _bounded(part: str, *, right: bool = True) -> str:
    """A pattern that does not begin or end inside a word, where its script has blanks."""
    head = part.lstrip("(?:")[:1]
    left = rf"(?<!{_LETTER})" if head and head < "\u2e80" and (head.isalpha() or head == "'") else ""
    tail = part.rstrip(")?*+.:")[-1:]
    end = (
        rf"(?!{_LETTER})"
        if right and tail and tail < "\u2e80" and tail.isalpha() and part[-1:] not in {"*", "+", "-"} and tail != ":"
        else ""
    )
    return f"{left}(?:{part}){end}"


def _unit(part: str) -> str:
    """A unit: a word ends where it does, one of Chinese or Japanese anywhere."""
    return part if part.lstrip("(?:")[:1] >= "\u2e80" or "个" in part else f"(?:{part})(?![a-zà-ÿ])"


def _expanded(word: str) -> list[str]:
    """The spellings that a number word with optional endings stands for."""
    found = re.fullmatch(r"([^\[(]*)(?:\[(\w+)\](\?)?|\(\?:([^)]*)\)(\?)?)?([^\[(]*)", word)
    if found is None:
        return [word]
    head, letters, optional, group, group_optional, tail = found.groups()
    ends = list(letters) if letters else group.split("|") if group else [""]
    if optional or group_optional:
        ends.append("")
    stems = [head]
    if head.endswith("?") and len(head) > 1:
        stems = [head[:-2], head[:-1]]
    if tail.endswith("?") and len(tail) > 1:
        return [f"{s}{e}{t}" for s in stems for e in ends for t in (tail[:-2], tail[:-1])]
    return [f"{s}{e}{tail}" for s in stems for e in ends]
