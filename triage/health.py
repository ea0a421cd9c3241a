"""How the service does: each mailbox, each target, the outbox, the model, the disk."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from triage.alerts import outbox, standing, troubles
from triage.config import Settings
from triage.errors import ModelError
from triage.learn import registry
from triage.mail import cursor, quarantine
from triage.store.moments import stored

if TYPE_CHECKING:
    from sqlite_utils import Database

#: A mailbox that was not read for so many intervals is late.
_LATE = 5


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One folder of an account."""

    account: str
    folder: str
    last_success_at: datetime | None
    failing_since: datetime | None
    last_error: str
    backlog: int  # messages that are still to be read
    backlog_of: int  # ... of so many
    well: bool


@dataclass(frozen=True, slots=True)
class Way:
    """One target."""

    name: str
    waiting: int
    last_success_at: datetime | None
    failing_since: datetime | None
    paused_until: datetime | None
    last_error: str

    @property
    def well(self) -> bool:
        """Whether it took the last message."""
        return self.failing_since is None


@dataclass(frozen=True, slots=True)
class Health:
    """Everything at one moment."""

    mailboxes: tuple[Mailbox, ...]
    targets: tuple[Way, ...]
    given_up: int  # alerts no target took
    set_aside: int  # messages that could not be read
    model: str  # the version in use; empty if there is none
    troubles: tuple[str, ...]  # kinds, as in alerts/words.toml
    free_mb: int

    @property
    def well(self) -> bool:
        """Whether nobody has to do anything."""
        read, sent = all(box.well for box in self.mailboxes), all(way.well for way in self.targets)
        return read and sent and not self.troubles and bool(self.model)


def health(db: Database, settings: Settings, now: datetime) -> Health:
    """How everything does that is configured."""
    return Health(
        mailboxes=tuple(_mailboxes(db, settings, now)),
        targets=tuple(_target(db, target.name, now) for target in settings.targets),
        given_up=outbox.given_up(db),
        set_aside=quarantine.count(db),
        model=_model(settings),
        troubles=tuple(each.kind for each in troubles.listed(db)),
        free_mb=shutil.disk_usage(settings.data).free // 1_000_000,
    )


def document(known: Health) -> dict[str, Any]:
    """The same as data."""
    return {"well": known.well, **_plain(asdict(known))}


def _plain(content: Any) -> Any:
    match content:
        case datetime():
            return stored(content)
        case Mapping():
            return {name: _plain(value) for name, value in content.items()}
        case list() | tuple():
            return [_plain(value) for value in content]
        case _:
            return content


def _mailboxes(db: Database, settings: Settings, now: datetime) -> list[Mailbox]:
    rows = {(row.account, row.folder): row for row in cursor.every(db)}
    late = max(settings.polling.every * _LATE, settings.polling.renew * 2)
    found = []
    for account in settings.accounts:
        for folder in account.folders:
            row = rows.get((account.name, folder))
            read_at = row.last_success_at if row else None
            in_time = read_at is not None and now - read_at <= late
            failing = row.failing_since if row else None
            found.append(
                Mailbox(
                    account.name,
                    folder,
                    read_at,
                    failing,
                    row.last_error if row else "",
                    row.backlog if row else 0,
                    row.backlog_of if row else 0,
                    (in_time or bool(row and row.backlog)) and not failing,
                )
            )
    return found


def _target(db: Database, name: str, now: datetime) -> Way:
    known = standing.known(db, name, now)
    return Way(
        name, outbox.waiting(db, name), known.last_success_at, known.failing_since, known.paused_until, known.last_error
    )


def _model(settings: Settings) -> str:
    try:
        return registry.current(settings.models_dir) or ""
    except ModelError:
        return ""
