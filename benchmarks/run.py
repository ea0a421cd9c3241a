"""Figures, each measured now on this machine: start, memory, throughput. Run by: make bench

Speeds are also given as ratios to a bare loop in the same run, which is what can be compared between machines.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import fast_mail_parser
import psutil
from imapclient import IMAPClient
from sklearn.metrics import f1_score

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.conftest import ORDER, SUSPENSION, Dovecot, a_raw, dovecot_server  # noqa: E402
from tests.test_deadlines import PHRASES, expected, read  # noqa: E402
from triage import log  # noqa: E402
from triage.config import Polling, Settings, Target  # noqa: E402
from triage.judges import Judges  # noqa: E402
from triage.labels import Cause  # noqa: E402
from triage.learn import corpus, in_use, registry, training  # noqa: E402
from triage.learn.evaluation import Prediction, metrics, predict  # noqa: E402
from triage.mail import reading, sender  # noqa: E402
from triage.mail.session import Session  # noqa: E402
from triage.mail.sign_in import quiet  # noqa: E402
from triage.polling import Looker  # noqa: E402
from triage.store.connection import opened  # noqa: E402
from triage.types import Mail  # noqa: E402
from triage.understand.classifier import Model  # noqa: E402
from triage.understand.deadline import deadline  # noqa: E402
from triage.understand.decide import decide  # noqa: E402
from triage.understand.facts import about, facts  # noqa: E402
from triage.understand.naming import store_name  # noqa: E402

T = TypeVar("T")
MAILS = 20_000
#: Of a language or platform with fewer warnings a figure would say nothing.
FEWEST = 20
NOW = datetime.now(UTC)


def say(name: str, value: str) -> None:
    print(f"{name:<58} {value}", flush=True)


def seconds(command: list[str], env: dict[str, str], times: int = 7) -> float:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def a_day_of_mail(number: int) -> list[bytes]:
    """Mails like a seller's: HTML of about 11 KB, one in fifty a warning."""
    style = "padding:8px 12px;border-bottom:1px solid #dddddd;font-family:Arial,sans-serif;font-size:13px;color:#333333"
    filler = "".join(
        f'<tr><td style="{style}">Camping lantern No. {n}, folding</td><td style="{style}">Qty 1</td></tr>'
        for n in range(38)
    )
    made = []
    for n in range(number):
        warning = n % 50 == 0
        text = SUSPENSION.replace("16744219803", f"1674{n:07d}") if warning else f"{ORDER} No. {n}"
        subject = "Your Amazon.com selling account" if warning else f"Sold, ship now: item {n}"
        html = f"<html><body><p>{text.replace(chr(10), '<br>')}</p><table>{filler}</table></body></html>"
        raw = a_raw(subject, "x").replace(b'text/plain; charset="utf-8"', b"text/html; charset=utf-8")
        head, _, _ = raw.partition(b"\n\n")
        made.append(head + b"\n\n" + html.encode())
    return made


def start_up(folder: Path, env: dict[str, str]) -> None:
    triage = [sys.executable, "-m", "triage"]
    say("triage --help, median of 7 (asked: under 0.5 s)", f"{seconds([*triage, '--help'], env):.2f} s")
    say("triage cases, median of 7 (asked: under 0.5 s)", f"{seconds([*triage, 'cases'], env):.2f} s")


def throughput(server: Dovecot, settings: Settings, model: object) -> None:
    user = server.user()
    raws = a_day_of_mail(MAILS)
    server.deliver(user, *raws)
    account = server.account(user)
    say("mails, median size", f"{MAILS}, {statistics.median(map(len, raws)) / 1000:.1f} KB")
    bare = {}
    for name, prepare in (("as it comes", lambda client: None), ("without its debug lines", quiet)):
        with IMAPClient("127.0.0.1", port=server.port, ssl=False) as client:
            prepare(client)
            client.login(user, server.PASSWORD)
            client.select_folder("INBOX", readonly=True)
            uids = client.search()
            start = time.perf_counter()
            for at in range(0, len(uids), 100):
                client.fetch(uids[at : at + 100], ["BODY.PEEK[]", "INTERNALDATE"])
            bare[name] = MAILS / (time.perf_counter() - start)
        say(f"bare imapclient fetch, batches of 100, {name}", f"{bare[name]:,.0f} mails/s")
    live = settings.model_copy(update={"accounts": (account,)})
    with opened(live.database) as db:
        cpu, start = time.process_time(), time.perf_counter()
        looker = Looker(live, Judges(live.models_dir), lambda: datetime.now(UTC), None, lambda: None)
        with Session(account, live.polling) as session:
            looked = looker.look(db, account, model, session)
        whole, busy = time.perf_counter() - start, time.process_time() - cpu
    assert looked.messages == MAILS
    rate = MAILS / whole
    say(
        "fetch to stored case, all cores", f"{rate:,.0f} mails/s ({busy / whole:.0%} of one core in the service itself)"
    )
    for name, bare_rate in bare.items():
        say(f"... as a ratio to the bare fetch {name} (asked: 0.25)", f"{rate / bare_rate:.2f}")


