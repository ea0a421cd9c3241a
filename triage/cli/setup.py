"""triage init and triage check: a first configuration, and whether everything in it works."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import platformdirs
import typer
from rich.table import Table

from triage import config
from triage.cli.app import ConfigOption, JsonOption, app
from triage.cli.app import settings as configured
from triage.cli.show import out, plain, print_json
from triage.config import Settings
from triage.config.providers import of_address
from triage.errors import ConfigError, TriageError, UsageError

_TEMPLATE = """# Written by: triage init. Every setting is explained in config.example.toml.
language = "{language}"
time_zone = "{zone}"

[[accounts]]
name = "{name}"
{server}
user = "{user}"
{password}

[[targets]]
name = "screen"
type = "console"
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked."""

    what: str
    well: bool
    says: str  # what is there, or what to do
    doubtful: bool = False  # well enough to work, and perhaps not what was meant


@app.command()
def init(
    path: Annotated[
        Path | None, typer.Option("--config", "-c", help="Where to write it. Default: the user's folder.")
    ] = None,
    email: Annotated[str, typer.Option(help="The mailbox's address.", prompt="Address of the mailbox")] = "",
    password: Annotated[
        str,
        typer.Option(
            help="Its password or app password. It goes into a file of its own (mode 0600).",
            envvar="TRIAGE_PASSWORD",
        ),
    ] = "",
    client_id: Annotated[
        str, typer.Option(help="Where no password is taken (Outlook): the application's id, see docs/providers.md.")
    ] = "",
    host: Annotated[
        str | None, typer.Option(help="IMAP server. Default: known from the address, or asked for.")
    ] = None,
    language: Annotated[
        str, typer.Option(help="Language of advice and alerts: zh or en.", prompt="Language, zh or en")
    ] = "en",
    zone: Annotated[str, typer.Option(help="Your time zone.", prompt="Time zone")] = "Asia/Shanghai",
) -> None:
    """Write a first configuration by a few questions, then check it with: triage check."""
    place = path or Path(platformdirs.user_config_dir("triage")) / "config.toml"
    if place.exists():
        raise UsageError(f"{place}: exists already; edit it, or name another file with --config")
    if "@" not in email:
        raise UsageError(f'"{plain(email)}" is no mail address')
    known = of_address(email)
    if host is None and known is None:
        host = typer.prompt("IMAP server", default=f"imap.{email.rpartition('@')[2]}")
    by_token = known is not None and known.sign_in != "password" and not host
    if by_token:
        client_id = client_id or typer.prompt("Application (client) id, see docs/providers.md")
    elif not password:
        password = typer.prompt("Password or app password (not shown)", hide_input=True)
    secret = place.parent / f"{email}.password"
    text = _TEMPLATE.format(
        language=language,
        zone=zone,
        name=email.partition("@")[0].replace("+", "-"),
        server=f'host = "{host}"' if host or known is None else f'provider = "{known.name}"',
        user=email,
        password=f'client_id = "{client_id}"' if by_token else f'password = "file:{secret.resolve()}"',
    )
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_private(place, text)
        config.load(place)
        if not by_token:
            _write_private(secret, password + "\n")
    except ConfigError:
        place.unlink(missing_ok=True)
        raise
    except OSError as error:
        raise ConfigError(f"{error.filename}: cannot be written: {error.strerror}") from error
    out.print(f"Written: {place}")
    if by_token:
        out.print(f"Next: [bold]triage sign-in {plain(email.partition('@')[0])}[/bold], then [bold]triage check[/bold]")
        return
    out.print(f"The password is in {secret} (readable by you alone).")
    if known:
        wants = known.password["zh" if language == "zh" else "en"]
        out.print(
            f"{known.host} 的密码是{wants}。" if language == "zh" else f"Note: {known.host} wants {wants}.",
            markup=False,
        )
    out.print("Next: [bold]triage check[/bold], then [bold]triage run[/bold]")


@app.command()
def check(
    path: ConfigOption = None,
    send_test: Annotated[bool, typer.Option("--send-test", help="Send a test alert to every target.")] = False,
    json: JsonOption = False,
) -> None:
    """Check everything: configuration, passwords, mailboxes (read-only), folders, model, alert targets.

    Prints what is well and what is not, each with what to do. The exit code is 1 if anything is not well.
    """
    settings = configured(path)
    findings = list(_findings(settings, send_test=send_test))
    if json:
        print_json([{"what": f.what, "well": f.well, "doubtful": f.doubtful, "says": f.says} for f in findings])
    else:
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for finding in findings:
            table.add_row(
                "[red]!![/red]"
                if not finding.well
                else "[yellow]?[/yellow]"
                if finding.doubtful
                else "[green]ok[/green]",
                plain(finding.what),
                plain(finding.says),
            )
        out.print(table)
    raise typer.Exit(0 if all(f.well for f in findings) else 1)


def _playbooks(folder: Path) -> Finding:
    from triage.advice.drafts import parsed
    from triage.advice.playbook import playbooks

    try:
        playbooks(folder)
        letters = parsed(folder)
    except ConfigError as error:
        return Finding("playbooks", False, str(error))
    return Finding(
        "playbooks", True, f"{folder}: {len(list(folder.glob('*.toml')))} playbooks, {letters} letters of your own"
    )


def _findings(settings: Settings, *, send_test: bool) -> Iterator[Finding]:
    yield Finding("configuration", True, f"{len(settings.accounts)} accounts, {len(settings.targets)} targets")
    if not settings.accounts:
        yield Finding("accounts", False, "none is configured; add an [[accounts]] block, or run: triage init")
    yield _database(settings)
    for account in settings.accounts:
        if account.password and account.secret.kind == "plain":
            yield Finding(
                f"password of {account.name}",
                False,
                "stands in the configuration; better: env:NAME, file:PATH or keyring:SERVICE/USER",
            )
        yield from _mailbox(account, settings)
    yield _model(settings)
    if settings.playbooks:
        yield _playbooks(settings.playbooks)
    if not settings.targets:
        yield Finding("targets", False, "none is configured; cases are kept, but nobody is alerted")
    yield from _routes(settings)
    for target in settings.targets:
        yield _target(target, send_test=send_test)


def _routes(settings: Settings) -> Iterator[Finding]:
    from triage.alerts.routes import overlaps

    if settings.routes:
        fine = (
            f"{len(settings.routes)} routes; the first that fits decides, what fits none goes to the account's targets"
        )
        yield Finding("routes", True, fine)
    for found in overlaps(settings.routes):
        if found.never:
            says = f'never reached: whatever fits it fits "{found.earlier}" before it; put it first, or remove it'
            yield Finding(f"route {found.later}", False, says)
        else:
            says = f'overlaps with "{found.earlier}": cases that fit both go where "{found.earlier}" says'
            yield Finding(f"route {found.later}", True, says, doubtful=True)


def _database(settings: Settings) -> Finding:
    from triage.mail import quarantine
    from triage.store.connection import opened

    try:
        with opened(settings.database) as db:
            count = quarantine.count(db)
            aside = f"; {count} messages could not be read and are kept aside" if count else ""
            free = os.statvfs(settings.data)
            return Finding(
                "database", True, f"{settings.database}, {free.f_bavail * free.f_frsize / 1e9:.1f} GB free{aside}"
            )
    except TriageError as error:
        return Finding("database", False, str(error))


def _mailbox(account: config.Account, settings: Settings) -> Iterator[Finding]:
    from triage.mail.session import Session

    try:
        with Session(account, settings.polling) as session:
            yield Finding(f"mailbox {account.name}", True, f"signed in to {account.host} as {account.user}, read-only")
            for name in account.folders:
                try:
                    folder = session.open(name)
                    yield Finding(f"folder {name}", True, f"{folder.messages} messages")
                except TriageError as error:
                    yield Finding(f"folder {name}", False, str(error))
    except TriageError as error:
        yield Finding(f"mailbox {account.name}", False, str(error).replace(", then run: triage check", ""))


def _model(settings: Settings) -> Finding:
    from triage.learn import registry

    try:
        version = registry.current(settings.models_dir)
        if version is None:
            return Finding("model", True, "none yet; the first start trains one (half a minute)")
        model = registry.load(settings.models_dir)
        return Finding("model", True, f"{model.version} in {settings.models_dir}")
    except TriageError as error:
        return Finding("model", False, str(error))


def _target(target: config.Target, *, send_test: bool) -> Finding:
    from triage.alerts import render, targets

    name = f"target {target.name}"
    try:
        targets.check(target)
        if send_test:
            targets.send(target, render.plain_text("test", {}, target.language or "en"), {"kind": "test"})
            return Finding(name, True, "took the test alert")
    except TriageError as error:
        return Finding(name, False, str(error))
    return Finding(name, True, f"{target.type}; not tried (to send a test: triage check --send-test)")


def _write_private(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
