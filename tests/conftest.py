"""Builders that name only what matters, and the real servers the tests talk to."""

from __future__ import annotations

import contextlib
import getpass
import grp
import itertools
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope
from sqlite_utils import Database

from tests.scripted import Scripted
from triage.config import Account, Settings, Target
from triage.learn import in_use, retrain
from triage.mail import cursor, reading
from triage.pipeline import take_in
from triage.store.connection import connect
from triage.types import Batch, Decision, Mail, RawMessage
from triage.understand.classifier import Model

# Where the tests run in the background of a script, Ctrl-C is ignored, and by what they start as well.
signal.signal(signal.SIGINT, signal.default_int_handler)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

SUSPENSION = """Hello,

Your Amazon selling account has been deactivated and your listings were removed. Funds are on hold.

Why did this happen?
We have concerns about the authenticity of the items you sell. ASIN: B0CQ7M2XKD

How do I reactivate my account?
Please send invoices from your supplier issued in the last 365 days within 72 hours. Case ID: 16744219803
"""
ORDER = "Congratulations, your item sold. Order ID: 114-2209871-5530013. Please ship by 25 November."

_numbers = itertools.count(1)


def a_raw(
    subject: str = "Your Amazon.com selling account has been deactivated",
    body: str = SUSPENSION,
    sender: str = "Amazon <seller-performance@amazon.com>",
    *,
    message_id: str | None = None,
    reply_to: str = "",
    proven: bool = True,
    sent_at: datetime = NOW,
) -> bytes:
    """A message as bytes; each call another Message-ID unless one is named."""
    message = EmailMessage()
    domain = sender.rstrip(">").rpartition("@")[2]
    if proven:
        message["Authentication-Results"] = f"mx.test; dkim=pass header.d={domain}; dmarc=pass header.from={domain}"
    message["From"] = sender
    message["To"] = "shop@seller.example"
    message["Subject"] = subject
    message["Date"] = format_datetime(sent_at)
    message["Message-ID"] = message_id or f"<{next(_numbers)}@{domain}>"
    if reply_to:
        message["In-Reply-To"] = reply_to
    message.set_content(body)
    return message.as_bytes()


def a_mail(subject: str = "", body: str = "", sender: str = "") -> Mail:
    """A Mail from its fields."""
    return reading.from_fields(sender=sender, subject=subject, body=body, received_at=NOW)


