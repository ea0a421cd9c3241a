"""An invitation without a covering text: what it is about, when and where (RFC 5545)."""

from __future__ import annotations


def text_of(source: str) -> str:
    """Summary, time, place and description of each event, a line each; "" for what is no calendar."""
    # A calendar alone is one mail in thousands; the library costs memory in every daemon.
    from icalendar import Calendar

    try:
        calendar = Calendar.from_ical(source)
        events = list(calendar.walk("VEVENT"))[:20]
        lines = []
        for event in events:
            start = event.get("DTSTART")
            lines += [
                str(event.get("SUMMARY", "")),
                str(start.dt) if start is not None and hasattr(start, "dt") else "",
            ]
            lines += [str(event.get("LOCATION", "")), str(event.get("DESCRIPTION", ""))]
    except (ValueError, KeyError, IndexError, AttributeError, TypeError):
        return ""
    return "\n".join(line for line in lines if line.strip())
