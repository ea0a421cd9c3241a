"""/healthz for whatever restarts the service, /metrics for Prometheus. Neither holds a word of a mail."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from triage.cases import queries
from triage.config import Settings
from triage.errors import TriageError
from triage.health import Health, health
from triage.store.connection import opened

_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def routes(settings: Settings, clock: Callable[[], datetime], alive: Callable[[], bool]) -> list[Route]:
    """GET /healthz: 200 while the parts come round and the database can be read, else 503; a wrong password is no reason to
    restart the service. GET /metrics: to whoever has the token; without one only where no public_url leads here.

    Raises:
        ConfigError: the token cannot be had.
    """
    web = settings.web
    token = web.metrics_secret.reveal() if web.metrics_token else ""
    process = CollectorRegistry()
    ProcessCollector(registry=process)

    def healthz(request: Request) -> Response:
        try:
            with opened(settings.database) as db:
                fit, well = alive(), health(db, settings, clock()).well
        except TriageError:
            fit = well = False
        return JSONResponse({"alive": fit, "well": well}, 200 if fit else 503, {"Cache-Control": "no-store"})

    def metrics(request: Request) -> Response:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), token.encode()) if token else bool(web.public_url):
            return Response("give the token: Authorization: Bearer ...\n", 401, media_type="text/plain")
        registry = CollectorRegistry()
        with opened(settings.database) as db:
            registry.register(_Figures(health(db, settings, clock()), *queries.numbers(db)))
        return Response(generate_latest(registry) + generate_latest(process), media_type=_TYPE)

    return [Route("/healthz", healthz, methods=["GET"]), Route("/metrics", metrics, methods=["GET"])]


class _Figures(Collector):
    """How the service does, in Prometheus' terms."""

    def __init__(self, known: Health, open_cases: int, to_review: int) -> None:
        self._known, self._open, self._review = known, open_cases, to_review

    def collect(self) -> Iterator[Metric]:
        known = self._known
        yield GaugeMetricFamily("triage_well", "1 if nobody has to do anything", value=known.well)
        yield GaugeMetricFamily("triage_cases_open", "Cases that are open", value=self._open)
        yield GaugeMetricFamily("triage_cases_to_review", "Open cases a person should look at", value=self._review)
        yield GaugeMetricFamily("triage_alerts_given_up", "Alerts that no target took", value=known.given_up)
        yield GaugeMetricFamily("triage_messages_set_aside", "Messages that could not be read", value=known.set_aside)
        yield GaugeMetricFamily("triage_disk_free_bytes", "Free where the database is", value=known.free_mb * 1e6)
        yield _labelled(
            "triage_model", "The model in use", ("version",), [((known.model or "none",), bool(known.model))]
        )
        yield _labelled("triage_trouble", "What is wrong now", ("kind",), [((kind,), 1) for kind in known.troubles])
        boxes = [((box.account, box.folder), box) for box in known.mailboxes]
        for name, says, value in (
            ("well", "1 if it was read in time", lambda box: box.well),
            ("last_read_timestamp_seconds", "When it was last read to its end",
             lambda box: box.last_success_at.timestamp() if box.last_success_at else 0),
            ("backlog", "Messages still to be read", lambda box: box.backlog),
        ):  # fmt: skip
            rows = [(labels, value(box)) for labels, box in boxes]  # type: ignore[no-untyped-call]
            yield _labelled(f"triage_mailbox_{name}", says, ("account", "folder"), rows)
        ways = [((way.name,), way) for way in known.targets]
        yield _labelled(
            "triage_target_well", "1 if it took the last alert", ("target",), [(n, w.well) for n, w in ways]
        )
        yield _labelled("triage_target_waiting", "Alerts for it", ("target",), [(n, w.waiting) for n, w in ways])


def _labelled(name: str, says: str, labels: tuple[str, ...], rows: Sequence[tuple[tuple[str, ...], float]]) -> Metric:
    family = GaugeMetricFamily(name, says, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family
