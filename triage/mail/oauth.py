"""OAuth 2.0 instead of a password: Microsoft by device code (RFC 8628), Google by a loopback address (RFC 8252).

A person signs in once (``triage sign-in``); what is kept is a file that only its owner can read, from which a fresh access
token is made whenever one is needed. The two libraries do the protocol.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from triage.config import Account
from triage.errors import ConfigError, MailboxUnavailable, SignInRefused

_MICROSOFT = "https://login.microsoftonline.com/common"
_GOOGLE = "https://accounts.google.com/o/oauth2/auth"
_GOOGLE_TOKEN = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_GOOGLE_SCOPES = ["https://mail.google.com/"]

#: How long a provider may take for an answer, in seconds.
_PATIENCE_S = 30

#: Shows the person an address and, if there is one, the code to type there.
Show = Callable[[str, str], None]


class Identity(Protocol):
    """An account at an identity provider."""

    def access_token(self) -> str:
        """A token that is good now.

        Raises:
            SignInRefused: nobody has signed in, or it is no longer accepted.
            MailboxUnavailable: the provider cannot be reached.
        """

    def sign_in(self, show: Show) -> None:
        """Have a person sign in, and keep what comes of it.

        Raises:
            SignInRefused: the person, or the provider, says no.
            MailboxUnavailable: the provider cannot be reached.
        """


def identity(account: Account) -> Identity:
    """The identity behind an account that has no password.

    Raises:
        ConfigError: the library for it is not installed.
    """
    return _Microsoft(account) if account.sign_in == "microsoft" else _Google(account)


class _Microsoft:
    def __init__(self, account: Account) -> None:
        self._account = account
        # 21Vianet runs Microsoft's services in China under names of its own.
        server = "partner.outlook.cn" if account.host.endswith("outlook.cn") else "outlook.office.com"
        self._scopes = [f"https://{server}/IMAP.AccessAsUser.All"]

    def access_token(self) -> str:
        with _unreachable(self._account), self._app() as app:
            known = app.get_accounts()
            found = app.acquire_token_silent_with_error(self._scopes, account=known[0]) if known else None
        return _token(found, self._account)

    def sign_in(self, show: Show) -> None:
        with _unreachable(self._account), self._app() as app:
            flow = app.initiate_device_flow(self._scopes)
            if "user_code" not in flow:
                raise SignInRefused(f"{self._account.name}: {_said(flow)}")
            show(flow["verification_uri"], flow["user_code"])
            _token(app.acquire_token_by_device_flow(flow), self._account)

    @contextlib.contextmanager
    def _app(self) -> Iterator[Any]:
        try:
            import msal
        except ImportError:
            raise ConfigError(_extra(self._account)) from None
        path = self._account.tokens
        cache = msal.SerializableTokenCache()
        if path.exists():
            with contextlib.suppress(ValueError):  # damaged: as if nobody had signed in
                cache.deserialize(path.read_text(encoding="utf-8"))
        try:
            yield msal.PublicClientApplication(
                self._account.client_id,
                authority=self._account.authority or _MICROSOFT,
                token_cache=cache,
                instance_discovery=not self._account.authority,
                http_client=_http(self._account),
            )
        finally:
            if cache.has_state_changed:
                _keep(path, cache.serialize())


class _Google:
    def __init__(self, account: Account) -> None:
        self._account = account

    def access_token(self) -> str:
        try:
            from google.auth.exceptions import RefreshError, TransportError
            from google.auth.transport.requests import Request
            from google.oauth2.credentials import Credentials
        except ImportError:
            raise ConfigError(_extra(self._account)) from None
        path = self._account.tokens
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            expiry = datetime.fromisoformat(kept["expiry"].rstrip("Z"))  # naive UTC, as the library wants it
            known = Credentials(  # type: ignore[no-untyped-call]
                kept["token"], kept["refresh_token"], token_uri=kept["token_uri"], expiry=expiry,
                client_id=kept["client_id"], client_secret=kept["client_secret"],
            )  # fmt: skip
        except (OSError, ValueError, LookupError):
            return _token(None, self._account)
        if not known.valid:
            with _unreachable(self._account):
                try:
                    known.refresh(Request(session=_http(self._account)))  # type: ignore[no-untyped-call]
                except TransportError as error:
                    raise MailboxUnavailable(f"{self._account.name}: Google cannot be reached; trying again") from error
                except RefreshError as error:
                    raise SignInRefused(_again(self._account)) from error
            _keep(path, known.to_json())  # type: ignore[no-untyped-call]
        return str(known.token)

    def sign_in(self, show: Show) -> None:
        try:
            from google_auth_oauthlib.flow import InstalledAppFlow
            from oauthlib.oauth2 import OAuth2Error
        except ImportError:
            raise ConfigError(_extra(self._account)) from None
        flow = InstalledAppFlow.from_client_config(
            {"installed": {
                "client_id": self._account.client_id,
                "client_secret": self._account.client_key.reveal() if self._account.client_secret else "",
                "auth_uri": f"{self._account.authority}/auth" if self._account.authority else _GOOGLE,
                "token_uri": f"{self._account.authority}/token" if self._account.authority else _GOOGLE_TOKEN,
            }},
            _GOOGLE_SCOPES,
        )  # fmt: skip
        with _unreachable(self._account):
            try:
                found = _by_loopback(flow, show, str(self._account.ca_file or "") or True)
            except OAuth2Error as error:
                raise SignInRefused(f"{self._account.name}: {error.description or error.error}") from error
        _keep(self._account.tokens, found.to_json())


def _by_loopback(flow: Any, show: Show, verify: str | bool) -> Any:
    """Wait on a port of this machine for the browser that comes back with the code."""
    import wsgiref.simple_server
    from urllib.parse import quote

    came: list[str] = []

    def page(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
        came.append(f"https://127.0.0.1{quote(environ['PATH_INFO'])}?{environ['QUERY_STRING']}")
        return ["Triage is signed in. This window can be closed. / 登录完成，可以关闭此窗口。".encode()]

    class Silent(wsgiref.simple_server.WSGIRequestHandler):
        def log_message(self, *_: object) -> None:
            """The address holds the code."""

    with wsgiref.simple_server.make_server("127.0.0.1", 0, page, handler_class=Silent) as server:
        flow.redirect_uri = f"http://127.0.0.1:{server.server_port}/"
        address, _ = flow.authorization_url(access_type="offline", prompt="consent")
        show(address, "")
        while not came or "state=" not in came[-1]:  # browsers ask for an icon as well
            server.handle_request()
    flow.fetch_token(authorization_response=came[-1], verify=verify)
    return flow.credentials


def _http(account: Account) -> Any:
    """A session that trusts the account's own authority, whatever bundle the environment names."""
    import requests

    class Session(requests.Session):
        def merge_environment_settings(self, *given: Any) -> Any:
            merged = super().merge_environment_settings(*given)
            return {**merged, "verify": str(account.ca_file)} if account.ca_file else merged

        def request(self, *given: Any, **more: Any) -> requests.Response:
            return super().request(*given, **{"timeout": _PATIENCE_S, **more})

    return Session()


