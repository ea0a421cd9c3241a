"""One signed-in look at a mailbox: folders opened read-only, messages fetched with PEEK in bounded batches."""

from __future__ import annotations

import math
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import TracebackType
from typing import cast

import structlog
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, ProtocolError

from triage.config import Account, Polling
from triage.errors import FolderMissing, MarkingRefused
from triage.mail import idling
from triage.mail.fetching import fetch
from triage.mail.sign_in import connect, imap_errors
from triage.types import RawMessage

log = structlog.get_logger()

#: Sizes are asked for this many messages at once: one short line each.
_SIZES_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Folder:
    """What EXAMINE said."""

    name: str
    uidvalidity: int
    uidnext: int
    messages: int
    flags: frozenset[str] = frozenset()  # flags and keywords that its messages may have


class Session:
    """A connection to one account. Use it as a context manager, or connect() and close() it.

    Every method raises MailboxUnavailable when the line or the server fails.
    """

    def __init__(self, account: Account, polling: Polling) -> None:
        self._account = account
        self._polling = polling
        self._client: IMAPClient | None = None
        self.corrections_at = -math.inf  # when folders of corrections were last looked at, by the monotonic clock
        self._idling = False
        self._refuses_idle = False

    def connect(self) -> None:
        """Sign in.

        Raises:
            SignInRefused, ConfigError: see sign_in.connect().
        """
        self._client = connect(self._account, self._polling.timeout.total_seconds())

    def close(self, *, politely: bool = True) -> None:
        """Sign out, or just hang up."""
        client, self._client = self._client, None
        self._idling = False
        if client is not None:
            with suppress(IMAPClientError, OSError, EOFError):
                if politely:
                    client.logout()
                    return
            with suppress(IMAPClientError, OSError, EOFError):
                client.shutdown()

    def __enter__(self) -> Session:
        self.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(politely=kind is None)

    @property
    def connected(self) -> bool:
        """Whether there is a connection, as far as anybody knows."""
        return self._client is not None

    @property
    def idling(self) -> bool:
        """Whether it rests, and the server will say when something arrives."""
        return self._idling

    @property
    def line(self) -> socket.socket:
        """The connection, to be watched while it idles."""
        return cast(socket.socket, self._imap.socket())

    def idle(self) -> bool:
        """Rest in the open folder, if the server knows how to; whether something has arrived meanwhile."""
        if self._refuses_idle or not self._imap.has_capability("IDLE"):
            return False
        with imap_errors(self._account.name):
            try:
                arrived = idling.begin(self._imap)
            except idling.IdleRefused as error:
                self._refuses_idle = True  # until the next connection
                log.info("idle_refused", account=self._account.name, reason=str(error))
                return False
        self._idling = True
        return arrived

    def rise(self) -> None:
        """End the rest; whether there still is a connection is found out here."""
        with imap_errors(self._account.name):
            if self._idling:
                idling.end(self._imap)
                self._idling = False
            else:
                self._imap.noop()

    def abort(self) -> None:
        """Cut the line, from another thread: whatever waits for the server ends with MailboxUnavailable."""
        client = self._client
        if client is not None:
            with suppress(OSError, IMAPClientError):
                client.socket().shutdown(socket.SHUT_RDWR)

    @property
    def _imap(self) -> IMAPClient:
        assert self._client is not None, "the session is used while it is not connected"
        return self._client

    def open(self, folder: str) -> Folder:
        """EXAMINE a folder: nothing in it can be changed through this session.

        folder: a name, or a special use of RFC 6154 such as ``\\All``, which is "All Mail" or its translation in Gmail.

        Raises:
            FolderMissing: the account has no such folder.
        """
        with imap_errors(self._account.name):
            name = self._imap.find_special_folder(folder.encode()) if folder.startswith("\\") else folder
            try:
                said = self._imap.select_folder(name, readonly=True) if name else None
            except IMAPClientAbortError:
                raise
            except IMAPClientError:
                if self._imap.folder_exists(name):
                    raise
                said = None
            if said is None:
                names = ", ".join(str(each) for _, _, each in self._imap.list_folders()[:20])
                raise FolderMissing(f'{self._account.name}: there is no folder "{folder}"; the server has: {names}')
            return Folder(
                folder,
                int(said[b"UIDVALIDITY"]),
                int(said.get(b"UIDNEXT", 0)),
                int(said.get(b"EXISTS", 0)),
                _flags(said),
            )

    def folders_below(self, name: str) -> dict[str, str]:
        """The folders right below one, by their own name: the whole name by which each is opened."""
        with imap_errors(self._account.name):
            found = self._imap.list_folders(pattern=f"{name}*")
            delimiters = {each.decode() if isinstance(each, bytes) else each for _, each, _ in found if each}
            for delimiter in delimiters:
                prefix = name.replace("/", delimiter) + delimiter
                return {
                    str(each).removeprefix(prefix): str(each) for _, _, each in found if str(each).startswith(prefix)
                }
            return {}

    def with_keyword(self, keyword: str) -> list[int]:
        """UIDs of the open folder's messages that carry a keyword, ascending."""
        with imap_errors(self._account.name):
            return sorted(self._imap.search(["KEYWORD", keyword]))

    def mark(self, folder: str, uidvalidity: int, uids: Sequence[int], then: str) -> None:
        """Mark or move messages: the only thing that changes a mailbox, where the configuration asks for it.

        then: "keyword:NAME", "label:NAME" (Gmail's), "move:FOLDER" (RFC 6851), which is made if it is not there.
        The folder is open read-only again afterwards.

        Raises:
            MarkingRefused: the server cannot do it.
        """
        kind, _, name = then.partition(":")
        needs = {"label": "X-GM-EXT-1", "move": "MOVE"}.get(kind)
        if needs and not self._imap.has_capability(needs):
            raise MarkingRefused(
                f"{self._account.name}: the server knows no {kind} ({needs}); take another action for: then"
            )
        with imap_errors(self._account.name):
            real = self._imap.find_special_folder(folder.encode()) if folder.startswith("\\") else folder
            try:
                said = self._imap.select_folder(real, readonly=False)
                if int(said[b"UIDVALIDITY"]) != uidvalidity:
                    return
                if kind == "keyword":
                    allowed = said.get(b"PERMANENTFLAGS", ())
                    if b"\\*" not in allowed and name.encode() not in allowed:
                        raise MarkingRefused(
                            f"{self._account.name}: the server keeps no keywords; take another action for: then"
                        )
                    self._imap.add_flags(uids, [name.encode()], silent=True)
                elif kind == "label":
                    self._imap.add_gmail_labels(uids, [name], silent=True)
                else:
                    if not self._imap.folder_exists(name):
                        self._imap.create_folder(name)
                    self._imap.move(uids, name)
            finally:
                with suppress(IMAPClientError, OSError):
                    self._imap.select_folder(real, readonly=True)

    def uids_after(self, uid: int) -> list[int]:
        """UIDs above one, ascending. (n:* always matches the last message, even below n: RFC 3501, section 6.4.8.)"""
        with imap_errors(self._account.name):
            return sorted(found for found in self._imap.search(["UID", f"{uid + 1}:*"]) if found > uid)

    def uids_since(self, day: date) -> list[int]:
        """UIDs of messages that arrived on a day or later, ascending."""
        with imap_errors(self._account.name):
            return sorted(self._imap.search(["SINCE", day]))

    def batches(self, uids: Sequence[int]) -> Iterator[tuple[int, tuple[RawMessage, ...]]]:
        """The messages in UID order, in batches bounded by number and bytes, each with the highest UID it covers.

        Messages that were expunged meanwhile are missing from their batch. Of a message larger than
        ``largest_mail`` only the beginning is fetched.
        """
        limit = self._polling
        for start in range(0, len(uids), _SIZES_AT_ONCE):
            window = uids[start : start + _SIZES_AT_ONCE]
            sizes = self._sizes(window)
            chunk: list[int] = []
            weight = 0
            for uid in window:
                size = min(sizes.get(uid, 0), limit.largest_mail)
                if chunk and (len(chunk) >= limit.batch or weight + size > limit.batch_bytes):
                    yield chunk[-1], self._bodies(chunk, sizes)
                    chunk, weight = [], 0
                chunk.append(uid)
                weight += size
            if chunk:
                yield chunk[-1], self._bodies(chunk, sizes)

    def _sizes(self, uids: Sequence[int]) -> dict[int, int]:
        with imap_errors(self._account.name):
            said = fetch(self._imap, uids, ["RFC822.SIZE"])
            return {uid: int(data.get(b"RFC822.SIZE", 0)) for uid, data in said.items()}

    def _bodies(self, uids: Sequence[int], sizes: dict[int, int]) -> tuple[RawMessage, ...]:
        present = [uid for uid in uids if uid in sizes]
        whole = [uid for uid in present if sizes[uid] <= self._polling.largest_mail]
        large = [uid for uid in present if sizes[uid] > self._polling.largest_mail]
        found: dict[int, RawMessage] = {}
        if whole:
            found |= self._fetched(whole, "BODY.PEEK[]", sizes)
        for uid in large:
            found |= self._fetched([uid], f"BODY.PEEK[]<0.{self._polling.largest_mail // 5}>", sizes)
        return tuple(found[uid] for uid in sorted(found))

    def _fetched(
        self, uids: Sequence[int], what: str, sizes: dict[int, int], *, dated: bool = True
    ) -> dict[int, RawMessage]:
        """Some messages, without those that were expunged.

        What the server refuses to give, or gives in a way that is not understood, is asked for one by one and without its
        date. One that it has and still does not give is a message all the same: it stops no other, and is not forgotten.
        """
        found: dict[int, RawMessage] = {}
        reason = "no content"
        with imap_errors(self._account.name):
            try:
                for uid, data in fetch(self._imap, uids, [what, "INTERNALDATE"] if dated else [what]).items():
                    body = next((value for key, value in data.items() if key.startswith(b"BODY[]")), None)
                    if body is not None and uid in sizes:
                        found[uid] = _raw(uid, body, data, sizes[uid])
            except IMAPClientAbortError:
                raise
            except (ProtocolError, ValueError, LookupError, TypeError) as error:
                reason = f"its answer cannot be understood ({type(error).__name__})"
            except IMAPClientError as error:
                reason = " ".join(str(error).split())[:200]
            missing = [uid for uid in uids if uid not in found]
            if missing:
                there = set(self._imap.search(["UID", ",".join(map(str, missing))]))
                missing = [uid for uid in missing if uid in there]
        if dated:
            for uid in missing:
                found |= self._fetched([uid], what, sizes, dated=False)
            return found
        for uid in missing:
            log.warning("message_refused", account=self._account.name, uid=uid, reason=reason)
            fault = f"the server does not give it: {reason}"
            found[uid] = RawMessage(uid=uid, raw=b"", received_at=datetime.now(UTC), size_bytes=sizes[uid], fault=fault)
        return found


def _flags(said: Mapping[bytes, object]) -> frozenset[str]:
    flags = said.get(b"FLAGS", ())
    return (
        frozenset(flag.decode(errors="replace") for flag in flags if isinstance(flag, bytes))
        if isinstance(flags, tuple)
        else frozenset()
    )


def _raw(uid: int, body: bytes, data: Mapping[bytes, object], size: int) -> RawMessage:
    at = data.get(b"INTERNALDATE")
    received = at.astimezone(UTC) if isinstance(at, datetime) else datetime.now(UTC)
    return RawMessage(uid=uid, raw=body, received_at=received, size_bytes=max(size, len(body)))
