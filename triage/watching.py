"""Silence is not health: what the service tells of itself, and the heartbeat that stops when something is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import structlog

from triage import drift
from triage.alerts import outbox, standing, troubles
from triage.cases import messages
from triage.config import Settings
from triage.errors import ConfigError
from triage.mail import cursor
from triage.store.moments import stored
from triage.telling import tell_owner

if TYPE_CHECKING:
    from sqlite_utils import Database

log = structlog.get_logger()

#: A mailbox with fewer mails in a month has no habits yet.
_HABITUAL = 20
#: Its longest silence so far may be longer by a half.
_UNUSUAL = 1.5
#: Troubles that may be none, and do not stop the heartbeat.
_HARMLESS = frozenset({"mailbox_silent", "model_drifts"})
#: For how long the address of the heartbeat may keep us, in seconds.
_PATIENCE = 10


def watch(db: Database, settings: Settings, now: datetime) -> None:
    """Look after the disk and the mailboxes' silence; each trouble is told once, and once when it is over."""
    _disk(db, settings, now)
    if settings.alerting.mailbox_silent_after:
        for account in settings.accounts:
            _silence(db, account.name, settings, now)
    if settings.learning.drift:
        _drift(db, settings, now)


def trouble(
    db: Database,
    topic: str,
    kind: str,
    over: str,
    lasts: bool,
    detail: Mapping[str, Any],
    settings: Settings,
    now: datetime,
) -> None:
    """Tell a trouble when it begins and when it is over. kind, over: keys of words.toml."""
    account = str(detail.get("account", ""))
    if lasts and troubles.begin(db, topic, kind, detail, now):
        log.warning(kind, **detail)
        tell_owner(db, account, kind, f"{topic}:{stored(now)}", settings, now, topic=topic, detail=detail)
    elif not lasts and (was := troubles.end(db, topic)):
        log.info(over, **detail)
        tell_owner(db, account, over, f"{topic}:over:{stored(was.since)}", settings, now, topic=topic, detail=detail)


def well(db: Database, settings: Settings, now: datetime) -> bool:
    """Whether everything is as it should be: mailboxes are read, targets take alerts, there is a model and space."""
    failing = any(row.told_failing and settings.watches(row.account, row.folder) for row in cursor.every(db))
    dead = any(standing.known(db, target.name, now).told_failing for target in settings.targets)
    return not (failing or dead or any(each.kind not in _HARMLESS for each in troubles.listed(db)))


def clock_was_set(db: Database, now: datetime) -> None:
    """What was planned while the clock was ahead would otherwise wait until it is there again."""
    outbox.clock_was_set(db, now)
    standing.clock_was_set(db, now)


def beat(settings: Settings) -> bool:
    """Ask for the heartbeat's address; whether it answered."""
    import requests

    try:
        answered = requests.get(settings.heartbeat.secret.reveal(), timeout=_PATIENCE)
        if answered.ok:
            return True
        log.warning("heartbeat_refused", status=answered.status_code)
    except ConfigError as error:
        log.warning("heartbeat_failed", reason=str(error))
    except requests.RequestException as error:
        log.warning("heartbeat_failed", reason=type(error).__name__)  # its own words hold the address
    return False


def _disk(db: Database, settings: Settings, now: datetime) -> None:
    limit = settings.alerting.disk_free_mb
    free = shutil.disk_usage(settings.data).free // 1_000_000
    detail = {"free_mb": free, "limit_mb": limit, "path": str(settings.data)}
    before = any(each.topic == "disk" for each in troubles.listed(db))
    # A disk at the limit would be told of at every look: it is well only with a tenth more.
    trouble(db, "disk", "disk_low", "disk_up", free < limit * (1.1 if before else 1), detail, settings, now)


def _drift(db: Database, settings: Settings, now: datetime) -> None:
    """What the model says has left its band: mail has changed, or the model has."""
    found = {each.figure: each for each in drift.drifting(drift.weeks(db, now))}
    for figure in drift.FIGURES:
        each = found.get(figure)
        detail = (
            {
                "figure": figure.replace("_", " "),
                "value": f"{each.value:.1%}",
                "low": f"{max(each.low, 0):.1%}",
                "high": f"{each.high:.1%}",
            }
            if each
            else {"figure": figure.replace("_", " ")}
        )
        trouble(db, f"drift:{figure}", "model_drifts", "model_steady", each is not None, detail, settings, now)


def _silence(db: Database, account: str, settings: Settings, now: datetime) -> None:
    """Nothing at all has come for longer than the mailbox was ever silent: a forward or a filter may be broken."""
    arrivals = messages.arrivals(db, account, since=now - timedelta(days=30))
    if len(arrivals) < _HABITUAL:
        return
    longest = max(later - earlier for earlier, later in pairwise(arrivals))
    silent = now - arrivals[-1]
    lasts = silent > max(settings.alerting.mailbox_silent_after, longest * _UNUSUAL)
    detail = {
        "account": account,
        "hours": int(silent.total_seconds() // 3600),
        "last": f"{arrivals[-1].astimezone(settings.zone_for(account)):%Y-%m-%d %H:%M}",
    }
    trouble(db, f"silence:{account}", "mailbox_silent", "mailbox_heard", lasts, detail, settings, now)
