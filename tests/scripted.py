"""A scripted IMAP server: thousands of mailboxes in one process, and every kind of misbehaviour a test can think of.

Where a real server can show it, the tests use Dovecot. This one says what no well-behaved server says.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from triage.config import Account

_UIDS = re.compile(rb"[\d:,*]+")


@dataclass
class Box:
    """One user's inbox."""

    mails: dict[int, bytes] = field(default_factory=dict)
    uidvalidity: int = 7

    @property
    def next_uid(self) -> int:
        return max(self.mails, default=0) + 1


@dataclass
class Scripted:
    """``says`` holds, by command, the next answers in place of the usual ones; b"" closes the line. ``{tag}`` is filled in."""

    capabilities: bytes = b"IMAP4rev1 IDLE UIDPLUS"
    context: ssl.SSLContext | None = None
    says: dict[bytes, list[bytes]] = field(default_factory=dict)
    heard: list[bytes] = field(default_factory=list)
    boxes: dict[str, Box] = field(default_factory=dict)
    slow_s: float = 0.0  # before each answer
    meanwhile: list[bytes] = field(
        default_factory=list
    )  # mails that arrive while a body is fetched, announced there only
    tokens: set[str] = field(default_factory=set)  # those that AUTHENTICATE takes
    port: int = 0
    connections: int = 0

    def box(self, user: str = "u") -> Box:
        return self.boxes.setdefault(user, Box())

    def account(self, user: str = "u", **more: object) -> Account:
        given = {
            "name": user,
            "host": "127.0.0.1",
            "port": self.port,
            "security": "none",
            "user": user,
            "password": "p",
        }
        return Account.model_validate({**given, **more})

    def deliver(self, *raws: bytes, user: str = "u") -> None:
        """New mail; whoever idles is told."""
        self._loop.call_soon_threadsafe(self._deliver, raws, user)

    def _deliver(self, raws: tuple[bytes, ...], user: str) -> None:
        box = self.box(user)
        for raw in raws:
            box.mails[box.next_uid] = raw
        for writer in self._idling.get(user, ()):
            writer.write(b"* %d EXISTS\r\n" % len(box.mails))

    def write(self, data: bytes) -> None:
        """Something on every line, whatever was asked."""
        self._loop.call_soon_threadsafe(lambda: [writer.write(data) for writer in self._writers])

    def drop(self) -> None:
        """Every line is cut."""
        self._loop.call_soon_threadsafe(lambda: [writer.transport.abort() for writer in self._writers])

    # ---- the server --------------------------------------------------------------------------------------------

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._idling: dict[str, set[asyncio.StreamWriter]] = {}
        self._writers: set[asyncio.StreamWriter] = set()

    def start(self) -> None:
        ready = threading.Event()

        async def begin() -> None:
            self._server = await asyncio.start_server(
                self._serve, "127.0.0.1", self.port, ssl=self.context, backlog=2000, limit=2**20
            )
            self.port = self._server.sockets[0].getsockname()[1]
            ready.set()

        self._loop.create_task(begin())
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        assert ready.wait(10)

    def stop(self) -> None:
        async def end() -> None:
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            self._loop.stop()

        asyncio.run_coroutine_threadsafe(end(), self._loop)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self.connections += 1
        user = ""
        try:
            await self._say(writer, b"GREETING", b"", b"* OK ready\r\n")
            while line := await reader.readline():
                tag, _, rest = line.strip().partition(b" ")
                words = rest.split()
                command = b" ".join(words[: 2 if words[0].upper() == b"UID" else 1]).upper()
                self.heard.append(rest)
                if command == b"LOGIN":
                    user = words[1].strip(b'"').decode()
                if command == b"AUTHENTICATE":
                    writer.write(b"+ \r\n")
                    given = base64.b64decode(await reader.readline()).decode()
                    user = given.partition("user=" if "user=" in given else "a=")[2].partition("\1")[0].rstrip(",")
                    known = given.partition("auth=Bearer ")[2].partition("\1")[0] in self.tokens
                    writer.write(tag + (b" OK welcome\r\n" if known else b" NO [AUTHENTICATIONFAILED] no\r\n"))
                    continue
                if self.slow_s:
                    await asyncio.sleep(self.slow_s)
                answer = await self._say(writer, command, tag, self._usual(command, rest, user))
                if not answer:
                    return
                if command == b"IDLE" and b"+ " in answer:
                    self._idling.setdefault(user, set()).add(writer)
                    await reader.readline()
                    self._idling[user].discard(writer)
                    writer.write(tag + b" OK done\r\n")
                if command == b"LOGOUT":
                    return
        except (ConnectionError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            self._idling.get(user, set()).discard(writer)
            self._writers.discard(writer)
            with contextlib.suppress(Exception):
                writer.close()

    async def _say(self, writer: asyncio.StreamWriter, command: bytes, tag: bytes, usual: bytes) -> bytes:
        scripted = self.says.get(command)
        answer = scripted.pop(0) if scripted else usual
        writer.write(answer.replace(b"{tag}", tag))
        await writer.drain()
        return answer

    def _usual(self, command: bytes, rest: bytes, user: str) -> bytes:
        box, done = self.box(user), b"{tag} OK done\r\n"
        match command:
            case b"CAPABILITY":
                return b"* CAPABILITY " + self.capabilities + b"\r\n" + done
            case b"EXAMINE" | b"SELECT":
                said = b"* %d EXISTS\r\n* OK [UIDVALIDITY %d] ok\r\n* OK [UIDNEXT %d] ok\r\n"
                return said % (len(box.mails), box.uidvalidity, box.next_uid) + done
            case b"UID SEARCH":
                return b"* SEARCH " + b" ".join(b"%d" % uid for uid in self._asked(rest, box)) + b"\r\n" + done
            case b"UID FETCH":
                return b"".join(self._fetched(rest, box)) + done
            case b"IDLE":
                return b"+ idling\r\n"
            case b"LOGOUT":
                return b"* BYE\r\n" + done
            case b"LIST":
                return b'* LIST () "/" INBOX\r\n' + done
            case _:
                return done

    def _asked(self, rest: bytes, box: Box) -> list[int]:
        words = rest.upper().split()
        if b"UID" not in words[1:]:
            return sorted(box.mails)
        wanted = _numbers(words[words.index(b"UID", 1) + 1].strip(b"()"), max(box.mails, default=0))
        return [uid for uid in sorted(box.mails) if uid in wanted]

    def _fetched(self, rest: bytes, box: Box) -> Iterator[bytes]:
        what, at = rest.split(None, 3)[3], datetime.now(UTC).strftime("%d-%b-%Y %H:%M:%S +0000").encode()
        for uid in _numbers(rest.split()[2], max(box.mails, default=0)):
            if uid not in box.mails:
                continue
            raw = box.mails[uid]
            if b"RFC822.SIZE" in what:
                yield b"* %d FETCH (UID %d RFC822.SIZE %d)\r\n" % (uid, uid, len(raw))
            else:
                dated = b' INTERNALDATE "%s"' % at if b"INTERNALDATE" in what else b""
                yield b"* %d FETCH (UID %d%s BODY[] {%d}\r\n%s)\r\n" % (uid, uid, dated, len(raw), raw)
                while self.meanwhile:
                    box.mails[box.next_uid] = self.meanwhile.pop()
                    yield b"* %d EXISTS\r\n" % len(box.mails)


def _numbers(uids: bytes, last: int) -> list[int]:
    """The numbers of a sequence set (RFC 3501)."""
    found: set[int] = set()
    for part in uids.split(b","):
        first, _, end = part.partition(b":")
        low, high = (last if n == b"*" else int(n) for n in (first, end or first))
        found.update(range(min(low, high), max(low, high) + 1))
    return sorted(found)
