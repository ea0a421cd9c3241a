"""Signing in with OAuth, against an authority on the loopback that speaks the protocols over TLS; Microsoft and Google
themselves cannot be asked here. The mail server is scripted."""

import base64
import http.server
import json
import re
import ssl
import threading
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass, field

import pytest
import trustme
from typer.testing import CliRunner

from triage.cli import app
from triage.config import Account, Polling
from triage.errors import ConfigError, MailboxUnavailable, SignInRefused
from triage.mail import oauth
from triage.mail.session import Session
from triage.mailbox import Door

SCOPE = "https://outlook.office.com/IMAP.AccessAsUser.All"


@dataclass
class Authority:
    """An identity provider: device codes, authorisation codes, refresh tokens; says what it gave."""

    address: str = ""
    ca_file: str = ""
    good: set[str] = field(default_factory=set)  # access tokens
    refresh: set[str] = field(default_factory=set)
    pending: int = 1  # so many times a device's code is asked for before the person has typed it
    lifetime: int = 3600
    refuses: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    count: int = 0

    def tokens(self, **more):
        self.count += 1
        access, refresh = f"access-{self.count}", f"refresh-{self.count}"
        self.good.add(access)
        self.refresh.add(refresh)
        return {
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": self.lifetime,
            "token_type": "Bearer",
            "scope": SCOPE,
            **more,
        }

    def answer(self, path, form):
        if path.endswith("openid-configuration"):
            return 200, {
                "issuer": self.address,
                "authorization_endpoint": f"{self.address}/authorize",
                "token_endpoint": f"{self.address}/token",
                "device_authorization_endpoint": f"{self.address}/devicecode",
            }
        if path.endswith("/devicecode"):
            return 200, {
                "device_code": "D", "user_code": "ABCD-EFGH", "verification_uri": "https://authority.example/device",
                "expires_in": 60, "interval": 1, "message": "type it",
            }  # fmt: skip
        self.asked.append(form)
        if self.refuses:
            return 400, {"error": self.refuses, "error_description": "AADSTS70008: the person said no.\nTrace: 1"}
        match form["grant_type"]:
            case "refresh_token" if form["refresh_token"] in self.refresh:
                return 200, self.tokens()
            case "refresh_token":
                return 400, {
                    "error": "invalid_grant",
                    "error_description": "AADSTS700082: The refresh token has expired.",
                }
            case "authorization_code" if form["code"] == "the-code":
                return 200, self.tokens(scope="https://mail.google.com/")
            case "urn:ietf:params:oauth:grant-type:device_code" | "device_code":
                self.pending -= 1
                if self.pending >= 0:
                    return 400, {"error": "authorization_pending"}
                who = {
                    "preferred_username": "shop@outlook.com",
                    "sub": "1",
                    "oid": "1",
                    "tid": "1",
                    "iss": self.address,
                }
                who |= {"aud": "the-client", "exp": int(time.time()) + 3600, "iat": int(time.time())}
                parts = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in ({}, who, {})]
                info = base64.urlsafe_b64encode(b'{"uid":"1","utid":"1"}').decode()
                return 200, self.tokens(id_token=".".join(parts), client_info=info)
        return 400, {"error": "invalid_request"}


@pytest.fixture
def authority(tmp_path):
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    made = Authority(ca_file=str(tmp_path / "ca.pem"))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            status, content = made.answer(urllib.parse.urlsplit(self.path).path, dict(urllib.parse.parse_qsl(form)))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        do_GET = do_POST

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    made.address = f"https://localhost:{server.server_address[1]}/tenant"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def mailbox(scripted, authority, tmp_path):
    """An account whose server takes the tokens of the authority and nothing else."""
    scripted.capabilities = b"IMAP4rev1 IDLE AUTH=XOAUTH2"
    scripted.tokens = authority.good

    def made(kind, **more):
        return Account(
            name="shop", host="127.0.0.1", port=scripted.port, security="none", user="shop@outlook.com", sign_in=kind,
            client_id="the-client", authority=authority.address, ca_file=authority.ca_file,
            token_file=tmp_path / "tokens" / "shop.json", **more,
        )  # fmt: skip

    return made


def test_microsoft_by_a_code_that_is_typed_elsewhere(mailbox, authority):
    account = mailbox("microsoft")
    with pytest.raises(SignInRefused, match=r"nobody is signed in.*triage sign-in shop"), Session(account, Polling()):
        pass
    shown = []
    oauth.identity(account).sign_in(lambda *what: shown.append(what))
    assert shown == [("https://authority.example/device", "ABCD-EFGH")]
    assert account.tokens.stat().st_mode & 0o077 == 0
    with Session(account, Polling()) as session:
        assert session.open("INBOX").messages == 0