def parts(model: Model) -> None:
    model.scores([reading.read(raw) for raw in a_day_of_mail(5)])  # the lexicon is compiled at first use
    raws = a_day_of_mail(1000)
    bare = rate(fast_mail_parser.parse_email, raws)
    opened_rate = rate(reading.opened, raws)
    say("the fast parser alone, which gives no text of HTML", f"{bare:,.0f} mails/s")
    say(
        "reading bytes to Mail (asked: 4,000)",
        f"{opened_rate:,.0f} mails/s, {opened_rate / bare:.2f} of the bare parser",
    )
    mails = [mail for raw in raws if isinstance(mail := reading.read(raw), Mail)]
    moments = [NOW] * 100
    start = time.perf_counter()
    for at in range(0, 1000, 100):
        model.scores(mails[at : at + 100])
    say(
        "features and classification, batches of 100 (asked: 2,500)",
        f"{1000 / (time.perf_counter() - start):,.0f} mails/s",
    )
    start = time.perf_counter()
    for at in range(0, 1000, 100):
        decide(mails[at : at + 100], model, moments, ZoneInfo("UTC"))
    say(
        "... with platform, language, numbers, deadline, reasons",
        f"{1000 / (time.perf_counter() - start):,.0f} mails/s",
    )
    single = []
    for mail in mails[:200]:
        start = time.perf_counter()
        decide([mail], model, [NOW], ZoneInfo("UTC"))
        single.append(time.perf_counter() - start)
    say("deciding one mail, median (asked: under 3 ms)", f"{statistics.median(single) * 1000:.1f} ms")


def rate(work: Callable[[T], object], things: Sequence[T]) -> float:
    """Things a second, the best of three runs."""
    best = 0.0
    for _ in range(3):
        start = time.perf_counter()
        for thing in things:
            work(thing)
        best = max(best, len(things) / (time.perf_counter() - start))
    return best


def extraction() -> None:
    """Verdict on the sender, facts and deadline of the warnings of the corpus."""
    mails = [row.mail() for row in corpus.shipped().rows if row.cause is not Cause.NONE]

    def judged(mail: Mail) -> None:
        sender.origin(mail)
        named = about(mail)
        facts(mail, named)
        store_name(mail, named)
        deadline(f"{mail.subject}\n{mail.text}", NOW, ZoneInfo("Asia/Shanghai"))

    rate(judged, mails[:300])
    length = statistics.median(len(mail.text) for mail in mails)
    say(
        f"verdict and extraction, {len(mails)} warnings, median {length:.0f} characters (asked: 2,000)",
        f"{rate(judged, mails):,.0f} warnings/s",
    )
    wrong = [phrase for phrase in PHRASES if read(phrase) != expected(phrase["expected"])]
    late = [p for p in wrong if expected(p["expected"]) and (read(p) is None or read(p) > expected(p["expected"]))]
    say(
        f"{len(PHRASES)} labelled deadline phrases (asked: 97 % exact, none late)",
        f"{1 - len(wrong) / len(PHRASES):.1%} exact, {len(late)} late",
    )


def memory(server: Dovecot, settings: Settings, folder: Path, env: dict[str, str]) -> None:
    user = server.user()
    config = folder / "run.toml"
    config.write_text(
        f'data = "{folder}/run"\nmodels = "{settings.models_dir}"\n[[accounts]]\nname = "a"\nhost = "127.0.0.1"\nport = {server.port}\n'
        f'security = "none"\nuser = "{user}"\npassword = "{server.PASSWORD}"\n[[targets]]\nname = "f"\ntype = "jsonl"\npath = "{folder}/f.jsonl"\n'
        '[polling]\nevery = "1 second"\n'
    )
    running = subprocess.Popen(
        [sys.executable, "-m", "triage", "run", "-c", str(config)], stderr=subprocess.DEVNULL, env=env
    )
    try:
        time.sleep(5)
        idle = psutil.Process(running.pid).memory_info().rss / 1e6
        server.deliver(user, *a_day_of_mail(1000))
        time.sleep(8)
        after = psutil.Process(running.pid).memory_info().rss / 1e6
    finally:
        running.terminate()
        running.wait(10)
    say("daemon with one account, resident (asked: under 220 MB)", f"{idle:.0f} MB; after 1,000 mails {after:.0f} MB")


