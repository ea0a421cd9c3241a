"""The reliability report: kills, bad lines, a simulated day. Run by: make bench. Each part says what it did and what was
lost or doubled; the tests run small versions of the same.

    python benchmarks/reliability.py [kills] [line] [day]
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.conftest import ORDER, Dovecot, a_raw, dovecot_server, until  # noqa: E402
from tests.integration.test_service import Program  # noqa: E402
from tests.proxy import BadLine  # noqa: E402
from triage import daemon as service  # noqa: E402
from triage import log, mailbox  # noqa: E402
from triage.config import Settings  # noqa: E402
from triage.learn import retrain  # noqa: E402
from triage.store.connection import opened  # noqa: E402


def say(name: str, value: str) -> None:
    print(f"{name:<58} {value}", flush=True)


def a_pair(number: int, at: datetime | None = None) -> list[bytes]:
    """A warning that opens a case of its own, and an ordinary mail."""
    # Subjects that differ in more than a number: like notices of one day would be one case.
    name = "".join(chr(ord("a") + int(digit)) for digit in str(number))
    body = f"A rights owner reported that ASIN: B0{number:08d} infringes its trademark. Your listing was removed. Respond within 72 hours."
    sent = {"sent_at": at} if at else {}
    return [a_raw(f"Policy Warning {name}", body, **sent), a_raw(f"Sold, ship now: {number}", ORDER, **sent)]


def verdict(rows: Any, alerts: list[dict[str, Any]], warnings: int) -> dict[str, int]:
    """What was lost and what was doubled, in the database and at the target."""
    (messages, distinct), (cases,) = (
        rows("SELECT count(*), count(DISTINCT account || uid) FROM messages")[0],
        rows("SELECT count(*) FROM cases")[0],
    )
    opened_once = Counter(alert["case"] for alert in alerts if alert["kind"] == "case_opened")
    return {
        "mails lost": 2 * warnings - distinct,
        "mails doubled": messages - distinct,
        "cases lost": max(warnings - cases, 0),
        "cases doubled": max(cases - warnings, 0),
        "alerts lost": warnings - len(opened_once),
        "alerts repeated": sum(opened_once.values()) - len(opened_once),
        "alerts waiting": rows("SELECT count(*) FROM alerts WHERE delivered_at IS NULL")[0][0],
    }


def kills(server: Dovecot, place: Path, models: Path, times: int) -> dict[str, int]:
    """SIGKILL at random instants while mail arrives all the time."""
    program = Program(place, server, models, extra='[alerting]\ngroup = "0 seconds"\n')
    chance, over, count = random.Random(times), threading.Event(), [0]

    def deliver() -> None:
        while not over.wait(chance.uniform(0.05, 0.3)):
            server.deliver(program.user, *a_pair(count[0]))
            count[0] += 1

    begun = time.monotonic()
    assert program.once() == 0
    there_s = time.monotonic() - begun  # to start, look once and end; some seconds, by the machine
    delivering = threading.Thread(target=deliver)
    delivering.start()
    for _ in range(times):
        running = program.start(said=subprocess.DEVNULL)
        # The instants lie before it is there, while it starts to read, and within its work.
        time.sleep(chance.uniform(0.3, 1.5) * there_s)
        running.kill()
        running.wait()
    over.set()
    delivering.join()
    assert program.once(patience_s=600) == 0
    assert program.once() == 0
    return {"kills": times, "warnings": count[0], **verdict(program.rows, program.alerts(), count[0])}


def line(server: Dovecot, place: Path, models: Path, times: int) -> dict[str, int]:
    """A server that is stopped, and a line that drops, stalls, delays, cuts off and corrupts, under a running service.

    Over TLS, as everywhere: what is corrupted on the way is noticed there. The service's pauses are shortened.
    """
    chance, count = random.Random(times), 0
    bad = BadLine(server.tls_port, chance)
    users = [server.user() for _ in range(3)]
    accounts = tuple(
        server.account(user, tls=True, history="0 seconds").model_copy(update={"port": bad.port}) for user in users
    )
    settings = Settings.model_validate(
        {
            "data": place / "data",
            "models": models,
            "accounts": [account.model_dump() for account in accounts],
            "targets": [{"name": "f", "type": "jsonl", "path": place / "alerts.jsonl"}],
            "polling": {"every": "2 seconds", "timeout": "2 seconds"},
            "alerting": {"group": "0 seconds", "mailbox_down_after": "1 day"},
        }
    )
    pauses = mailbox.FIRST_PAUSE_S, mailbox.LONGEST_PAUSE_S
    mailbox.FIRST_PAUSE_S, mailbox.LONGEST_PAUSE_S = 0.2, 1.0
    running = service.Daemon(settings)
    running.start()
    try:
        with opened(settings.database) as db:
            done = "SELECT count(*) FROM mailboxes WHERE last_success_at IS NOT NULL"
            until(lambda: db.execute(done).fetchone()[0] == len(users), 30, "for the first looks")
            for number in range(times):
                for pair in range(count, count + 2):
                    server.deliver(users[pair % len(users)], *a_pair(pair))
                count += 2
                fault = (*BadLine.FAULTS, "cut", "kill", "stop")[number % 9]
                match fault:
                    case "cut":
                        bad.cut()
                    case "kill" | "stop":
                        server.kill() if fault == "kill" else server.stop()
                        time.sleep(chance.uniform(0, 0.5))
                        server.start()
                    case _:
                        bad.fault = fault
                time.sleep(chance.uniform(0.2, 1.5))
                bad.fault = ""
                if fault == "stall":
                    bad.cut()
            until(lambda: db.execute("SELECT count(*) FROM messages").fetchone()[0] >= 2 * count, 60, "for all mails")
            until(
                lambda: not db.execute("SELECT 1 FROM alerts WHERE delivered_at IS NULL").fetchone(),
                30,
                "for the alerts",
            )

            def rows(sql: str) -> Any:
                return db.execute(sql).fetchall()

            import json

            alerts = [json.loads(text) for text in (place / "alerts.jsonl").read_text().splitlines()]
            return {"faults": times, "warnings": count, **verdict(rows, alerts, count)}
    finally:
        running.stop()
        bad.close()
        mailbox.FIRST_PAUSE_S, mailbox.LONGEST_PAUSE_S = pauses


def day(server: Dovecot, place: Path, models: Path, hours: int) -> dict[str, int]:
    """Simulated hours, a minute a step: mail at all times, a server that is away, a target that takes nothing for an hour,
    restarts. The clock and the times of the mails are simulated; what is sent and stored is not."""
    chance, count = random.Random(hours), 0
    user = server.user()
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=hours)
    moment = [start]
    target = place / "out" / "alerts.jsonl"
    target.parent.mkdir()
    settings = Settings.model_validate(
        {
            "data": place / "data",
            "models": models,
            "accounts": [{**server.account(user).model_dump(), "history": "0 seconds"}],
            "targets": [{"name": "f", "type": "jsonl", "path": target}],
            "alerting": {"group": "0 seconds"},
        }
    )
    real = service.now
    service.now = lambda: moment[0]
    steps = 0
    try:
        running = service.Daemon(settings)
        running.check()
        account = settings.accounts[0]
        running.poll(account)
        for minute in range(hours * 60):
            moment[0] = start + timedelta(minutes=minute)
            if chance.random() < 0.15:
                before = set(server.folder(user, "INBOX").glob("*/*"))
                server.deliver(user, *a_pair(count, moment[0]))
                for path in set(server.folder(user, "INBOX").glob("*/*")) - before:
                    with contextlib.suppress(OSError):
                        os.utime(path, (moment[0].timestamp(), moment[0].timestamp()))
                count += 1
            if minute % 180 == 60:
                server.stop()
            if minute % 180 == 75:
                server.start()
            if minute % 240 == 100:
                target.parent.rename(place / "away")
            if minute % 240 == 160:
                (place / "away").rename(target.parent)
            if minute % 97 == 96:
                running.stop()
                running = service.Daemon(settings)
            running.poll(account)
            running.remind()
            running.watch()
            running.deliver(settings.targets[0])
            steps += 1
        for extra in range(120):  # what was put off is sent
            moment[0] = start + timedelta(hours=hours, minutes=extra)
            running.poll(account)
            running.deliver(settings.targets[0])
        running.stop()
    finally:
        service.now = real
    import json

    alerts = [json.loads(text) for text in target.read_text().splitlines()]
    with opened(settings.database) as db:
        found = verdict(lambda sql: db.execute(sql).fetchall(), alerts, count)
    return {"simulated minutes": steps, "warnings": count, **found}


PARTS: dict[str, tuple[Any, int]] = {"kills": (kills, 500), "line": (line, 200), "day": (day, 24)}


def main(names: list[str]) -> None:
    log.configure(level="error")
    worst = 0
    for name in names or list(PARTS):
        part, times = PARTS[name]
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            retrain.retrain(place / "models", (), datetime.now(UTC))
            running = dovecot_server.__wrapped__()
            begun = time.monotonic()
            try:
                found = part(next(running), place, place / "models", times)
            finally:
                next(running, None)
            say(f"{name}", ", ".join(f"{value} {what}" for what, value in found.items()))
            say("... took", f"{time.monotonic() - begun:.0f} s")
            worst += sum(value for what, value in found.items() if what.endswith(("lost", "doubled")))
    sys.exit(1 if worst else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
