"""One signed-in look at a mailbox: folders opened read-only, messages fetched with PEEK in bounded batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import TracebackType

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from triage.config import Account, Polling
from triage.errors import FolderMissing
from triage.mail.sign_in import connect, imap_errors
from triage.types import RawMessage

#: Sizes are asked for this many messages at once: one short line each.
_SIZES_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Folder:
    """What EXAMINE said."""

    name: str
    uidvalidity: int
    uidnext: int
    messages: int


class Session:
    """A connection to one account. Use it as a context manager; it signs out on the way out.

    Every method raises MailboxUnavailable when the line or the server fails.
    """

    def __init__(self, account: Account, polling: Polling) -> None:
        self._account = account
        self._polling = polling
        self._client: IMAPClient | None = None

    def __enter__(self) -> Session:
        self._client = connect(self._account, self._polling.timeout.total_seconds())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            with suppress(IMAPClientError, OSError, EOFError):
                self._client.logout() if kind is None else self._client.shutdown()
            self._client = None

    def abort(self) -> None:
        """Cut the line, from another thread: whatever waits for the server ends with MailboxUnavailable."""
        client = self._client
        if client is not None:
            with suppress(OSError, IMAPClientError):
                client.socket().shutdown(2)

    @property
    def _imap(self) -> IMAPClient:
        assert self._client is not None, "the session is used outside its with block"
        return self._client

    def open(self, folder: str) -> Folder:
        """EXAMINE a folder: nothing in it can be changed through this session.

        Raises:
            FolderMissing: the account has no such folder.
        """
        with imap_errors(self._account.name):
            if not self._imap.folder_exists(folder):
                names = ", ".join(str(name) for _, _, name in self._imap.list_folders()[:20])
                raise FolderMissing(f'{self._account.name}: there is no folder "{folder}"; the server has: {names}')
            said = self._imap.select_folder(folder, readonly=True)
        return Folder(folder, int(said[b"UIDVALIDITY"]), int(said.get(b"UIDNEXT", 0)), int(said[b"EXISTS"]))

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
            said = self._imap.fetch(uids, ["RFC822.SIZE"])
        return {uid: int(data.get(b"RFC822.SIZE", 0)) for uid, data in said.items()}

    def _bodies(self, uids: Sequence[int], sizes: dict[int, int]) -> tuple[RawMessage, ...]:
        present = [uid for uid in uids if uid in sizes]
        whole = [uid for uid in present if sizes[uid] <= self._polling.largest_mail]
        large = [uid for uid in present if sizes[uid] > self._polling.largest_mail]
        found: dict[int, RawMessage] = {}
        with imap_errors(self._account.name):
            if whole:
                for uid, data in self._imap.fetch(whole, ["BODY.PEEK[]", "INTERNALDATE"]).items():
                    if data.get(b"BODY[]") is not None:
                        found[uid] = _raw(uid, data[b"BODY[]"], data, sizes[uid])
            for uid in large:
                beginning = f"BODY.PEEK[]<0.{self._polling.largest_mail // 5}>"
                data = self._imap.fetch([uid], [beginning, "INTERNALDATE"]).get(uid, {})
                body = next((value for key, value in data.items() if key.startswith(b"BODY[]")), None)
                if body is not None:
                    found[uid] = _raw(uid, body, data, sizes[uid])
        return tuple(found[uid] for uid in sorted(found))


def _raw(uid: int, body: bytes, data: dict[bytes, object], size: int) -> RawMessage:
    at = data.get(b"INTERNALDATE")
    received = at.astimezone(UTC) if isinstance(at, datetime) else datetime.fromtimestamp(0, UTC)
    return RawMessage(uid=uid, raw=body, received_at=received, size_bytes=max(size, len(body)))