def train(folder: Path) -> None:
    code = f"from triage.learn import retrain; import datetime, pathlib; retrain.retrain(pathlib.Path({str(folder / 'm')!r}), (), datetime.datetime.now(datetime.UTC))"
    start = time.perf_counter()
    process = psutil.Popen([sys.executable, "-c", code])
    peak = 0
    while process.poll() is None:
        family = [process, *process.children(recursive=True)] if process.is_running() else []
        with contextlib.suppress(psutil.Error):
            peak = max(peak, sum(p.memory_info().rss for p in family))
        time.sleep(0.1)
    rows = len(corpus.shipped().rows)
    say(
        f"triage train on {rows} rows (asked: under a minute)",
        f"{time.perf_counter() - start:.0f} s, peak {peak / 1e6:,.0f} MB with workers",
    )
    version = registry.current(folder / "m")
    start = time.perf_counter()
    registry.load(folder / "m")
    size = (folder / "m" / str(version) / "model.joblib").stat().st_size
    say(
        "model file (asked: under 30 MB); loaded in (asked: under 1 s)",
        f"{size / 1e6:.1f} MB; {time.perf_counter() - start:.2f} s",
    )
    for name in (
        "warning_recall",
        "warning_precision",
        "cause_macro_f1",
        "stage_accuracy",
        "platform_accuracy",
        "calibration_error",
    ):
        say(f"on unseen families: {name.replace('_', ' ')}", str(registry.versions(folder / "m")[0].metrics[name]))


def left_out(model: Model) -> None:
    """What is said of a platform, or a language, by classifiers that have never seen it."""
    rows = corpus.shipped().rows
    warnings = {n for n, row in enumerate(rows) if row.cause is not Cause.NONE}
    for key, name in (("lang", "language"), ("platform", "platform")):
        parts: dict[str, set[int]] = {}
        for number, row in enumerate(rows):
            parts.setdefault(str(getattr(row, key)), set()).add(number)
        parts = {label: part for label, part in sorted(parts.items()) if len(part & warnings) >= FEWEST}
        judged = training.judge_without(rows, list(parts.values()), model)
        said = [{number: p for number, p in part.items() if number in warnings} for part in judged]
        everything = {number: prediction for part in said for number, prediction in part.items()}
        pooled = metrics([rows[n] for n in everything], list(everything.values()))
        say(f"one {name} left out at a time: warning recall", str(pooled["warning_recall"]))
        say(f"one {name} left out at a time: cause macro F1", str(_of_warnings(rows, everything)))
        for label, part in zip(parts, said, strict=True):
            figures = metrics([rows[n] for n in part], list(part.values()))
            recall, f1 = figures["warning_recall"], _of_warnings(rows, part)
            say(f"    without {label} ({figures['rows']} warnings)", f"recall {recall}, cause macro F1 {f1}")


def later(model: Model) -> None:
    """Warnings that were written after the corpus and the lexicon, and from which nothing was ever learned."""
    rows = corpus.load([ROOT / "benchmarks" / "later.jsonl"]).rows
    figures = metrics(rows, predict(rows, model))
    for name in ("warning_recall", "warning_or_review_recall", "cause_accuracy_of_warnings", "stage_accuracy"):
        say(f"{len(rows)} warnings written later: {name.replace('_', ' ')}", str(figures[name]))


def _of_warnings(rows: Sequence[corpus.Row], said: dict[int, Prediction]) -> float:
    """Macro F1 over the causes of rows that all are warnings, of those that were found to be warnings or not."""
    truth = [rows[n].cause.value for n in said]
    best = [max(p.causes, key=lambda cause: p.causes[cause]).value for p in said.values()]
    return round(float(f1_score(truth, best, labels=sorted(set(truth)), average="macro", zero_division=0)), 4)


def main() -> None:
    say("machine", f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    log.configure(level="error")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        train(folder)
        model = in_use.ready(folder / "m", NOW)
        settings = Settings(
            data=folder / "data",
            models=folder / "m",
            targets=(Target(name="f", type="jsonl", path=folder / "f.jsonl"),),
            polling=Polling(),
        )
        with opened(settings.database):
            pass
        (folder / "c.toml").write_text(f'data = "{folder}/data"\nmodels = "{folder}/m"\n')
        env = {**os.environ, "TRIAGE_CONFIG": str(folder / "c.toml")}
        start_up(folder, env)
        parts(model)
        extraction()
        left_out(model)
        later(model)
        running = dovecot_server.__wrapped__()
        server = next(running)
        try:
            throughput(server, settings, model)
            memory(server, settings, folder, env)
        finally:
            next(running, None)


if __name__ == "__main__":
    main()
