"""What is learned from twenty corrections, how fast stored mails are judged again, and whether a training slows the alerts.
Part of: make bench

    python benchmarks/learning.py [kinds] [bulk] [alerts]
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.mailboxes import a_warning, hook, quantiles, rows, service, waits  # noqa: E402
from benchmarks.run import say  # noqa: E402
from tests.conftest import a_raw, dovecot_server, until  # noqa: E402
from tests.data.new_kinds import KINDS  # noqa: E402
from triage import log, redeciding  # noqa: E402
from triage.cases import messages  # noqa: E402
from triage.config import Account, Settings  # noqa: E402
from triage.judging import judge  # noqa: E402
from triage.labels import Cause  # noqa: E402
from triage.learn import corpus, corrections, registry, retrain, training  # noqa: E402
from triage.learn.backends import Backend  # noqa: E402
from triage.learn.evaluation import metrics, predict  # noqa: E402
from triage.mail.reading import Recipient  # noqa: E402
from triage.store.connection import opened  # noqa: E402
from triage.store.transaction import transaction  # noqa: E402
from triage.types import Batch, Mail, RawMessage  # noqa: E402
from triage.understand.classifier import Model  # noqa: E402

if TYPE_CHECKING:
    from sqlite_utils import Database

#: So many stored warnings are judged again.
STORED = 20_000


def kinds(models: Path) -> None:
    """Twenty corrections of a kind that the corpus lacks, and twenty further notices of it."""
    shipped = corpus.shipped().rows
    model = registry.load(models)
    before = registry.versions(models)[0].metrics

    def found(by: Model, kind: int) -> float:
        notices = KINDS[kind].notices()[20:]
        return sum(said.cause is KINDS[kind].cause for said in predict(notices, by)) / 20

    for number, kind in enumerate(KINDS):
        learn = [
            row.model_copy(update={"weight": corrections.WEIGHT, "group": f"correction-{row.id}"})
            for row in kind.notices()[:20]
        ]
        trained = training.train([*shipped, *learn], "x")
        after = metrics(shipped, trained.held_out[: len(shipped)])
        say(
            f"{kind.name}: 20 further notices found, before and after 20 corrections",
            f"{found(model, number):.2f}, {found(trained.model, number):.2f} (asked: 0.9)",
        )
        moved = ", ".join(
            f"{name.replace('_', ' ')} {100 * (after[name] - before[name]):+.2f}"
            for name in ("warning_recall", "warning_precision", "cause_macro_f1")
        )
        say("... elsewhere, in points (asked: not more than 0.5 lost)", moved)


def bulk(models: Path) -> None:
    """Stored warnings judged again, on one core and on two: short ones of one template, and the corpus' in twelve languages."""
    rows = [row for row in corpus.shipped().rows if row.cause is not Cause.NONE]
    of_corpus = [a_raw(" ".join((row.subject or "").split()), row.body or "") for row in rows]
    for what, raws in (
        ("short warnings of one template", [a_warning(n) for n in range(STORED)]),
        ("the corpus' warnings", list(itertools.islice(itertools.cycle(of_corpus), STORED))),
    ):
        say(f"{what}: mails, mean size", f"{STORED:,}, {sum(map(len, raws)) / STORED:,.0f} bytes")
        with tempfile.TemporaryDirectory() as place, stored(raws, models, Path(place)) as (db, model, settings):
            for jobs in (1, 2):
                for call in ("first", "second"):
                    begun = time.perf_counter()
                    mails = redeciding.redecide(db, model, settings, backend=Backend(jobs)).mails
                    assert mails > 0.9 * STORED
                    rate = mails / (time.perf_counter() - begun) / jobs
                    say(
                        f"... judged again, {jobs} processes, {call} call",
                        f"{rate:,.0f} mails/s per core (asked: 2,000)",
                    )


@contextmanager
def stored(raws: Sequence[bytes], models: Path, place: Path) -> Iterator[tuple[Database, Model, Settings]]:
    """A database that has judged these mails once."""
    account = Account(name="a", host="h", user="u", password="p")
    settings = Settings(data=place, models=models, accounts=(account,))
    model = registry.load(models)
    now = datetime.now(UTC)
    found = [RawMessage(uid=n, raw=raw, received_at=now, size_bytes=len(raw)) for n, raw in enumerate(raws, 1)]
    with opened(settings.database) as db:
        for at in range(0, len(found), 200):
            some = tuple(found[at : at + 200])
            batch = Batch(account="a", folder="INBOX", uidvalidity=1, messages=some, last_uid=some[-1].uid, history=True)
            with transaction(db):
                for message, judged in zip(some, judge(some, Recipient(), model), strict=True):
                    assert isinstance(judged.mail, Mail)
                    known = {"mail": judged.mail, "decision": judged.decision}
                    messages.insert(db, batch, message, digest=str(message.uid), outcome="warning", **known)
        yield db, model, settings


def alerts(models: Path, place: Path) -> None:
    """From delivery to alert, alone and while a training runs as the service runs it."""
    running = dovecot_server.__wrapped__()
    server = next(running)
    user = server.user()
    numbers = itertools.count()
    with hook() as (url, seen), service(place, server.port, [user], server.PASSWORD, url):
        done = "SELECT count(*) FROM mailboxes WHERE last_success_at IS NOT NULL"
        until(lambda: (place / "data" / "triage.sqlite").exists() and rows(place, done) == 1, 60)

        def measured(what: str) -> None:
            found = waits(lambda n: server.deliver(user, a_warning(n)), seen, 40, first=1000 * next(numbers))
            say(what, quantiles(found))

        measured("delivery to alert, alone, 40 mails")
        code = (
            "import os; os.nice(19)\nfrom pathlib import Path\nfrom datetime import UTC, datetime\nfrom triage.learn import retrain\n"
            f"from triage.learn.backends import Backend\nretrain.retrain(Path({str(place / 'other')!r}), (), datetime.now(UTC), backend=Backend(1))"
        )
        beside = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)})
        time.sleep(5)
        measured("... while a training runs beside it")
        say("... was it still under way at the end", "yes" if beside.poll() is None else "no")
        beside.kill()
        beside.wait()
    next(running, None)


def main(parts: list[str]) -> None:
    log.configure(level="error")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)
        retrain.retrain(place / "models", (), datetime.now(UTC))
        for name in parts or ["kinds", "bulk", "alerts"]:
            if name == "alerts":
                alerts(place / "models", place)
            else:
                {"kinds": kinds, "bulk": bulk}[name](place / "models")


if __name__ == "__main__":
    main(sys.argv[1:])
