"""Training and evaluation data: JSON lines, each a mail with its labels. A bad line is named, never skipped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from triage.errors import CorpusError
from triage.labels import Cause, Platform, Stage
from triage.mail.reading import from_fields
from triage.types import Mail


def _causes(value: object) -> object:
    """A list, or one string with commas or nothing in it."""
    if value is None or value == "":
        return ()
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


class Row(BaseModel):
    """One line. Only ``cause`` and some text are required."""

    model_config = ConfigDict(frozen=True, extra="ignore", validate_by_name=True)

    id: str | int = ""
    group: str = ""
    sender: str | None = Field(default="", alias="from")
    subject: str | None = ""
    body: str | None = ""
    received_at: Annotated[datetime | None, BeforeValidator(lambda value: value or None)] = None
    cause: Cause
    also: Annotated[tuple[Cause, ...], BeforeValidator(_causes)] = ()
    stage: Stage | None = None
    platform: Platform | None = None
    lang: str | None = ""
    weight: float = 1.0

    def mail(self) -> Mail:
        """The row as the understanding sees it."""
        moment = self.received_at
        if moment is not None and moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return from_fields(
            sender=self.sender or "", subject=self.subject or "", body=self.body or "", received_at=moment
        )


@dataclass(frozen=True, slots=True)
class Corpus:
    """All rows of some files, and what identifies them."""

    rows: tuple[Row, ...]
    digest: str  # SHA-256 over the files, hex


def folder() -> Path:
    """Where the corpus that comes with Triage lies."""
    checkout = Path(__file__).resolve().parents[2] / "training_data"
    return checkout if checkout.is_dir() else Path(__file__).resolve().parents[1] / "_training_data"


def load(paths: Sequence[Path], *, to_learn: bool = False) -> Corpus:
    """The rows of JSONL files, in order.

    to_learn: a row without any text is refused; when a model is measured it is judged like any mail.

    Raises:
        CorpusError: a file or line that cannot be used, by name and number.
    """
    digest = hashlib.sha256()
    rows: list[Row] = []
    for path in paths:
        for number, line in lines(path):
            digest.update(line.encode())
            found = row(line, path, number)
            if to_learn and not f"{found.subject or ''}{found.body or ''}".strip():
                raise CorpusError(f"{path}:{number}: neither subject nor body has any text; remove the line")
            rows.append(found)
    return Corpus(tuple(rows), digest.hexdigest())


def shipped() -> Corpus:
    """The corpus that comes with Triage."""
    found = sorted(folder().glob("*.jsonl"))
    if not found:
        raise CorpusError(f"{folder()}: there are no *.jsonl files to train from; reinstall Triage")
    return load(found, to_learn=True)


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Line numbers from 1 and the lines that are not blank."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not UTF-8 text (byte {error.start})") from error


def row(line: str, path: Path, number: int) -> Row:
    """One line as a Row."""
    try:
        content: Any = json.loads(line)
    except json.JSONDecodeError as error:
        raise CorpusError(f"{path}:{number}: not valid JSON: {error.msg}") from error
    if not isinstance(content, dict):
        raise CorpusError(f"{path}:{number}: a JSON object is expected, with at least cause and body")
    try:
        return Row.model_validate(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in fault["loc"])
        said = f' "{fault["input"]}"' if isinstance(fault.get("input"), str) else ""
        message = f"unknown{said}; allowed are {fault['ctx']['expected']}" if fault["type"] == "enum" else fault["msg"]
        raise CorpusError(f"{path}:{number}: {key}: {message}") from None
