"""Letters from the facts of a case: what is known is filled in, what only the seller knows is a marked blank.

Nothing is invented: every value comes from a mail of the case, a tick of a person or a playbook. Words of mails are
escaped before a template sees them, and templates run in Jinja's sandbox: a user may write their own.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from triage.advice.playbook import Playbooks
from triage.errors import ConfigError, UsageError
from triage.glossary import called
from triage.labels import PLATFORM_NAMES, Cause, Platform, SenderVerdict, Stage
from triage.types import Advice, Case, Facts


class Letter(StrEnum):
    """Kinds of letter."""

    PLAN = "plan"
    DISPUTE = "dispute"
    LICENCE = "licence"
    RETRACTION = "retraction"
    COUNTER_NOTICE = "counter_notice"
    SUBMISSION = "submission"


#: Which letters answer what a playbook says a cause is answered with; the first is meant if none is named, but over a
#: right a person must choose: whether it infringes at all comes before any letter.
LETTERS: dict[str, tuple[Letter, ...]] = {
    "plan": (Letter.PLAN,),
    "rights": (Letter.DISPUTE, Letter.LICENCE, Letter.RETRACTION, Letter.COUNTER_NOTICE, Letter.PLAN),
    "submission": (Letter.SUBMISSION,),
    "none": (),
}
#: What a platform reads where it is not the language of its own mail.
_READS = {
    Platform.MERCADOLIBRE: "es",
    Platform.COUPANG: "ko",
    Platform.RAKUTEN: "ja",
    Platform.OTTO: "de",
    Platform.KAUFLAND: "de",
    Platform.CDISCOUNT: "fr",
    Platform.LAZADA: "en",
}
#: Platforms that are run in Chinese for Chinese sellers; the others write Chinese, but read it unwillingly.
_CHINESE = frozenset(
    {Platform.TEMU, Platform.ALIEXPRESS, Platform.ALIBABA, Platform.SHEIN, Platform.SHOPEE, Platform.TIKTOK_SHOP}
)
_LISTINGS = ("asin", "item", "sku", "fnsku")
_MOST_NUMBERS = 60
#: Characters that mean something in Markdown, and the brackets of a blank.
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~!])")
_LIST_START = re.compile(r"^(\s*)([-+=]|\d+[.)])")
_OPEN, _CLOSE = "[[", "]]"
BLANK = re.compile(r"\[\[(.+?)\]\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Notice:
    """The mail that is answered."""

    subject: str
    received_at: datetime


def letters_for(case: Case, books: Playbooks) -> tuple[Letter, ...]:
    """The letters that can answer a case, the usual one first.

    Raises:
        UsageError: it is no case to answer, and why.
    """
    if case.sender is SenderVerdict.FORGED:
        raise UsageError(
            f"case {case.id} is a forged mail: answer nothing; if it is genuine: triage genuine {case.id}", "forged"
        )
    if case.cause is Cause.NONE:
        raise UsageError(
            f"case {case.id} is not a warning, so there is nothing to answer; to correct it: triage reclassify {case.id}",
            "no_warning",
        )
    if case.stage is Stage.REINSTATED:
        raise UsageError(f"case {case.id} is won; there is nothing to answer", "won")
    letters = LETTERS[books.of(case.cause).answer]
    if not letters:
        raise UsageError(
            f"case {case.id}: its reason is not known, and a guess becomes a confession; ask the platform, then: "
            f"triage reclassify {case.id} --cause ...",
            "no_reason",
        )
    return letters


def letter_language(case: Case) -> str:
    """The language a platform reads; that of its mail where we write it, else English."""
    if case.platform is Platform.MERCADOLIBRE and "BR" in case.marketplaces:
        return "pt"
    if case.platform in _READS:
        return _READS[case.platform]
    if case.language == "zh" and case.platform not in _CHINESE:
        return "en"
    return case.language if case.language in languages() else "en"


def languages() -> tuple[str, ...]:
    """The languages letters are written in."""
    return tuple(name for name in _tables() if name != "hints")


def draft(
    case: Case,
    letter: Letter,
    told: Advice,
    facts: Facts,
    books: Playbooks,
    notice: Notice,
    *,
    language: str,
    zone: ZoneInfo,
    own: Path | None = None,
) -> str:
    """A letter as Markdown. Blanks stand in [[double brackets]], their hints in the language of the advice.

    told: the advice in the seller's language, with what is ticked; language: the letter's; own: a user's folder, whose
    ``letters/`` are taken before ours.

    Raises:
        UsageError: the letter does not fit the case.
        ConfigError: a template of the user's is broken; with file and line.
    """
    if letter is Letter.COUNTER_NOTICE:
        language = "en"  # a declaration under a law of the United States
        kinds = {each.kind for each in facts.ids}
        if "copyright" not in kinds and kinds & {"trademark", "patent"}:
            right = "trademark" if "trademark" in kinds else "patent"
            raise UsageError(
                f"case {case.id} is about a {right}: a counter-notice exists for copyright alone", "copyright_only"
            )
    book = books.of(case.cause)
    say, hint = _tables()[language], _tables()["hints"]["zh" if told.language == "zh" else "en"]
    same = language == told.language
    values: dict[str, Any] = {
        "say": {name: text.replace("{platform}", PLATFORM_NAMES[case.platform]) for name, text in say.items()},
        "hint": hint,
        "blank": blank,
        "notice": say["notice"].format(date=f"{notice.received_at.astimezone(zone):%Y-%m-%d}", subject=escaped(notice.subject)),
        "request": say[_request(case)],
        "particulars": _particulars(case, facts, language, say, to_owner=letter is Letter.RETRACTION),
        "again": case.attempts > 0 or case.stage in {Stage.APPEAL_DENIED, Stage.APPEAL_MORE_INFO},
        "plan": {
            part: [words.say(told.language) for words in getattr(book.plan, part)] for part in ("cause", "done", "prevent")
        },
        "done": _done(told, language, zone, hint, case, books),
        "annexes": [task.text if same else blank(f"{hint['translate']} {task.text}") for task in told.evidence if task.done_at],
        "lacking": [task.text for task in told.evidence if not task.done_at and (task.asked or not facts.documents)],
        "linked": case.cause is Cause.LINKED_ACCOUNTS,
        "owner": _owner(facts),
        "store": escaped(case.store or case.account),
    }  # fmt: skip
    return _rendered(letter, values, own)


def blank(hint: str) -> str:
    """A place only the seller can fill."""
    return f"{_OPEN}{' '.join(hint.split())}{_CLOSE}"


def escaped(text: str) -> str:
    """A stranger's words on one line of Markdown: nothing in them is markup, a blank or a line of its own."""
    clean = "".join(" " if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"} else c for c in text)
    clean = _MARKDOWN.sub(r"\\\1", " ".join(clean.split()))
    return _LIST_START.sub(r"\1\\\2", clean)


def _owner(facts: Facts) -> str:
    if facts.rights_owner is None:
        return ""
    name, email = facts.rights_owner.name, facts.rights_owner.email
    return escaped(email if "@" in name else " ".join(filter(None, (name, email))))


def _request(case: Case) -> str:
    if case.stage in {Stage.SUSPENDED, Stage.RESTRICTED, Stage.APPEAL_DENIED, Stage.APPEAL_MORE_INFO}:
        return "request_account"
    return "request_listing" if case.stage is Stage.LISTING_REMOVED else "request_matter"


def _particulars(
    case: Case, facts: Facts, language: str, say: Mapping[str, str], *, to_owner: bool
) -> list[tuple[str, str]]:
    """What identifies the matter. A rights owner is told only what it needs."""
    of_matter = [
        f"{called(each.kind, language)} {each.value}"
        for each in facts.ids
        if each.kind in {"case", "complaint", "violation", "ticket", "reference", "trademark", "copyright", "patent"}
    ]
    listings = [f"{called(each.kind, language)} {each.value}" for each in facts.ids if each.kind in _LISTINGS]
    metrics = [
        f"{called(m.name, language)} {m.value:g}{m.unit}" + (f" ({say['target']} {m.target:g}{m.unit})" if m.target is not None else "")
        for m in facts.metrics
    ]  # fmt: skip
    rows = [
        (say["store"], [case.store or case.account]),
        (say["numbers"], of_matter),
        (say["listings"], listings),
        (say["metrics"], [] if to_owner else metrics),
        (say["policies"], [] if to_owner else list(facts.policies[:4])),
    ]
    return [(label, ", ".join(escaped(value) for value in values[:_MOST_NUMBERS])) for label, values in rows if values]


def _done(
    told: Advice, language: str, zone: ZoneInfo, hint: Mapping[str, str], case: Case, books: Playbooks
) -> list[dict[str, str]]:
    """What was ticked and belongs into a letter, with its day. In a language we have no words for: a blank that says it."""
    words = {step.id: step for step in (*books.general.steps, *books.of(case.cause).steps)}
    rows = []
    for task in told.done:
        step = words.get(task.name)
        if step is None or not step.did("en") or task.done_at is None:
            continue
        text = (
            step.did(language) if language in {"en", "zh"} else blank(f"{hint['translate']} {step.did(told.language)}")
        )
        rows.append({"date": f"{task.done_at.astimezone(zone):%Y-%m-%d}", "text": text})
    return rows


def _rendered(letter: Letter, values: Mapping[str, Any], own: Path | None) -> str:
    name = f"{letter}.md.jinja"
    try:
        text = _environment(own).get_template(name).render(values)
    except TemplateSyntaxError as error:
        raise ConfigError(f"{error.filename or name}, line {error.lineno}: {error.message}") from error
    except TemplateError as error:
        raise ConfigError(f"{own / 'letters' / name if own else name}: {error.message}") from error
    except (TypeError, ValueError, ZeroDivisionError, OverflowError, MemoryError) as error:
        raise ConfigError(f"{own / 'letters' / name if own else name}: {error}") from error
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def parsed(own: Path) -> int:
    """Read the letters of a user's folder without writing one; how many there are.

    Raises:
        ConfigError: one is broken; with file and line.
    """
    found = [letter for letter in Letter if (own / "letters" / f"{letter}.md.jinja").exists()]
    for letter in found:
        try:
            _environment(own).get_template(f"{letter}.md.jinja")
        except TemplateSyntaxError as error:
            raise ConfigError(f"{error.filename}, line {error.lineno}: {error.message}") from error
    return len(found)


def _environment(own: Path | None) -> ImmutableSandboxedEnvironment:
    ours = PackageLoader("triage.advice", "letters")
    return ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([FileSystemLoader(own / "letters"), ours]) if own else ours,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )


@lru_cache(maxsize=1)
def _tables() -> dict[str, Any]:
    return tomllib.loads((files("triage.advice") / "letters.toml").read_text(encoding="utf-8"))
