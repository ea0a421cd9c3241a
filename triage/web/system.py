"""How the service does: its troubles, mailboxes, targets, outbox, model and users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from triage.alerts import outbox, troubles
from triage.alerts.render import words as alert_words
from triage.health import health
from triage.people import access, users
from triage.web import saying
from triage.web.visit import Pages, Visit

#: So many alerts of each state are shown.
_MOST_ALERTS = 50


def routes(pages: Pages) -> list[Route]:
    """GET /system."""
    return [pages.get("/system", system)]


def system(visit: Visit) -> Response:
    """How the service does, and the mailboxes that the visitor sees."""
    from triage.learn import registry

    known = health(visit.db, visit.settings, visit.now)
    versions = registry.versions(visit.settings.models_dir)
    current = next((saved for saved in versions if saved.current), None)
    return visit.page(
        "system.html",
        known=known,
        troubles=[
            _headline(visit, each.kind, each.detail)
            for each in troubles.listed(visit.db)
            if "account" not in each.detail or access.sees(visit.accounts, each.detail["account"])
        ],
        alerts=_on_their_way(visit),
        mailboxes=[box for box in known.mailboxes if access.sees(visit.accounts, box.account)],
        model=current,
        users=users.listed(visit.db) if visit.accounts is None else [],
        when=lambda at: saying.moment(at, visit.settings.zone, visit.language) if at else visit.say["never"],
    )


def _on_their_way(visit: Visit) -> list[dict[str, Any]]:
    """Alerts that wait, are tried again, or were given up, the newest first."""
    found = [
        *outbox.listed(visit.db, limit=_MOST_ALERTS),
        *outbox.listed(visit.db, state="given_up", limit=_MOST_ALERTS),
    ]
    return [
        {
            "target": alert.target,
            "about": _headline(visit, alert.kind, alert.detail),
            "case": alert.case_id,
            "state": visit.say[f"queued_{alert.state}"],
            "at": saying.moment(alert.gave_up_at or alert.due_at, visit.settings.zone, visit.language),
            "tries": alert.attempts,
            "answer": alert.last_error,
        }
        for alert in sorted(found, key=lambda alert: -alert.id)
        if visit.accounts is None or (alert.case_id and visit.case(alert.case_id))
    ]


def _headline(visit: Visit, kind: str, detail: Mapping[str, Any]) -> str:
    """What an alert is about, in the words of alerts."""
    try:
        return alert_words(visit.language)[kind].format(**detail)
    except KeyError:  # its words tell more than is known before it is sent
        return kind.replace("_", " ")
