"""Many mailboxes in one process, and how soon new mail is alerted: figures, each measured now. Part of: make bench

python benchmarks/mailboxes.py latency | dovecot | scripted | fair
"""

from __future__ import annotations

import contextlib
import http.server
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.run import a_day_of_mail, say  # noqa: E402
from tests.conftest import Dovecot, a_raw, dovecot_server, until  # noqa: E402
from tests.scripted import Scripted  # noqa: E402
from triage.learn import retrain  # noqa: E402
from triage.store.connection import opened  # noqa: E402

NAME = re.compile(r"Policy Warning ([a-j]+)")
MANY = 1_000
FLOOD = 50_000


def a_name(number: int) -> str:
    """A number in letters: mails whose subjects differ in a number alone would be one case."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def a_warning(number: int) -> bytes:
    """One that opens a case of its own."""
    name = a_name(number)
    body = f"A rights owner reported that ASIN: B0{number:08d} infringes its trademark. Your listing was removed. Respond within 72 hours."
    return a_raw(f"Policy Warning {name}", body)


@contextmanager
def hook() -> Iterator[tuple[str, dict[str, float]]]:
    """A receiver on the loopback: its address, and when each warning was first alerted."""
    seen: dict[str, float] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            at = time.perf_counter()
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            for name in NAME.findall(body):
                seen.setdefault(name, at)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"json://127.0.0.1:{server.server_address[1]}/", seen
    server.shutdown()


@contextmanager
def service(place: Path, port: int, users: list[str], password: str, url: str = "") -> Iterator[psutil.Process]:
    """triage run over all these mailboxes."""
    config = place / "config.toml"
    target = f'type = "apprise"\nurl = "{url}"' if url else f'type = "jsonl"\npath = "{place}/alerts.jsonl"'
    accounts = "".join(
        f'[[accounts]]\nname = "{user}"\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\nuser = "{user}"\npassword = "{password}"\nhistory = "0 seconds"\n'
        for user in users
    )
    config.write_text(
        f'data = "{place}/data"\nmodels = "{place}/models"\n{accounts}[[targets]]\nname = "t"\n{target}\n'
        '[alerting]\ngroup = "0 seconds"\n[polling]\nrenew = "1 minute"\n[logging]\nlevel = "warning"\n'
    )
    with (place / "log").open("w") as log:
        running = subprocess.Popen([sys.executable, "-m", "triage", "run", "-c", str(config)], stderr=log)
    try:
        yield psutil.Process(running.pid)
    finally:
        running.terminate()
        running.wait(20)


def rows(place: Path, sql: str) -> int:
    with opened(place / "data" / "triage.sqlite") as db:
        return int(db.execute(sql).fetchone()[0])


def waits(
    deliver: Callable[[int], None], seen: dict[str, float], times: int, pause_s: float = 0.2, first: int = 0
) -> list[float]:
    """From delivery to the first byte at the receiver, in seconds. first: the number of the first mail."""
    sent: dict[str, float] = {}
    for number in range(first, first + times):
        sent[a_name(number)] = time.perf_counter()
        deliver(number)
        until(lambda n=number: a_name(n) in seen, 30, "for an alert")  # type: ignore[misc]
        time.sleep(pause_s)
    return sorted(seen[name] - at for name, at in sent.items())


def quantiles(found: list[float]) -> str:
    return f"p50 {statistics.median(found):.2f} s, p99 {found[int(len(found) * 0.99) - 1]:.2f} s, longest {found[-1]:.2f} s"


def latency(server: Dovecot, place: Path) -> None:
    user = server.user()
    with hook() as (url, seen), service(place, server.port, [user], server.PASSWORD, url):
        until(lambda: rows(place, "SELECT count(*) FROM mailboxes WHERE last_success_at IS NOT NULL"), 60)
        time.sleep(1)
        found = waits(lambda n: server.deliver(user, a_warning(n)), seen, 100)
    say("delivery to alert, Dovecot, 100 mails (p50 < 0.8, p99 < 1.5)", quantiles(found))


def many(place: Path, port: int, users: list[str], password: str, deliver: Callable[[str, bytes], None]) -> None:
    with hook() as (url, seen), service(place, port, users, password, url) as process:
        begun = time.perf_counter()
        done = "SELECT count(*) FROM mailboxes WHERE last_success_at IS NOT NULL"
        until(lambda: (place / "data" / "triage.sqlite").exists() and rows(place, done) == len(users), 300, "for all")
        say("... all read once after", f"{time.perf_counter() - begun:.1f} s")
        time.sleep(5)
        cpu, at = sum(process.cpu_times()[:2]), time.perf_counter()
        time.sleep(60)
        share = (sum(process.cpu_times()[:2]) - cpu) / (time.perf_counter() - at)
        say("... idle, each renewed every minute (asked: < 25 % of a core)", f"{share:.1%} of a core")
        say(
            "... memory (asked: < 600 MB)",
            f"{process.memory_info().rss / 1e6:,.0f} MB, {process.num_threads()} threads",
        )
        found = waits(lambda n: deliver(users[n * 7 % len(users)], a_warning(n)), seen, 50)
        say("... delivery to alert, each in another mailbox", quantiles(found))


def on_dovecot(server: Dovecot, place: Path) -> None:
    # Dovecot hears of new mail through inotify, of which a user may have 128; beyond that it looks every 30 seconds.
    with contextlib.suppress(OSError):
        Path("/proc/sys/fs/inotify/max_user_instances").write_text("4096")
    users = [server.user() for _ in range(MANY)]
    say("mailboxes on Dovecot", str(MANY))
    many(place, server.port, users, server.PASSWORD, lambda user, raw: server.deliver(user, raw))


def on_scripted(server: Scripted, place: Path) -> None:
    users = [f"user{n}" for n in range(MANY)]
    say("mailboxes on a scripted server", str(MANY))
    many(place, server.port, users, "p", lambda user, raw: server.deliver(raw, user=user))


def fair(server: Dovecot, place: Path) -> None:
    """One mailbox gets 50,000 mails; how long the others wait."""
    users = [server.user() for _ in range(20)]
    mails = a_day_of_mail(1_000)[1:50]
    with hook() as (url, seen), service(place, server.port, users, server.PASSWORD, url) as process:
        done = "SELECT count(*) FROM mailboxes WHERE last_success_at IS NOT NULL"
        until(lambda: (place / "data" / "triage.sqlite").exists() and rows(place, done) == len(users), 60)
        server.deliver(users[0], *(mails * (FLOOD // len(mails) + 1))[:FLOOD])
        begun = time.perf_counter()
        peak, over = [0], threading.Event()

        def watch() -> None:
            while not over.wait(0.2):
                with contextlib.suppress(psutil.Error):
                    family = [process, *process.children(recursive=True)]
                    peak[0] = max(peak[0], sum(each.memory_info().rss for each in family))

        threading.Thread(target=watch, daemon=True).start()
        found = waits(lambda n: server.deliver(users[1 + n % 19], a_warning(n)), seen, 40, 0.3)
        say(f"one mailbox gets {FLOOD:,} mails; the others wait", quantiles(found))
        until(lambda: rows(place, "SELECT count(*) FROM messages") >= FLOOD, 300, "for the flood")
        say("... the flood is read after", f"{time.perf_counter() - begun:.0f} s; with workers {peak[0] / 1e6:,.0f} MB")
        over.set()


def main(parts: list[str]) -> None:
    for name in parts or ["latency", "dovecot", "scripted", "fair"]:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            retrain.retrain(place / "models", (), datetime.now(UTC))
            if name != "scripted":
                running = dovecot_server.__wrapped__()
                {"latency": latency, "dovecot": on_dovecot, "fair": fair}[name](next(running), place)
                next(running, None)
            else:
                server = Scripted()
                server.start()
                on_scripted(server, place)
                server.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
