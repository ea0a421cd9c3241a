"""Moments as the database keeps them: UTC, ISO 8601, always with milliseconds, so that text order is time order."""

from __future__ import annotations

from datetime import UTC, datetime


def stored(moment: datetime) -> str:
    """The moment as text. It must carry a zone."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def moment(text: str) -> datetime:
    """The moment that stored() wrote."""
    return datetime.fromisoformat(text)


def maybe_moment(text: str | None) -> datetime | None:
    """The same for a column that may be NULL."""
    return moment(text) if text else None
