"""IDLE (RFC 2177): the server says at once when something arrives.

imapclient's own idle_check() loses or breaks on lines that arrive in pieces, does not see what is already in a buffer, and
takes a closed connection for silence. So nothing is read here while a connection rests: whoever watches the socket ends
the IDLE as soon as anything arrives, and looks at the mailbox. ``tests/integration/test_idling.py`` fails when the
libraries' inner names, which there is no way around, change.
"""

from __future__ import annotations

import ssl

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError


class IdleRefused(IMAPClientError):  # type: ignore[misc]
    """The server announces IDLE, and does not take it."""


def begin(client: IMAPClient) -> bool:
    """Start to idle; whether the server has said something meanwhile that must be looked at.

    Raises:
        IdleRefused: the server answers NO or BAD.
    """
    imap = client._imap
    tag = imap._command("IDLE")
    said = False
    while imap._get_response() is not None:  # untagged lines may come before the continuation
        if imap.tagged_commands.get(tag):
            raise IdleRefused(f"IDLE refused: {imap.tagged_commands.pop(tag)}")
        said = True
    client._idle_tag = tag
    return said or _buffered(client)


def end(client: IMAPClient) -> None:
    """Stop idling; a dead line is found out here."""
    client.idle_done()


def _buffered(client: IMAPClient) -> bool:
    """Whether something arrived together with the continuation: a selector on the socket would never tell.

    Afterwards neither the file's buffer nor TLS holds anything back.
    """
    imap, line = client._imap, client.socket()
    if getattr(imap, "_readbuf", None):  # Python 3.14
        return True
    file = getattr(imap, "_file", None) or imap.file
    patience = line.gettimeout()
    line.setblocking(False)
    try:
        if hasattr(file, "peek"):
            return bool(file.peek(1))
        return isinstance(line, ssl.SSLSocket) and line.pending() > 0
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    finally:
        line.settimeout(patience)
