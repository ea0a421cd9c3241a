"""An IMAP server in memory on a free loopback port, and a seller's day of mail in it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from importlib.resources import files
from importlib.util import find_spec

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from triage.errors import MailboxUnavailable, UsageError

USER, PASSWORD = "seller", "demo"
_START_LIMIT = 15.0


@contextmanager
def server() -> Iterator[int]:
    """A running server; its port. It ends with the block, and its mail with it.

    Raises:
        UsageError: pymap is not installed. MailboxUnavailable: it did not start.
    """
    if find_spec("pymap") is None:
        raise UsageError("the demo needs an IMAP server: run: pip install 'triage[demo]'")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", "from pymap.main import main; main()", "--host", "127.0.0.1", "--port", str(port),
               "--no-tls", "dict", "--demo-user", USER, "--demo-password", PASSWORD]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        _wait(process, port)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()


def day(now: datetime) -> list[tuple[datetime, bytes]]:
    """What lies in the mailbox at first, oldest first."""
    return sorted((now - timedelta(hours=float(str(row["hours_ago"]))), _message(row, now - timedelta(hours=float(str(row["hours_ago"]))), n))
                  for n, row in enumerate(_data()["mail"]))  # fmt: skip


def later(now: datetime) -> list[bytes]:
    """What comes while the daemon watches."""
    return [_message(row, now, 900 + n) for n, row in enumerate(_data()["later"])]


def deliver(port: int, messages: list[tuple[datetime, bytes]]) -> None:
    """Put messages into the inbox."""
    client = IMAPClient("127.0.0.1", port=port, ssl=False, timeout=30)
    client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # 50 times faster with pymap
    try:
        client.login(USER, PASSWORD)
        for moment, raw in messages:
            client.append("INBOX", raw, msg_time=moment)
    finally:
        client.logout()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + _START_LIMIT
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            client = IMAPClient("127.0.0.1", port=port, ssl=False, timeout=5)
            client.login(USER, PASSWORD)
            client.logout()
        except (OSError, IMAPClientError):
            time.sleep(0.1)
            continue
        return
    raise MailboxUnavailable("the demo's IMAP server did not start; try again")


def _data() -> dict[str, list[dict[str, object]]]:
    return tomllib.loads((files("triage.demo") / "day.toml").read_text(encoding="utf-8"))


def _message(row: dict[str, object], moment: datetime, number: int) -> bytes:
    message = EmailMessage()
    sender = str(row["from"])
    domain = parseaddr(sender)[1].rpartition("@")[2]
    results = {
        "pass": f"dkim=pass header.d={domain}; spf=pass smtp.mailfrom=bounces.{domain}; dmarc=pass header.from={domain}",
        "other": f"dkim=pass header.d={domain}; dmarc=pass header.from={domain}",
        "fail": f"dkim=none; spf=fail smtp.mailfrom={domain}; dmarc=fail header.from={domain}",
    }
    if row.get("auth"):
        message["Authentication-Results"] = f"mx.demo.example; {results[str(row['auth'])]}"
    message["From"] = sender
    message["To"] = "shop@brightfield.example"
    message["Subject"] = str(row["subject"])
    message["Date"] = format_datetime(moment)
    message["Message-ID"] = f"<{number}.{moment:%Y%m%d%H%M%S}@{domain or 'local'}>"
    if row.get("bulk"):
        message["List-Unsubscribe"] = f"<mailto:unsubscribe@{domain}>"
    message.set_content(str(row["body"]).strip() + "\n")
    return message.as_bytes()
