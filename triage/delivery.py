"""What an alert does: due, rendered, sent, marked."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from triage.alerts import outbox, standing, targets
from triage.alerts.outbox import Queued
from triage.config import Settings, Target
from triage.errors import ConfigError, MessageRefused, TargetBusy, TargetFailed, TargetMisconfigured
from triage.rendering import rendered
from triage.store.connection import store_errors
from triage.store.transaction import transaction
from triage.telling import tell_others

if TYPE_CHECKING:
    from sqlite_utils import Database

log = structlog.get_logger()

#: Told of a target; telling the others of these in turn would go in a circle.
_ABOUT_TARGETS = frozenset({"target_failed", "target_down", "target_up"})


def deliver_due(
    db: Database,
    target: Target,
    settings: Settings,
    clock: Callable[[], datetime],
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Send one target everything that is due for it, what cannot wait first; how many alerts it took.

    A target that does not answer is left alone for a while, and the round ends. A message that it alone does not want,
    or that cannot be rendered, waits by itself and holds up nothing behind it.

    Raises:
        StoreError: the outbox cannot be read or written; what was sent and not marked will be sent again.
    """
    sent = 0
    with store_errors(settings.database):
        while not stop():
            now = clock()
            paused = standing.known(db, target.name, now).paused_until
            alerts = [] if paused and paused > now else outbox.next_message(db, target.name, now)
            if not alerts:
                break
            try:
                text, facts = rendered(db, alerts, target, settings, now)
                pause = targets.least_pause(target)  # it can fail, and after the sending nothing may
                targets.send(target, text, facts)
            except TargetBusy as error:
                _asked_to_wait(db, target, alerts, error, settings, clock())
                break
            except MessageRefused as error:
                _not_taken(db, target, alerts, str(error), settings, clock(), alone=True)
            except (TargetFailed, TargetMisconfigured, ConfigError) as error:
                _not_taken(db, target, alerts, str(error), settings, clock(), alone=False)
                break
            except Exception as error:
                log.exception("alert_not_rendered", target=target.name, alert=alerts[0].id)
                reason = f"{target.name}: a fault of Triage: {type(error).__name__}"
                _not_taken(db, target, alerts, reason, settings, clock(), alone=True)
            else:
                _taken(db, target, alerts, settings, clock(), pause)
                sent += len(alerts)
    return sent


def _taken(
    db: Database, target: Target, alerts: Sequence[Queued], settings: Settings, now: datetime, pause: timedelta
) -> None:
    with transaction(db):
        before = standing.known(db, target.name, now)
        outbox.delivered(db, alerts, now)
        standing.succeeded(db, target.name, now, pause=pause)
        if before.told_failing:
            _tell_standing(db, target, "target_up", "", before, settings, now)
    log.info(
        "alert_delivered",
        alert=alerts[0].id,
        kind=alerts[0].kind,
        target=target.name,
        case=alerts[0].case_id,
        alerts=len(alerts),
    )


def _asked_to_wait(
    db: Database, target: Target, alerts: Sequence[Queued], error: TargetBusy, settings: Settings, now: datetime
) -> None:
    """Nothing failed: it is tried again when the service said, and no try is counted."""
    with transaction(db):
        standing.failed(db, target.name, str(error), spread=0, now=now, until=now + error.wait)
        _tell_if_lasting(db, target, str(error), settings, now)
    log.warning("target_busy", target=target.name, alert=alerts[0].id, wait_s=error.wait.total_seconds())


def _not_taken(
    db: Database,
    target: Target,
    alerts: Sequence[Queued],
    reason: str,
    settings: Settings,
    now: datetime,
    *,
    alone: bool,
) -> None:
    """alone: it is the message's fault, the target is well."""
    spread = random.random()  # noqa: S311 - jitter
    with transaction(db):
        last = outbox.failed(db, alerts, reason, tries=settings.alerting.tries, spread=spread, now=now)
        if not alone:
            standing.failed(db, target.name, reason, spread=spread, now=now)
            _tell_if_lasting(db, target, reason, settings, now)
        _give_to_another(db, target, last, reason, settings, now)
    log.warning(
        "alert_not_taken",
        alert=alerts[0].id,
        target=target.name,
        attempts=alerts[0].attempts + 1,
        gave_up=len(last),
        reason=reason,
    )


def _give_to_another(
    db: Database, target: Target, last: Sequence[Queued], reason: str, settings: Settings, now: datetime
) -> None:
    """What was tried for the last time goes to another target, unless that one had it; and the others are told."""
    lost = [alert for alert in last if alert.kind not in _ABOUT_TARGETS]
    if not lost:
        return
    others = [other.name for other in settings.targets if other.name != target.name]
    well = [name for name in others if standing.known(db, name, now).failing_since is None] or others
    for alert in lost:
        outbox.queue(
            db, well[:1], alert.kind, alert.key, now=now, case=alert.case_id, topic=alert.topic, detail=alert.detail,
            rank=alert.rank,
        )  # fmt: skip
    detail = {"target": target.name, "reason": reason, "attempts": lost[0].attempts + 1}
    tell_others(
        db, target.name, "target_failed", f"target_failed:{lost[0].id}:{now.isoformat()}", settings, now, detail
    )


def _tell_if_lasting(db: Database, target: Target, reason: str, settings: Settings, now: datetime) -> None:
    """The others are told of a target that fails for a while, once."""
    known = standing.known(db, target.name, now)
    assert known.failing_since is not None
    if not known.told_failing and now - known.failing_since >= settings.alerting.target_down_after:
        _tell_standing(db, target, "target_down", reason, known, settings, now)
        standing.told_failing(db, target.name)


def _tell_standing(
    db: Database,
    target: Target,
    kind: str,
    reason: str,
    known: standing.Standing,
    settings: Settings,
    now: datetime,
) -> None:
    key = f"{kind}:{target.name}:{known.failing_since}"
    tell_others(db, target.name, kind, key, settings, now, {"target": target.name, "reason": reason})
