"""Mutated mails by the hundred thousand: none may crash the reading or understanding, hang it, or fill the memory.

Run by: python benchmarks/fuzz.py [NUMBER] [SEED]. A short run of the same stands in the tests.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from triage.mail import reading  # noqa: E402
from triage.types import Mail, Unreadable  # noqa: E402
from triage.understand.deadline import deadline  # noqa: E402
from triage.understand.facts import about, facts  # noqa: E402
from triage.understand.language import language  # noqa: E402
from triage.understand.naming import store_name  # noqa: E402

SEEDS = ROOT / "tests" / "data" / "mails"
SEED = 20261123
#: Mails of one seed; a mail that fails is named by both.
CHUNK = 10_000
#: Nobody waits longer for a mail, however hostile.
LONGEST_S = 2.0
WRITTEN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")

#: What stands in mails and means something to one of the parsers.
TOKENS = [
    b"\r\n\r\n", b"\n", b"\r", b"\0", b"--B0\r\n", b"--B0--", b"Content-Type: multipart/mixed; boundary=B0\r\n", b"Content-Type: message/rfc822\r\n\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"=?utf-8?B?", b"?=", b"=?gb2312?Q?", b"charset=utf-7", b"charset=\xff", b"\x1b$B", b"\xff\xfe", b"\xed\xa0\x80",
    b"<div>" * 50, b"<table><tr><td>", b"</td>", b"<p style=\"display:none\">", b"<!--", b"<a href=\"http://[", b"&#1114112;", b"From: ", b"Subject: ", b"> " * 20,
    b"On Mon, Nov 23, 2026 at 9:00 AM X <x@y.z> wrote:\n", b"---------- Forwarded message ---------\nFrom: a@b.c\nSubject: x\n", "发件人: ".encode(), "72小时内".encode(),
    b"within 72 hours ", b"99999999999999999999", b"2026-13-45", b"31.02.2026", b"B0CQ7M2XKD", b"1,2,3,4.5.6%", b"Authentication-Results: x; dkim=pass header.d=amazon.com\r\n",
    b"ARC-Seal: i=99999999999999999999; d=x\r\n", b"Received: by ", b"Date: Mon, 99 Nov 99999 99:99:99 +9999\r\n", b"xn--", b"@", b"." * 200, b"a" * 2000, b": " * 300,
    "的".encode("gb18030") * 40, "ab" .encode("utf-16"), b"begin 644 x\n", b"\x22\x9f\x3e\x22", b"Order defect rate ", b"$1,234.56 ", b"Case ID: ", b"Store name: ",
]  # fmt: skip


@dataclass(slots=True)
class Figures:
    """What a run showed."""

    mails: int = 0
    unreadable: int = 0
    slowest_s: float = 0.0
    peak_mb: float = 0.0


def mutated(seed: int, number: int) -> Iterator[bytes]:
    """Mails made from the test data by cutting, doubling, swapping, splicing and overwriting; the same for a seed."""
    draw = random.Random(seed)
    mails = [path.read_bytes() for path in sorted(SEEDS.glob("*.eml"))]
    mails = [mail for mail in mails if len(mail) < 30_000]
    changes: list[Callable[[bytes], bytes]] = [
        lambda mail: _cut(draw, mail),
        lambda mail: _insert(draw, mail),
        lambda mail: _overwrite(draw, mail),
        lambda mail: _double(draw, mail),
        lambda mail: _splice(draw, mail, draw.choice(mails)),
        lambda mail: _swap_lines(draw, mail),
    ]
    for _ in range(number):
        mail = draw.choice(mails)
        for _ in range(draw.randint(1, 5)):
            mail = draw.choice(changes)(mail)[:200_000]
        yield mail


def run(seed: int, number: int) -> Figures:
    """Read and understand mutated mails.

    Raises:
        AssertionError: one could not be read though it is a mail, or not be stored, or took too long; with its number.
    """
    figures = Figures()
    recipient = reading.Recipient(zone=ZONE, forwarders=("chen@shop.example",))
    for at, raw in enumerate(mutated(seed, number)):
        start = time.perf_counter()
        mail = reading.read(raw, recipient)
        if isinstance(mail, Unreadable):
            figures.unreadable += 1
            assert mail.reason.startswith("not a mail"), f"mail {at} of seed {seed}: {mail.reason}"
        else:
            _understood(mail)
            for text in (mail.subject, mail.text, mail.history, mail.footer, mail.sender.email, mail.sender.name):
                text.encode()  # the database could not store lone surrogates
        took = time.perf_counter() - start
        assert took < LONGEST_S, f"mail {at} of seed {seed} took {took:.1f} s"
        figures.slowest_s = max(figures.slowest_s, took)
        figures.mails += 1
    figures.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return figures


def _understood(mail: Mail) -> None:
    named = about(mail)
    facts(mail, named)
    store_name(mail, named)
    language(mail.text)
    deadline(f"{mail.subject}\n{mail.text}", WRITTEN, ZONE)


def _place(draw: random.Random, mail: bytes) -> int:
    return draw.randint(0, len(mail)) if mail else 0


def _cut(draw: random.Random, mail: bytes) -> bytes:
    a, b = sorted((_place(draw, mail), _place(draw, mail)))
    return mail[:a] + mail[min(b, a + draw.randint(1, 400)) :]


def _insert(draw: random.Random, mail: bytes) -> bytes:
    at = _place(draw, mail)
    return mail[:at] + draw.choice(TOKENS) * draw.choice((1, 1, 1, 2, 30)) + mail[at:]


def _overwrite(draw: random.Random, mail: bytes) -> bytes:
    at = _place(draw, mail)
    noise = draw.randbytes(draw.randint(1, 8))
    return mail[:at] + noise + mail[at + len(noise) :]


def _double(draw: random.Random, mail: bytes) -> bytes:
    a, b = sorted((_place(draw, mail), _place(draw, mail)))
    return mail[:b] + mail[a:b][:2000] * draw.choice((1, 2, 8)) + mail[b:]


def _splice(draw: random.Random, mail: bytes, other: bytes) -> bytes:
    return mail[: _place(draw, mail)] + other[_place(draw, other) :]


def _swap_lines(draw: random.Random, mail: bytes) -> bytes:
    lines = mail.split(b"\n")
    a, b = draw.randrange(len(lines)), draw.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return b"\n".join(lines)


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else SEED
    start = time.perf_counter()
    chunks = max(1, number // CHUNK)
    with ProcessPoolExecutor() as pool:
        parts = list(pool.map(run, range(seed, seed + chunks), [number // chunks] * chunks))
    print(
        f"{sum(part.mails for part in parts):,} mutated mails in {time.perf_counter() - start:.0f} s: no crash, "
        f"slowest {max(part.slowest_s for part in parts):.2f} s, peak memory of a process {max(part.peak_mb for part in parts):.0f} MB, "
        f"{sum(part.unreadable for part in parts):,} that are no mail"
    )


if __name__ == "__main__":
    main()