@contextlib.contextmanager
def _unreachable(account: Account) -> Iterator[None]:
    import requests

    try:
        yield
    except requests.RequestException as error:  # its own words hold addresses with codes in them
        raise MailboxUnavailable(
            f"{account.name}: the sign-in server cannot be reached ({type(error).__name__}); trying again"
        ) from error


def _token(found: Any, account: Account) -> str:
    if found and "access_token" in found:
        return str(found["access_token"])
    if found and found.get("error") in {"temporarily_unavailable", "server_error"}:
        raise MailboxUnavailable(f"{account.name}: the sign-in server is busy; trying again")
    raise SignInRefused(_again(account, _said(found) if found else ""))


def _said(answer: Any) -> str:
    """The provider's first sentence."""
    return str(answer.get("error_description") or answer.get("error") or "no answer").splitlines()[0][:200]


def _again(account: Account, reason: str = "") -> str:
    detail = f" ({reason})" if reason else ""
    return f"{account.name}: nobody is signed in, or no longer{detail}; run: triage sign-in {account.name}"


def _extra(account: Account) -> str:
    return f"accounts.{account.name}.sign_in: needs a library; run: pip install 'triage[{account.sign_in}]'"


def _keep(path: Path, content: str) -> None:
    """Write the file whole or not at all, for its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, made = tempfile.mkstemp(dir=path.parent)  # mode 0600
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
    os.replace(made, path)
