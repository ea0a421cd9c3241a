"""From an account's settings to a signed-in connection, and the library's errors as ours."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache

import structlog
from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError, ProtocolError

from triage import __version__
from triage.config import Account
from triage.errors import ConfigError, MailboxUnavailable, SignInRefused
from triage.mail import oauth

log = structlog.get_logger()

#: Response codes by which a server says "not now" (RFC 5530): a NO with one of them is no wrong password.
_LATER = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]", "[CONTACTADMIN]", "TOO MANY", "TRY AGAIN", "TEMPORAR")


@contextmanager
def imap_errors(account: str) -> Iterator[None]:
    """imapclient's and the socket's errors as our two answers: wait, or ask the owner."""
    try:
        yield
    except LoginError as error:
        # A line that drops during LOGIN arrives here too, and RFC 5530 has a NO that means "later": no wrong password.
        later = any(word in str(error).upper() for word in _LATER)
        if isinstance(error.__context__, (IMAPClientAbortError, OSError)) or later:
            raise MailboxUnavailable(f"{account}: no sign-in possible just now; trying again") from error
        raise SignInRefused(
            f"{account}: sign-in refused; check user and password (QQ, 163 and Gmail want an app password; Outlook none: "
            f"triage sign-in {account}), then run: triage check"
        ) from error
    except ssl.SSLCertVerificationError as error:
        raise MailboxUnavailable(
            f"{account}: the server's certificate is not trusted ({error.verify_message}); "
            "check the host name, or name your own authority as ca_file"
        ) from error
    except (ProtocolError, LookupError, ValueError, TypeError, AttributeError, AssertionError) as error:
        # What the libraries raise when an answer is cut off or makes no sense. Their words hold what was answered: mail.
        log.info("answer_not_understood", account=account, error=type(error).__name__)
        raise MailboxUnavailable(f"{account}: the server's answer cannot be understood; trying again") from error
    except (IMAPClientError, OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise MailboxUnavailable(f"{account}: {' '.join(str(reason).split())[:200]}; trying again") from error


def connect(account: Account, timeout_seconds: float) -> IMAPClient:
    """A connection that is signed in and has said who it is.

    Raises:
        MailboxUnavailable: the server cannot be reached or is not trusted.
        SignInRefused: user or password are wrong.
        ConfigError: the password cannot be had, or the authority file is none.
    """
    by_token = account.sign_in != "password"
    secret = oauth.identity(account).access_token() if by_token else account.secret.reveal()
    context = _context(account)
    with imap_errors(account.name):
        client = IMAPClient(
            account.host,
            port=account.actual_port,
            ssl=account.security == "tls",
            ssl_context=context,
            timeout=SocketTimeout(connect=min(timeout_seconds, 15), read=timeout_seconds),
        )
        try:
            quiet(client)
            client.normalise_times = False
            if account.security == "starttls":
                client.starttls(context)
            if not by_token:
                client.login(account.user, secret)
            elif client.has_capability("AUTH=OAUTHBEARER") and not client.has_capability("AUTH=XOAUTH2"):
                client.oauthbearer_login(account.user, secret)
            else:
                client.oauth2_login(account.user, secret)
            client.socket().setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            # NetEase (163, 126) refuses SELECT with "Unsafe Login" unless the client gave its name (RFC 2971).
            if client.has_capability("ID"):
                try:
                    client.id_({"name": "triage", "version": __version__})
                except IMAPClientAbortError:
                    raise
                except IMAPClientError:  # announced, and then not known: some servers say so of everything
                    log.debug("id_refused", account=account.name)
        except BaseException:
            with suppress(OSError, IMAPClientError):  # what went wrong first is what is to be said
                client.shutdown()
            raise
    return client


def quiet(client: IMAPClient) -> None:
    """Stop imaplib from building a repr of every literal.

    imapclient sets imaplib's debug level to 5 to log lines it then throws away; that costs two thirds of the time of
    a fetch. There is no public switch. ``test_a_quiet_client_builds_no_debug_lines`` fails when this stops working.
    """
    client._imap.debug = 0


def _context(account: Account) -> ssl.SSLContext | None:
    if account.security == "none":
        return None
    try:
        return _trusting(str(account.ca_file or ""), account.ca_file.stat().st_mtime_ns if account.ca_file else 0)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"accounts.{account.name}.ca_file: {account.ca_file} is no readable PEM file") from error


@lru_cache(maxsize=16)
def _trusting(ca_file: str, changed: int) -> ssl.SSLContext:
    """One for all accounts: each holds a megabyte of authorities and takes 20 ms to make. changed: the file's time."""
    return ssl.create_default_context(cafile=ca_file or None)
