"""triage web: the case board; triage user and triage token: who may use it."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from triage.cli.app import ByOption, ConfigOption, JsonOption, app, database, now, person
from triage.cli.app import settings as configured
from triage.cli.show import errors, out, plain, print_json
from triage.config import Settings
from triage.errors import UsageError
from triage.people import tokens, users
from triage.people.access import Accounts
from triage.people.users import SHORTEST_PASSWORD, Role

#: Where the board is served unless the configuration says otherwise: this machine only.
_LISTEN = "127.0.0.1:8470"

_users = typer.Typer(no_args_is_help=True, help="Who may sign in to the case board, and what each may do.")
_tokens = typer.Typer(no_args_is_help=True, help="Tokens for programs that use the API.")
app.add_typer(_users, name="user", rich_help_panel="Case board")
app.add_typer(_tokens, name="token", rich_help_panel="Case board")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The user's name, as it stands in histories.")]
RoleOption = Annotated[Role, typer.Option(help="view: read everything; act: work on cases; admin: users, too.")]
AccountsOption = Annotated[
    list[str] | None,
    typer.Option("--account", help="Only cases of this account; give it once for each. Default: of all accounts."),
]
PasswordOption = Annotated[
    Path | None, typer.Option("--password-file", help="Read the password from this file instead of asking.")
]


@app.command(rich_help_panel="Case board")
def web(
    path: ConfigOption = None,
    listen: Annotated[
        str | None, typer.Option(help=f"Address and port. Default: as configured, else {_LISTEN}")
    ] = None,
) -> None:
    """Serve the case board: a page where a team sees what burns, and acts.

    The service serves it as well, if the configuration has [bold]board = true[/bold] under [bold]\\[web][/bold]. Users are
    made by: [bold]triage user add NAME[/bold]
    """
    from pydantic import ValidationError

    from triage import log
    from triage.config.sections import Web
    from triage.web.server import serve

    settings = configured(path)
    try:
        section = Web.model_validate(
            {**settings.web.model_dump(), "listen": listen or settings.web.listen or _LISTEN, "board": True}
        )
    except ValidationError as error:
        raise UsageError(f"--listen: {error.errors()[0]['msg']}") from error
    with database(path) as (db, _):
        somebody = bool(users.listed(db))
    log.configure(level=settings.logging.level, json=settings.logging.json_lines)
    serving = serve(settings.model_copy(update={"web": section}), now, lambda: True)
    host, port = serving.address
    out.print(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
    if not somebody:
        errors.print("Nobody can sign in yet; make the first user: triage user add NAME --role admin", markup=False)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        serving.stop()


@_users.command(name="add")
def add_user(
    name: NameArgument,
    role: RoleOption = Role.ACT,
    account: AccountsOption = None,
    language: Annotated[str, typer.Option(help="zh or en. Default: what the browser asks for.")] = "",
    password_file: PasswordOption = None,
    path: ConfigOption = None,
) -> None:
    """Let somebody sign in."""
    with database(path) as (db, settings):
        accounts = _accounts(account, settings)
        _check_language(language)
        if users.get(db, name) is not None:
            raise UsageError(f'there is a user "{name}" already; a new password: triage user password "{name}"')
        user = users.add(db, name, _password(password_file), role, now=now(), language=language, accounts=accounts)
    out.print(f"{plain(user.name)} may sign in ({user.role}{_of(user.accounts)}).")


@_users.command(name="password")
def new_password(name: NameArgument, password_file: PasswordOption = None, path: ConfigOption = None) -> None:
    """Give a user another password. All sessions of that user end."""
    with database(path) as (db, _):
        known = users.existing(db, name)
        users.change(db, known.name, password=_password(password_file))
    out.print(f"{plain(known.name)} has a new password, and is signed out everywhere.")


@_users.command(name="change")
def change_user(
    name: NameArgument,
    role: Annotated[Role | None, typer.Option(help="view, act or admin. All sessions end.")] = None,
    language: Annotated[str | None, typer.Option(help="zh or en.")] = None,
    account: AccountsOption = None,
    all_accounts: Annotated[bool, typer.Option("--all-accounts", help="Cases of all accounts again.")] = False,
    path: ConfigOption = None,
) -> None:
    """Change what a user may do and see, or the language of the pages."""
    if role is None and language is None and not account and not all_accounts:
        raise UsageError("say what: --role, --language, --account or --all-accounts")
    if account and all_accounts:
        raise UsageError("--account and --all-accounts exclude each other")
    _check_language(language)
    with database(path) as (db, settings):
        accounts = _accounts(account, settings)
        user = users.change(db, name, role=role, language=language)
        if account or all_accounts:
            user = users.restrict(db, name, accounts)
    out.print(f"{plain(user.name)}: {user.role}{_of(user.accounts)}{f', {user.language}' if user.language else ''}.")


@_users.command(name="remove")
def remove_user(name: NameArgument, path: ConfigOption = None) -> None:
    """Take a user away. What was done in that name stays in the histories."""
    with database(path) as (db, _):
        users.remove(db, name)
    out.print(f"{plain(name)} cannot sign in any more.")


@_users.command(name="list")
def list_users(path: ConfigOption = None, json: JsonOption = False) -> None:
    """List the users."""
    with database(path) as (db, _):
        found = users.listed(db)
    if json:
        print_json(
            [{"name": u.name, "role": u.role, "language": u.language, "accounts": _names(u.accounts)} for u in found]
        )
        return
    for user in found:
        out.print(f"{plain(user.name):<24} {user.role:<6} {user.language:<2}{_of(user.accounts)}".rstrip())
    if not found:
        out.print("No users yet; to make one: triage user add NAME")


@_tokens.command(name="add")
def add_token(
    name: Annotated[str, typer.Argument(help="What it is for, such as: erp")],
    scope: Annotated[Role, typer.Option(help="view: read; act: work on cases as well.")] = Role.VIEW,
    account: AccountsOption = None,
    path: ConfigOption = None,
    by: ByOption = None,
) -> None:
    """Make a token for a program. It is shown this once."""
    with database(path) as (db, settings):
        secret = tokens.add(db, name, scope, by=person(by), now=now(), accounts=_accounts(account, settings))
    errors.print("Keep it: it is not shown again.")
    out.print(secret, markup=False)


@_tokens.command(name="list")
def list_tokens(path: ConfigOption = None, json: JsonOption = False) -> None:
    """List the tokens, not their secrets."""
    with database(path) as (db, _):
        found = tokens.listed(db)
    if json:
        print_json(
            [
                {
                    "name": t.name,
                    "scope": t.scope,
                    "accounts": _names(t.accounts),
                    "by": t.added_by,
                    "added_at": t.added_at,
                    "used_at": t.used_at,
                }
                for t in found
            ]
        )
        return
    for token in found:
        used = f"last used {token.used_at:%Y-%m-%d}" if token.used_at else "never used"
        out.print(f"{plain(token.name):<24} {token.scope:<6} by {plain(token.added_by)}, {used}{_of(token.accounts)}")
    if not found:
        out.print("No tokens; to make one: triage token add NAME")


@_tokens.command(name="remove")
def remove_token(name: Annotated[str, typer.Argument(help="The token's name.")], path: ConfigOption = None) -> None:
    """Make a token worthless."""
    with database(path) as (db, _):
        tokens.remove(db, name)
    out.print(f"The token {plain(name)} is worth nothing any more.")


def _accounts(named: list[str] | None, settings: Settings) -> Accounts:
    """The accounts that options name; None if they name none."""
    if not named:
        return None
    known = [account.name for account in settings.accounts]
    for name in named:
        if name not in known:
            raise UsageError(f'--account: "{name}" is not configured; there are: {", ".join(known) or "none"}')
    return frozenset(named)


def _names(accounts: Accounts) -> list[str] | None:
    return None if accounts is None else sorted(accounts)


def _of(accounts: Accounts) -> str:
    return "" if accounts is None else f", only {plain(', '.join(sorted(accounts)))}"


def _check_language(language: str | None) -> None:
    if language not in {None, "", "zh", "en"}:
        raise UsageError(f'--language: "{language}" is not known; use zh or en')


def _password(file: Path | None) -> str:
    """A password that was typed twice, or stands in a file."""
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file}: cannot be read: {error}") from error
    if not sys.stdin.isatty():
        raise UsageError("no terminal to ask for the password; give it by: --password-file FILE")
    hint = f"Password (at least {SHORTEST_PASSWORD} characters)"
    return str(typer.prompt(hint, hide_input=True, confirmation_prompt=True))
