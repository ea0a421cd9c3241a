"""The case board with many cases: how long its pages take, how large they are, and how it does with fifty people at once.
Part of: make bench

    python benchmarks/board.py
"""

from __future__ import annotations

import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.mailboxes import a_warning  # noqa: E402
from benchmarks.run import say  # noqa: E402
from tests.conftest import until  # noqa: E402
from triage import log  # noqa: E402
from triage.cases import search  # noqa: E402
from triage.cases.decisions import packed  # noqa: E402
from triage.config import Settings  # noqa: E402
from triage.judging import judge  # noqa: E402
from triage.labels import SEVERITY, Cause, Platform, Stage  # noqa: E402
from triage.learn import registry, retrain  # noqa: E402
from triage.mail.reading import Recipient  # noqa: E402
from triage.people import users  # noqa: E402
from triage.store.connection import opened  # noqa: E402
from triage.store.moments import stored  # noqa: E402
from triage.store.transaction import transaction  # noqa: E402
from triage.types import RawMessage  # noqa: E402

CASES, MESSAGES, OPEN = 50_000, 500_000, 1_000
PEOPLE, SECONDS = 50, 20
PASSWORD = "correct horse battery"


def filled(settings: Settings) -> None:
    """A database of years: 50,000 cases, of which 1,000 are open, and 500,000 messages, a tenth of them warnings."""
    now, chance = datetime.now(UTC), random.Random(7)
    raws = [a_warning(n) for n in range(200)]
    messages = [RawMessage(uid=n, raw=raw, received_at=now, size_bytes=len(raw)) for n, raw in enumerate(raws, 1)]
    judged = judge(messages, Recipient(), registry.load(settings.models_dir))
    causes, stages = [c for c in Cause if c is not Cause.NONE], [s for s in Stage if s is not Stage.NONE]
    platforms = [Platform.AMAZON, Platform.EBAY, Platform.WALMART, Platform.TEMU, Platform.SHOPEE]
    with opened(settings.database) as db, transaction(db):
        for case in range(1, CASES + 1):
            is_open = case > CASES - OPEN
            at = now - timedelta(minutes=10 * (CASES - case))
            stage = chance.choice(stages)
            db.execute(
                """INSERT INTO cases (account, platform, store, cause, stage, status, severity, confidence, needs_review, sender,
                       language, deadline_at, deadline_text, title, opened_at, updated_at, open_since)
                   VALUES ('shop', ?, ?, ?, ?, ?, ?, 0.9, 0, 'proven', 'en', ?, 'within 72 hours', ?, ?, ?, ?)""",
                [
                    chance.choice(platforms).value, f"store {chance.randrange(40)}", chance.choice(causes).value, stage.value,
                    "open" if is_open else "closed", SEVERITY[stage],
                    stored(now + timedelta(hours=chance.randrange(200))) if is_open else None,
                    f"Notice {case}: action required", stored(at), stored(at), stored(at),
                ],
            )  # fmt: skip
            db.execute(
                "INSERT INTO case_events (case_id, at, by, kind, detail) VALUES (?, ?, 'triage', 'opened', ?)",
                [case, stored(at), json.dumps({"subject": f"Notice {case}"})],
            )
        for number in range(1, MESSAGES + 1):
            warning = number % (MESSAGES // CASES) == 0
            which = number % len(raws)
            decision = judged[which].decision
            assert decision is not None
            at = stored(now - timedelta(minutes=MESSAGES - number))
            row = db.execute(
                """INSERT INTO messages (account, folder, uidvalidity, uid, message_id, digest, received_at, sender, subject,
                       outcome, decision, model, case_id, original)
                   VALUES ('shop', 'INBOX', 1, ?, ?, ?, ?, 'a@amazon.com', ?, ?, ?, 'm', ?, ?) RETURNING id""",
                [
                    number, f"<{number}@x>", str(number), at, f"Subject {number}", "warning" if warning else "ordinary",
                    packed(decision) if warning else None, number // (MESSAGES // CASES) if warning else None,
                    zlib.compress(raws[which]) if warning else None,
                ],
            ).fetchone()  # fmt: skip
            if warning:
                search.add(db, "mail", row[0], raws[which].decode(errors="replace") + f" token{number}")
    with opened(settings.database) as db:
        users.add(db, "li", PASSWORD, users.Role.ACT, now=now)


def signed_in(address: str) -> requests.Session:
    """Somebody's browser."""
    web = requests.Session()
    key = re.search('name="key" value="([^"]*)"', web.get(address + "/sign-in", timeout=60).text)
    assert key is not None
    web.post(address + "/sign-in", data={"key": key[1], "name": "li", "password": PASSWORD}, timeout=60)
    assert web.cookies
    return web


def timed(web: requests.Session, url: str) -> tuple[float, int]:
    """Seconds until the whole answer is there, and its bytes on the wire."""
    begun = time.perf_counter()
    answer = web.get(url, timeout=60, stream=True)
    size = len(answer.raw.read(decode_content=False))
    assert answer.status_code == 200, (url, answer.status_code)
    return time.perf_counter() - begun, size


def p95(seconds: list[float]) -> float:
    """The 95th percentile, in milliseconds."""
    return statistics.quantiles(seconds, n=20)[-1] * 1000


def main() -> None:
    """Fill, serve in a process of its own, measure."""
    log.configure(level="error")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        retrain.retrain(place / "models", (), datetime.now(UTC))
        settings = Settings(data=place / "data", models=place / "models")
        filled(settings)
        (place / "c.toml").write_text(f'data = "{place}/data"\nmodels = "{place}/models"\n[logging]\nlevel = "error"\n')
        say(
            "database",
            f"{CASES:,} cases ({OPEN:,} open), {MESSAGES:,} messages, {settings.database.stat().st_size / 1e6:,.0f} MB",
        )
        command = [sys.executable, "-m", "triage", "web", "--listen", "127.0.0.1:8499", "-c", str(place / "c.toml")]
        served = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        address = "http://127.0.0.1:8499"

        def up() -> bool:
            try:
                return requests.get(address + "/sign-in", timeout=5).ok
            except requests.ConnectionError:
                return False

        try:
            until(up, 60, "for the board")
            web = signed_in(address)
            chance = random.Random(1)
            for name, asked, url in (
                ("board", 100, lambda: "/"),
                ("board, filtered", 100, lambda: f"/?platform=ebay&cause={chance.choice(list(Cause)[:15]).value}"),
                ("case", 100, lambda: f"/cases/{chance.randrange(1, CASES)}"),
                ("search", 200, lambda: f"/search?q=token{10 * chance.randrange(1, CASES)}"),
                ("search for a word of every mail", 200, lambda: "/search?q=account"),
                ("stores", 0, lambda: "/stores"),
                ("calendar", 0, lambda: "/calendar"),
            ):
                times = [timed(web, address + url()) for _ in range(5 if not asked else 100)]
                wanted = f" (asked: under {asked} ms)" if asked else ""
                say(
                    f"{name}, p95{wanted}",
                    f"{p95([t for t, _ in times]):.0f} ms, {statistics.median(s for _, s in times) / 1000:.0f} KB",
                )
            parts = ["/", "/static/board.css", "/static/board.js", "/static/htmx.min.js", "/static/icon.svg"]
            say(
                "first page with all it needs (asked: under 100 KB)",
                f"{sum(timed(web, address + part)[1] for part in parts) / 1000:.0f} KB",
            )

            def one(_: int) -> list[float]:
                mine, found, end = requests.Session(), [], time.monotonic() + SECONDS
                mine.cookies.update(web.cookies)
                own = random.Random()
                time.sleep(own.uniform(0, 4))  # nobody comes in the same millisecond
                while time.monotonic() < end:
                    found.append(
                        timed(
                            mine, address + own.choice(["/", f"/cases/{own.randrange(1, CASES)}", "/?platform=temu"])
                        )[0]
                    )
                    time.sleep(own.uniform(2, 6))  # people read
                return found

            with ThreadPoolExecutor(PEOPLE) as crowd:
                all_of_them = [t for some in crowd.map(one, range(PEOPLE)) for t in some]
            say(
                f"{PEOPLE} people at once, {len(all_of_them)} pages",
                f"p50 {statistics.median(all_of_them) * 1000:.0f} ms, p95 {p95(all_of_them):.0f} ms",
            )
        finally:
            served.terminate()
            served.wait()


if __name__ == "__main__":
    main()
