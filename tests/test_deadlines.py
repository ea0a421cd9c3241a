"""Some hundred phrases, each with the moment a careful reader takes it for (tests/data/deadlines.jsonl).

Written on Monday, 23 November 2026, 09:00 UTC, for an account in Shanghai. expected: "+72h", "+7d", "+3b" (business days);
a day, which ends with its last minute, "<" before it if the day itself is too late; a clock and zone behind it; null for none.
"""

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from triage.understand.deadline import deadline

WRITTEN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
PHRASES = [json.loads(line) for line in (Path(__file__).parent / "data" / "deadlines.jsonl").read_text().splitlines()]


def expected(said: str | None) -> datetime | None:
    if said is None:
        return None
    if said.startswith("+"):
        number, unit = int(said[1:-1]), said[-1]
        if unit in "hd":
            return WRITTEN + (timedelta(hours=number) if unit == "h" else timedelta(days=number))
        at = WRITTEN
        while number:
            at += timedelta(days=1)
            number -= at.weekday() < 5
        return at
    day, *rest = said.lstrip("<").split()
    clock, zone = time(0, 0) if said.startswith("<") else time(23, 59), SHANGHAI
    for part in rest:
        if ":" in part:
            clock = time.fromisoformat(part)
        else:
            zone = ZoneInfo(part)
    return datetime.combine(date.fromisoformat(day), clock, zone).astimezone(UTC)


def read(phrase: dict[str, str]) -> datetime | None:
    found = deadline(phrase["text"], WRITTEN, SHANGHAI)
    return found.at if found else None


def test_nearly_all_phrases_are_read_exactly_and_none_too_late():
    wrong = [p for p in PHRASES if read(p) != expected(p["expected"])]
    late = [p for p in wrong if expected(p["expected"]) and (read(p) is None or read(p) > expected(p["expected"]))]
    assert len(PHRASES) >= 300
    assert {"en", "zh", "de", "fr", "es", "it", "ja"} <= {p["lang"] for p in PHRASES}
    assert len(wrong) <= 0.03 * len(PHRASES), wrong
    assert late == []


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("Please respond within 72 hours.", "2026-11-23T00:30"),
        ("Submit your appeal by December 1, 2026.", "2026-12-01T15:59"),
    ],
)
def test_a_limit_counts_from_the_original_mail_not_from_its_forward(text, at):
    friday = datetime(2026, 11, 20, 0, 30, tzinfo=UTC)
    found = deadline(text, friday, SHANGHAI)
    assert found is not None
    assert found.at.isoformat()[:16] == at


def test_business_days_skip_the_weekend():
    friday = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    found = deadline("within 3 business days", friday, SHANGHAI)
    assert found is not None
    assert found.at == datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


def test_a_day_that_may_be_two_is_the_earlier_one_that_is_not_past():
    found = deadline("Respond by 03/12/2026.", WRITTEN, SHANGHAI)  # 12 March is past
    assert found is not None
    assert found.at.date() == date(2026, 12, 3)
    soon = deadline("Respond by 05/06/2027.", datetime(2027, 4, 1, tzinfo=UTC), SHANGHAI)
    assert soon is not None
    assert soon.at.date() == date(2027, 5, 6)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/Los_Angeles", "UTC"])
def test_a_day_without_a_zone_ends_in_the_accounts(zone):
    found = deadline("by December 1, 2026", WRITTEN, ZoneInfo(zone))
    assert found is not None
    assert found.at.astimezone(ZoneInfo(zone)).isoformat()[:16] == "2026-12-01T23:59"


def test_a_limit_that_is_past_is_none():
    assert deadline("Respond by November 1, 2026.", WRITTEN, SHANGHAI) is None


def test_the_words_of_a_limit_are_kept():
    found = deadline("Hello. You must reply within 72 hours of this notice.", WRITTEN, SHANGHAI)
    assert found is not None
    assert found.text == "within 72 hours"
