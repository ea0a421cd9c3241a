"""Which version was put into use when, by whom and why: a line of JSON each, in the registry's own folder."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from triage.errors import ModelError

_FILE = "journal.jsonl"
#: Who puts versions into use where nobody is named.
BY = "triage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change of the version in use."""

    version: str
    before: str  # the version it replaced; "" for the first one
    at: datetime
    by: str
    why: str
    forced: bool = False  # in spite of figures that are worse


def add(folder: Path, entry: Entry) -> None:
    """Write a line down; whole, or not at all.

    Raises:
        ModelError: it cannot be written.
    """
    line = json.dumps(
        {**asdict(entry), "at": entry.at.astimezone(UTC).isoformat(timespec="seconds")}, ensure_ascii=False
    )
    try:
        with (folder / _FILE).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ModelError(f"{folder / _FILE}: cannot be written: {error.strerror}; the model in use stays") from error


def entries(folder: Path) -> list[Entry]:
    """All that can be read, the oldest first. A line that a full disk cut off says nothing."""
    found: list[Entry] = []
    with suppress(OSError):
        for line in (folder / _FILE).read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError, TypeError, KeyError):
                content = json.loads(line)
                found.append(Entry(**{**content, "at": datetime.fromisoformat(content["at"])}))
    return found


def before(folder: Path, version: str) -> str:
    """The version that was in use before this one came; "" if nothing is known of it."""
    return next((entry.before for entry in reversed(entries(folder)) if entry.version == version), "")
