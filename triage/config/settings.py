"""The whole configuration as one frozen value."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import platformdirs
from pydantic import Field, field_validator, model_validator

from triage.config.alerting import Alerting, Heartbeat, Person, Route, Target
from triage.config.consistency import faults
from triage.config.kinds import Duration, Language, Section, Zone
from triage.config.sections import Account, Backup, Calendar, Learning, Logging, Polling, Report, Sender, Web


class Settings(Section):
    """The whole configuration."""

    language: Language = "en"
    time_zone: Zone = "UTC"
    data: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("triage")))
    models: Path | None = None
    keep: Duration | None = None  # ended cases and ordinary mail are deleted when they are older; None: never
    playbooks: Path | None = None  # the user's own playbooks and letters; load() finds a folder beside the file
    accounts: tuple[Account, ...] = ()
    targets: tuple[Target, ...] = ()
    people: tuple[Person, ...] = ()
    routes: tuple[Route, ...] = ()
    polling: Polling = Polling()
    sender: Sender = Sender()
    alerting: Alerting = Alerting()
    heartbeat: Heartbeat = Heartbeat()
    report: Report = Report()
    calendar: Calendar = Calendar()
    backup: Backup = Backup()
    learning: Learning = Learning()
    web: Web = Web()
    logging: Logging = Logging()

    @field_validator("keep")
    @classmethod
    def _long_enough(cls, keep: timedelta | None) -> timedelta | None:
        if keep is not None and keep < timedelta(days=90):
            raise ValueError('at least "90 days"; platforms come back to cases after months')
        return keep

    @field_validator("data", "models", "playbooks")
    @classmethod
    def _home(cls, path: Path | None) -> Path | None:
        return path.expanduser() if path else None

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        found = list(faults(self))
        if found:
            raise ValueError("\n".join(found))
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The general time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "triage.sqlite"

    @property
    def models_dir(self) -> Path:
        """Where versions of the model live: as configured, else models/ of a checkout, else below data."""
        if self.models:
            return self.models
        checkout = Path(__file__).resolve().parent.parent.parent / "models"
        return checkout if (checkout / "README.md").exists() and os.access(checkout, os.W_OK) else self.data / "models"

    @property
    def backups_dir(self) -> Path:
        """Where copies of the database are kept."""
        return (self.backup.folder or self.data / "backups").expanduser()

    def account(self, name: str) -> Account | None:
        """The account of that name, or None if it is no longer configured."""
        return next((a for a in self.accounts if a.name == name), None)

    def watches(self, account: str, folder: str) -> bool:
        """Whether this folder is still configured."""
        known = self.account(account)
        return known is not None and folder in known.folders

    def target(self, name: str) -> Target | None:
        """The target of that name, or None if it is no longer configured."""
        return next((t for t in self.targets if t.name == name), None)

    @property
    def recipients(self) -> tuple[Person, ...]:
        """Who can be alerted: the people, and each target that is nobody's as one of its own."""
        owned = {name for person in self.people for name in person.targets}
        alone = (
            Person(name=target.name, targets=(target.name,)) for target in self.targets if target.name not in owned
        )
        return (*self.people, *alone)

    def language_for(self, account: str, target: Target | None = None) -> Language:
        """The language of advice and alerts: the target's, else its owner's, else the account's, else the general one."""
        of_account, person = self.account(account), self._owner(target) if target else None
        return (
            (target.language if target else None)
            or (person.language if person else None)
            or (of_account.language if of_account else None)
            or self.language
        )

    def _owner(self, target: Target) -> Person | None:
        return next((person for person in self.people if target.name in person.targets), None)

    def zone_for(self, account: str) -> ZoneInfo:
        """The time zone an account's deadlines are read and shown in."""
        owner = self.account(account)
        return ZoneInfo((owner.time_zone if owner else None) or self.time_zone)

    def targets_for(self, account: str) -> tuple[Target, ...]:
        """Where alerts of an account go; all targets if it names none."""
        owner = self.account(account)
        if owner is None or owner.targets is None:
            return self.targets
        return tuple(t for t in self.targets if t.name in owner.targets)
