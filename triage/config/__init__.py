"""Settings as frozen models, read once; the only reader of TOML."""

from triage.config.alerting import Alerting, Heartbeat, Person, Route, Target
from triage.config.kinds import WEEKDAYS, Hours, Language
from triage.config.loading import find, load, missing_secrets, usual_places
from triage.config.sections import Account, Backup, Calendar, Logging, Polling, Report, Sender, Web
from triage.config.settings import Settings

__all__ = [
    "WEEKDAYS",
    "Account",
    "Alerting",
    "Backup",
    "Calendar",
    "Heartbeat",
    "Hours",
    "Language",
    "Logging",
    "Person",
    "Polling",
    "Report",
    "Route",
    "Sender",
    "Settings",
    "Target",
    "Web",
    "find",
    "load",
    "missing_secrets",
    "usual_places",
]
