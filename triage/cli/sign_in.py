"""triage sign-in: mailboxes that take no password."""

from __future__ import annotations

from typing import Annotated

import typer

from triage.cli.app import ConfigOption, app, settings
from triage.cli.show import out, plain
from triage.errors import UsageError


@app.command("sign-in")
def sign_in(
    account: Annotated[str, typer.Argument(help="The account's name in the configuration.")],
    path: ConfigOption = None,
) -> None:
    """Sign in to a mailbox at Microsoft or Google, once; what is kept is renewed by itself.

    Microsoft gives a code to type on any device. Google sends your browser back to this machine: on a server, forward the
    port first (the address shows it), or sign in on your own machine and copy the file.
    """
    configured = settings(path)
    found = configured.account(account)
    if found is None:
        names = ", ".join(each.name for each in configured.accounts) or "none"
        raise UsageError(f"{account}: no account has this name; there are: {names}")
    if found.sign_in == "password":
        raise UsageError(
            f'{account}: signs in with a password; for OAuth set sign_in = "microsoft" or "google" in the configuration'
        )
    from triage.mail import oauth
    from triage.mail.session import Session

    def show(address: str, code: str) -> None:
        out.print(f"Open this address and sign in as {plain(found.user)}:")
        out.print(plain(address), soft_wrap=True)
        if code:
            out.print(f"The code: [bold]{plain(code)}[/bold]")

    oauth.identity(found).sign_in(show)
    with Session(found, configured.polling):
        pass
    out.print(f"{plain(account)} is signed in; it is kept in {plain(str(found.tokens))}")