def a_batch(
    *raws: bytes,
    account: str = "shop",
    first_uid: int = 1,
    uidvalidity: int = 7,
    history: bool = False,
    at: datetime = NOW,
) -> Batch:
    """A batch of raw messages with UIDs from first_uid on."""
    messages = tuple(
        RawMessage(uid=uid, raw=raw, received_at=at, size_bytes=len(raw)) for uid, raw in enumerate(raws, first_uid)
    )
    return Batch(
        account=account,
        folder="INBOX",
        uidvalidity=uidvalidity,
        messages=messages,
        last_uid=first_uid + len(raws) - 1,
        history=history,
    )


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one trained version, made once for the whole run. Read-only by convention."""
    folder = tmp_path_factory.mktemp("models")
    retrain.retrain(folder, (), NOW)
    return folder


@pytest.fixture(scope="session")
def model(models: Path) -> Model:
    return in_use.ready(models, NOW)


@pytest.fixture
def settings(tmp_path: Path, models: Path) -> Settings:
    """One account, one target that appends to a file."""
    return Settings(
        data=tmp_path / "data",
        models=models,
        accounts=(Account(name="shop", host="127.0.0.1", user="u", password="p"),),
        targets=(Target(name="file", type="jsonl", path=tmp_path / "alerts.jsonl"),),
    )


@pytest.fixture
def db(settings: Settings) -> Iterator[Database]:
    database = connect(settings.database)
    yield database
    database.close()


@pytest.fixture
def take(db: Database, model: Model, settings: Settings) -> Callable[..., list[Decision]]:
    """Brings mails into account "shop" the way the daemon does."""
    cursor.begin(db, "shop", "INBOX", 7, last_uid=0, history_through=0)
    state = {"uid": 1}

    def take(*raws: bytes, history: bool = False, now: datetime = NOW, at: datetime = NOW) -> list[Decision]:
        batch = a_batch(*raws, first_uid=state["uid"], history=history, at=at)
        state["uid"] += len(raws)
        return take_in(db, batch, model, settings, now)

    return take


def until(true: Callable[[], object], limit: float = 20.0, what: str = "") -> None:
    """Wait for a condition, with a limit, never for a time."""
    end = time.monotonic() + limit
    while not true():
        assert time.monotonic() < end, f"waited {limit} s in vain {what}"
        time.sleep(0.02)


# ---- a real Dovecot ------------------------------------------------------------------------------------------


@dataclass
class Dovecot:
    """A Dovecot of the tests' own on loopback ports, plain and TLS."""

    root: Path
    port: int
    tls_port: int
    ca_file: Path
    owner: int | None  # the user that owns the mail, when the tests run as root
    process: subprocess.Popen[bytes] | None = field(default=None)

    PASSWORD = "right"

    def start(self) -> None:
        binary = shutil.which("dovecot") or "/usr/sbin/dovecot"
        assert Path(binary).exists(), "the tests need Dovecot: apt-get install dovecot-imapd"
        self.process = subprocess.Popen(
            [binary, "-F", "-c", str(self.root / "dovecot.conf")], stderr=subprocess.DEVNULL, start_new_session=True
        )
        until(self._answers, 10, "for Dovecot")

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        until(lambda: not self._listens(), 10, "for Dovecot to end")

    def kill(self) -> None:
        """The plug is pulled: every process of the server dies in the middle of what it does."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def user(self) -> str:
        """A new user with an empty inbox."""
        name = f"user{next(_numbers)}"
        self._make(self.root / "mail" / name)
        self.folder(name, "INBOX")
        return name

    def folder(self, user: str, name: str) -> Path:
        """A Maildir folder of a user, made if it is not there."""
        place = self.root / "mail" / user / "Maildir" / ("" if name == "INBOX" else f".{name}")
        for part in (place, place / "cur", place / "new", place / "tmp"):
            self._make(part)
        return place

    def deliver(self, user: str, *raws: bytes, folder: str = "INBOX") -> None:
        """What a mail server does: write to tmp/, rename into new/."""
        place = self.folder(user, folder)
        for raw in raws:
            name = f"{time.time():.6f}.{next(_numbers)}.test"
            (place / "tmp" / name).write_bytes(raw)
            if self.owner is not None:
                os.chown(place / "tmp" / name, self.owner, self.owner)
            (place / "tmp" / name).rename(place / "new" / name)

    def account(self, user: str, *, tls: bool = False, **more: object) -> Account:
        return Account.model_validate(
            {
                "name": user,
                "host": "localhost" if tls else "127.0.0.1",
                "port": self.tls_port if tls else self.port,
                "security": "tls" if tls else "none",
                "ca_file": self.ca_file if tls else None,
                "user": user,
                "password": self.PASSWORD,
                **more,
            }
        )

    def _make(self, place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        if self.owner is not None:
            while place != self.root:
                os.chown(place, self.owner, self.owner)
                place = place.parent

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def _answers(self) -> bool:
        """Whether both ports greet; after a start the TLS one is ready a moment later."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        try:
            with socket.create_connection(("127.0.0.1", self.port), 2) as line:
                greeted = line.recv(4) == b"* OK"
            with (
                socket.create_connection(("127.0.0.1", self.tls_port), 2) as raw,
                context.wrap_socket(raw, server_hostname="localhost") as line,
            ):
                return greeted and line.recv(4) == b"* OK"
        except OSError:
            return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def dovecot_server() -> Iterator[Dovecot]:
    # Not below pytest's own folder: every pytest that starts makes that one private again, and the mail's owner must
    # be able to walk there.
    root = Path(tempfile.mkdtemp(prefix="triage-dovecot-"))
    root.chmod(0o755)
    as_root = os.getuid() == 0
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(root / "ca.pem"))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(root / "server.pem"))
    server = Dovecot(root, free_port(), free_port(), root / "ca.pem", 65534 if as_root else None)
    (root / "mail").mkdir()
    owner = server.owner if server.owner is not None else os.getuid()
    me, group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
    own = (
        ""
        if as_root
        else f"default_internal_user = {me}\ndefault_login_user = {me}\ndefault_internal_group = {group}\n"
    )
    (root / "dovecot.conf").write_text(f"""
protocols = imap
listen = 127.0.0.1
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
{own}ssl = yes
ssl_cert = <{root}/server.pem
ssl_key = <{root}/server.pem
disable_plaintext_auth = no
auth_failure_delay = 0
mail_location = maildir:~/Maildir
mail_max_userip_connections = 5000
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = static
  args = password={Dovecot.PASSWORD}
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner} home={root}/mail/%u
}}
default_client_limit = 5000
service imap {{
  process_limit = 2500
}}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    port = {server.port}
  }}
  inet_listener imaps {{
    port = {server.tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
""")
    server.start()
    yield server
    server.stop()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def dovecot(dovecot_server: Dovecot) -> Dovecot:
    if dovecot_server.process is None or dovecot_server.process.poll() is not None:
        dovecot_server.start()
    return dovecot_server


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    server = Scripted()
    server.start()
    yield server
    server.stop()


# ---- a real HTTP receiver ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reply:
    """What a receiver answers to one request. hang: seconds it waits before; drop: it closes the line instead."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    hang: float = 0
    drop: bool = False


@dataclass
class Receiver:
    """An HTTP server that keeps what it took; ``answers`` are those of the next requests, a status or more, then 200."""

    address: str
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answers: list[int | Reply] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  # method and path of every request

    @property
    def url(self) -> str:
        """Its address for Apprise."""
        return self.address.replace("http://", "json://") + "/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    yield from _receiving()


@pytest.fixture
def another_receiver() -> Iterator[Receiver]:
    yield from _receiving()


def _receiving() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.asked.append(f"{self.command} {self.path}")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            said = kept.answers.pop(0) if kept.answers else Reply()
            reply = Reply(said) if isinstance(said, int) else said
            if reply.hang:
                over.wait(reply.hang)
            if reply.drop:
                self.close_connection = True
                return
            if reply.status == 200:
                kept.bodies.append(body)
                kept.headers.append(dict(self.headers))
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(reply.body)

        do_GET = do_POST

        def log_message(self, *args: object) -> None:
            pass

    over = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept = Receiver(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield kept
    over.set()
    server.shutdown()
    server.server_close()


# ---- a real SMTP receiver ------------------------------------------------------------------------------------


@dataclass
class Post:
    """An SMTP server that keeps the mails it took; ``answers`` are those of the next mails, then 250."""

    port: int
    mails: list[bytes] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    async def handle_DATA(self, server: object, session: object, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            self.mails.append(bytes(envelope.content or b""))
        return answer


@pytest.fixture
def post() -> Iterator[Post]:
    kept = Post(free_port())
    server = Controller(kept, hostname="127.0.0.1", port=kept.port)
    server.start()
    yield kept
    server.stop()
