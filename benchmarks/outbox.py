"""The outbox under faults, its latency, and its size. Run by: make bench; a short run of the faults stands in the tests.

Faults: a process writes cases and their alerts and delivers them to three webhooks that fail, hang, answer 429 and 500 and
drop lines, and is killed again and again. What the receivers took is compared with the database.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from triage import log  # noqa: E402
from triage.alerts import outbox  # noqa: E402
from triage.cases import history  # noqa: E402
from triage.config import Alerting, Settings, Target  # noqa: E402
from triage.couriers import Courier  # noqa: E402
from triage.store.connection import connect, opened  # noqa: E402
from triage.store.transaction import transaction  # noqa: E402
from triage.telling import tell_case  # noqa: E402

TARGETS = ("one", "two", "three")
#: A case gets so many events: its opening, then updates.
EVENTS_A_CASE = 5
#: Answers of a receiver that is not well, in a hundred requests.
FAULTS = {"500": 6, "429": 4, "drop": 5, "lost": 5, "hang": 1}


def now() -> datetime:
    return datetime.now(UTC)


# ---- the receivers --------------------------------------------------------------------------------------------


@dataclass
class Taken:
    """What a receiver took: when the request began, and the events in it."""

    at: datetime
    events: list[int]


@dataclass
class Receivers:
    """Three webhooks."""

    ports: dict[str, int] = field(default_factory=dict)
    taken: dict[str, list[Taken]] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    first_byte: dict[int, float] = field(default_factory=dict)  # by case, monotonic


@contextlib.contextmanager
def receivers(seed: int, *, faulty: bool = True) -> Iterator[Receivers]:
    known = Receivers()
    servers = [_receiver(known, name, random.Random(f"{seed}:{name}"), faulty) for name in TARGETS]
    try:
        yield known
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def _receiver(known: Receivers, name: str, chance: random.Random, faulty: bool) -> ThreadingHTTPServer:
    lock = threading.Lock()
    known.taken[name] = []

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.began = now()
            self.first = 0.0
            with contextlib.suppress(OSError):
                self.connection.recv(1, 2)  # MSG_PEEK: the first byte is there
                self.first = time.monotonic()
                super().handle_one_request()

        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                drawn = chance.randrange(100)
            fault, upper = "", 0
            for each, share in FAULTS.items() if faulty else ():
                upper += share
                if drawn < upper:
                    fault = each
                    break
            known.faults[fault or "taken"] += 1
            if fault == "drop":
                self.close_connection = True
                return
            if fault == "hang":
                time.sleep(1.5)
            if fault in {"500", "429"}:
                self.send_response(int(fault))
                if fault == "429":
                    self.send_header("Retry-After", "0")
                self.end_headers()
                return
            events = [int(key.partition(":")[2]) for key in content["events"]]
            with lock:
                known.taken[name].append(Taken(self.began, events))
                if "case" in content:
                    known.first_byte.setdefault(content["case"], self.first)
            if fault == "lost":  # it was taken, and the sender never hears of it
                self.close_connection = True
                return
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    known.ports[name] = int(server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


# ---- the process that is killed -------------------------------------------------------------------------------


def settings_of(data: Path, ports: Mapping[str, int]) -> Settings:
    targets = tuple(
        Target(name=name, type="webhook", url=f"http://127.0.0.1:{port}/{name}", timeout=timedelta(seconds=1))
        for name, port in ports.items()
    )
    # Grouped, five thousand events would be a few hundred messages; what waits about one case is joined all the same.
    return Settings(data=data, targets=targets, alerting=Alerting(group=timedelta(0), tries=100))


def write(settings: Settings, events: int, clock: Callable[[], datetime] = now) -> None:
    """Cases and updates until there are so many events, each in a transaction with its alerts; goes on where the last
    process was killed."""
    with opened(settings.database) as db:
        count = db["case_events"].count
        while count < events:
            with transaction(db):
                event_of(db, count, settings, clock())
            count += 1


def event_of(db, number: int, settings: Settings, at: datetime) -> int:
    """The event of that number: it opens a case or advances one. Its case."""
    case, step = divmod(number, EVENTS_A_CASE)
    if step == 0:
        columns = {
            "account": "shop", "platform": "amazon", "store": "", "cause": "ip_infringement", "stage": "listing_removed",
            "status": "open", "severity": 3, "confidence": 0.9, "needs_review": 0, "sender": "proven", "language": "en",
            "title": f"Policy warning {case}",
        }  # fmt: skip
        event = history.open_case(db, columns, {"subject": "x"}, by=history.DAEMON, now=at)
    else:
        event = history.change(db, case + 1, "mail", {"title": f"Update {step}"}, by=history.DAEMON, now=at)
    tell_case(db, event, settings, at)
    return event.case_id


def work(data: Path, ports: Mapping[str, int], events: int) -> None:
    """The process: writes and delivers until it is killed."""
    log.configure(level="error", json=True)
    outbox.FIRST_PAUSE = timedelta(milliseconds=50)  # the campaign would take hours with the real ones
    outbox.LONGEST_PAUSE = timedelta(milliseconds=400)
    settings = settings_of(data, ports)
    couriers = [Courier(target, settings, now) for target in settings.targets]
    for courier in couriers:
        courier.start()
    write(settings, events)
    while True:
        for courier in couriers:
            courier.wake()
        time.sleep(0.05)


# ---- the campaign ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Report:
    """What a campaign found; the first three must be empty."""

    lost: list[str]
    twice: list[str]
    disordered: list[str]
    events: int
    kills: int
    messages: int
    repeated: int  # taken again before the sender had heard of the first time
    faults: dict[str, int]
    took_s: float

    def __str__(self) -> str:
        faults = ", ".join(f"{count} {name}" for name, count in sorted(self.faults.items()))
        return (
            f"{self.events} events to {len(TARGETS)} targets, {self.kills} kills, {self.messages} messages ({faults}), "
            f"{self.took_s:.0f} s\n    lost {len(self.lost)}, sent again after a success {len(self.twice)}, out of order "
            f"{len(self.disordered)}; repeated because nothing was heard of the first time {self.repeated}"
        )


def campaign(events: int, seed: int = 20261124, limit_s: float = 600) -> Report:
    """Run it; returns what was found."""
    chance = random.Random(seed)
    began = time.monotonic()
    kills = 0
    with tempfile.TemporaryDirectory(prefix="triage-outbox-") as place, receivers(seed) as known:
        data = Path(place)
        connect(data / "triage.sqlite").close()
        command = [sys.executable, __file__, "work", str(data), json.dumps(known.ports), str(events)]
        while True:
            assert time.monotonic() - began < limit_s, "the campaign does not end"
            process = subprocess.Popen(command, cwd=ROOT)
            over = time.monotonic() + chance.uniform(0.6, 2.5)
            while time.monotonic() < over and not (_progress(data) >= events and _left(data) == 0):
                time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            if _progress(data) >= events and _left(data) == 0:
                break
        return _judged(data, known, events, kills, time.monotonic() - began)


def _progress(data: Path) -> int:
    with opened(data / "triage.sqlite") as db:
        return int(db["case_events"].count)


def _left(data: Path) -> int:
    with opened(data / "triage.sqlite") as db:
        return outbox.waiting(db)


def _judged(data: Path, known: Receivers, events: int, kills: int, took_s: float) -> Report:
    lost, twice, disordered, repeated = [], [], [], 0
    with opened(data / "triage.sqlite") as db:
        case_of = {int(row["id"]): int(row["case_id"]) for row in db.query("SELECT id, case_id FROM case_events")}
        marked = {
            (row["target"], int(row["dedupe_key"].partition(":")[2])): datetime.fromisoformat(row["delivered_at"])
            for row in db.query("SELECT target, dedupe_key, delivered_at FROM alerts WHERE delivered_at IS NOT NULL")
        }
    for name in TARGETS:
        seen: set[int] = set()
        latest: dict[int, int] = {}
        for taken in sorted(known.taken[name], key=lambda each: each.at):
            for event in taken.events:
                if event in seen:
                    repeated += 1
                # Marked in milliseconds, rounded down.
                if (name, event) in marked and taken.at > marked[name, event] + timedelta(milliseconds=1):
                    twice.append(f"{name}: event {event}")
                if event not in seen and event < latest.get(case_of[event], 0):
                    disordered.append(f"{name}: event {event} of case {case_of[event]}")
                seen.add(event)
                latest[case_of[event]] = max(event, latest.get(case_of[event], 0))
        lost += [f"{name}: event {event}" for event in case_of if event not in seen]
    messages = sum(len(each) for each in known.taken.values())
    return Report(lost, twice, disordered, len(case_of), kills, messages, repeated, dict(known.faults), took_s)


# ---- latency and size -----------------------------------------------------------------------------------------


def latency(alerts: int, a_minute: int = 200) -> list[float]:
    """Seconds from the commit of a case to the first byte at a loopback target, sorted."""
    log.configure(level="error", json=True)
    with tempfile.TemporaryDirectory(prefix="triage-outbox-") as place, receivers(1, faulty=False) as known:
        settings = settings_of(Path(place), {"one": known.ports["one"]})
        connect(settings.database).close()
        courier = Courier(settings.targets[0], settings, now)
        courier.start()
        committed: dict[int, float] = {}
        with opened(settings.database) as db:
            for number in range(alerts):
                with transaction(db):
                    case = event_of(db, number * EVENTS_A_CASE, settings, now())
                committed[case] = time.monotonic()
                courier.wake()
                time.sleep(60 / a_minute)
            end = time.monotonic() + 10
            while outbox.waiting(db) and time.monotonic() < end:
                time.sleep(0.05)
        courier.stop()
        courier.ended(5)
        return sorted(known.first_byte[case] - moment for case, moment in committed.items())


def backlog(waiting: int, deliver: int) -> tuple[float, float, float, float]:
    """(MB with 100 waiting, MB with all, messages a second with 100, with all): what a courier costs while it delivers."""
    log.configure(level="error", json=True)
    figures = []
    with tempfile.TemporaryDirectory(prefix="triage-outbox-") as place, receivers(1, faulty=False) as known:
        for count in (100, waiting):
            data = Path(place) / str(count)
            data.mkdir()
            settings = settings_of(data, {"one": known.ports["one"]})
            with opened(settings.database) as db, transaction(db):
                for number in range(count):
                    outbox.queue(db, ["one"], "model_up", f"event:{number}", now=now())
            command = [
                sys.executable,
                __file__,
                "drain",
                str(data),
                json.dumps({"one": known.ports["one"]}),
                str(min(deliver, count)),
            ]
            said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
            figures.append(json.loads(said))
    (small, quick), (large, slow) = figures
    return small, large, quick, slow


def drain(data: Path, ports: Mapping[str, int], count: int) -> None:
    """Deliver so many alerts; print the memory of the process, in MB, and messages a second."""
    import psutil

    from triage.delivery import deliver_due

    log.configure(level="error", json=True)
    settings = settings_of(data, ports)
    left = [count]

    def enough() -> bool:
        left[0] -= 1
        return left[0] < 0

    with opened(settings.database) as db:
        began = time.monotonic()
        deliver_due(db, settings.targets[0], settings, now, enough)
        rate = count / (time.monotonic() - began)
    print(json.dumps([psutil.Process(os.getpid()).memory_info().rss / 1e6, rate]))


def main() -> None:
    print("outbox under faults:", campaign(5000), flush=True)
    taken = latency(200)
    print(
        f"commit of a case to the first byte at a target, {len(taken)} alerts at 200 a minute: "
        f"median {taken[len(taken) // 2] * 1000:.0f} ms, p99 {taken[int(len(taken) * 0.99)] * 1000:.0f} ms",
        flush=True,
    )
    small, large, quick, slow = backlog(100_000, 500)
    print(
        f"delivering with 100,000 alerts waiting: {large:.0f} MB, {slow:.0f} messages/s "
        f"(with 100 waiting: {small:.0f} MB, {quick:.0f} messages/s)"
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["work", data, ports, events]:
            work(Path(data), json.loads(ports), int(events))
        case ["drain", data, ports, count]:
            drain(Path(data), json.loads(ports), int(count))
        case _:
            main()
