"""What the pages say, and how they say dates and numbers, in each language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent

LANGUAGES = ("en", "zh")
#: Of these Babel knows how dates and numbers are written.
_LOCALES = {"en": "en_GB", "zh": "zh_Hans_CN"}


@lru_cache(maxsize=1)
def words() -> Mapping[str, Mapping[str, str]]:
    """Every word of the pages, by language and key."""
    return tomllib.loads((files("triage.web") / "words.toml").read_text(encoding="utf-8"))


def moment(at: datetime, zone: ZoneInfo, language: str) -> str:
    """A day and a time, in a zone: "24 Nov 2026, 14:05", "2026年11月24日 14:05"."""
    return format_datetime(at.astimezone(zone), _PATTERNS[language], locale=_LOCALES[language])


def day(at: date, language: str) -> str:
    """A day with its weekday."""
    return format_date(at, "EEEE, d MMMM" if language == "en" else "M月d日 EEEE", locale=_LOCALES[language])


def share(value: float, language: str) -> str:
    """A number between 0 and 1 as a percentage."""
    return format_percent(value, "#,##0 %" if language == "en" else "#,##0%", locale=_LOCALES[language])


def number(value: float, language: str) -> str:
    """A number with its thousands parted."""
    return format_decimal(value, locale=_LOCALES[language])


_PATTERNS = {"en": "d MMM yyyy, HH:mm", "zh": "yyyy年M月d日 HH:mm"}
