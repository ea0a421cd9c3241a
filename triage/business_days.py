"""Days on which offices work: Monday to Friday. Holidays are not known."""

from __future__ import annotations

from datetime import datetime, timedelta


def after_business_days(start: datetime, number: int) -> datetime:
    """The same time of day so many business days later."""
    at = start
    while number > 0:
        at += timedelta(days=1)
        number -= at.weekday() < 5
    return at