def test_a_token_is_kept_while_it_is_good_and_renewed_when_it_is_not(mailbox, authority):
    account = mailbox("microsoft")
    authority.pending, authority.lifetime = 0, 3600
    oauth.identity(account).sign_in(lambda *what: None)
    assert oauth.identity(account).access_token() == oauth.identity(account).access_token() == "access-1"

    authority.lifetime = 1
    account.tokens.unlink()
    oauth.identity(account).sign_in(lambda *what: None)
    assert oauth.identity(account).access_token() == "access-3"
    assert oauth.identity(account).access_token() == "access-4"
    assert authority.asked[-1]["refresh_token"] == "refresh-3"  # the newest one: providers take each once


def test_a_sign_in_that_has_expired_is_said_with_the_way_out_and_tried_once(mailbox, authority):
    account = mailbox("microsoft")
    authority.pending, authority.lifetime = 0, 1
    oauth.identity(account).sign_in(lambda *what: None)
    authority.refresh.clear()
    door = Door(account)
    with pytest.raises(SignInRefused, match=r"no longer .*expired.*triage sign-in shop") as refused:
        door.enter(Session(account, Polling()))
    assert "refresh-" not in str(refused.value)
    asked = len(authority.asked)
    with pytest.raises(SignInRefused):
        door.enter(Session(account, Polling()))
    assert len(authority.asked) == asked

    authority.lifetime = 3600
    oauth.identity(account).sign_in(lambda *what: None)
    session = Session(account, Polling())
    door.enter(session)
    session.close()


def test_a_person_who_says_no(mailbox, authority):
    authority.refuses = "access_denied"
    with pytest.raises(SignInRefused, match=r"the person said no"):
        oauth.identity(mailbox("microsoft")).sign_in(lambda *what: None)


def test_an_authority_that_is_away_is_temporary(mailbox, authority):
    account = mailbox("microsoft").model_copy(update={"authority": "https://localhost:1/tenant"})
    with pytest.raises(MailboxUnavailable, match="cannot be reached"):
        oauth.identity(account).sign_in(lambda *what: None)


def browser(address, code="the-code"):
    """What a browser does after the person said yes: it goes where the authority sends it."""
    asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
    answer = urllib.parse.urlencode({"state": asked["state"], "code": code})

    def go():
        urllib.request.urlopen(f"{asked['redirect_uri']}favicon.ico", timeout=5).close()
        urllib.request.urlopen(f"{asked['redirect_uri']}?{answer}", timeout=5).close()

    threading.Thread(target=go, daemon=True).start()


def test_google_by_a_browser_that_comes_back(mailbox, authority, monkeypatch):
    account = mailbox("google", client_secret="not-really-secret")
    oauth.identity(account).sign_in(lambda address, code: browser(address))
    assert account.tokens.stat().st_mode & 0o077 == 0
    with Session(account, Polling()) as session:
        assert session.open("INBOX").messages == 0

    kept = json.loads(account.tokens.read_text())
    account.tokens.write_text(json.dumps({**kept, "expiry": "2020-01-01T00:00:00Z"}))
    assert oauth.identity(account).access_token() == "access-2"
    account.tokens.write_text(json.dumps({**kept, "expiry": "2020-01-01T00:00:00Z", "refresh_token": "revoked"}))
    with pytest.raises(SignInRefused, match="triage sign-in shop"):
        oauth.identity(account).access_token()


def test_a_server_that_knows_only_oauthbearer(mailbox, authority, scripted):
    scripted.capabilities = b"IMAP4rev1 AUTH=OAUTHBEARER"
    account = mailbox("microsoft")
    authority.pending = 0
    oauth.identity(account).sign_in(lambda *what: None)
    with Session(account, Polling()):
        pass
    assert b"AUTHENTICATE OAUTHBEARER" in scripted.heard


def test_the_command(mailbox, authority, scripted, tmp_path):
    authority.pending = 0
    config = tmp_path / "config.toml"
    config.write_text(
        f'data = "{tmp_path}"\n[[accounts]]\nname = "shop"\nhost = "127.0.0.1"\nport = {scripted.port}\nsecurity = "none"\n'
        f'user = "shop@outlook.com"\nsign_in = "microsoft"\nclient_id = "the-client"\nauthority = "{authority.address}"\n'
        f'ca_file = "{authority.ca_file}"\n[[accounts]]\nname = "old"\nhost = "h"\nuser = "u"\npassword = "p"\n'
    )

    def triage(*words):
        return CliRunner().invoke(app, [*words, "-c", str(config)])

    done = triage("sign-in", "shop")
    assert done.exit_code == 0, done.exception
    assert "ABCD-EFGH" in done.output
    assert re.search(r"tokens/\s*shop\.json", done.output)
    assert "access-" not in done.output
    assert "signs in with a password" in str(triage("sign-in", "old").exception)
    assert "there are: shop, old" in str(triage("sign-in", "none").exception)


def test_without_the_library_the_way_to_it_is_said(mailbox, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "msal", None)
    with pytest.raises(ConfigError, match=r"pip install 'triage\[microsoft\]'"):
        oauth.identity(mailbox("microsoft")).access_token()
