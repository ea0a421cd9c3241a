"""The command line: one file per group of commands. Each command parses, calls one function, prints."""

from __future__ import annotations

import sys

from rich.markup import escape
from typer.exceptions import TyperException

from triage.cli import (
    acting,
    alerts,
    case,
    cases,
    classify,
    demo,
    draft,
    keep,
    learn,
    quarantine,
    report,
    review,
    run,
    setup,
    sign_in,
    status,
    web,
)  # fmt: skip
from triage.cli.app import app
from triage.cli.show import errors
from triage.errors import TriageError

__all__ = ["app", "main"]

_GROUPS = (
    run,
    status,
    setup,
    cases,
    case,
    acting,
    alerts,
    draft,
    report,
    classify,
    review,
    learn,
    keep,
    quarantine,
    sign_in,
    web,
    demo,
)  # imported for their commands


def main() -> None:
    """Run the command line; what is wrong is one line on standard error, and its exit code."""
    try:
        code = app(standalone_mode=False)
    except TyperException as error:
        # Wrong use of the command line: what, and where to read on. (An Abort has nothing to say.)
        message = getattr(error, "format_message", lambda: "")()
        context = getattr(error, "ctx", None)
        if message:
            _say(f"{message.rstrip('.')}; see: {context.command_path if context else 'triage'} --help")
        sys.exit(getattr(error, "exit_code", 1))
    except TriageError as error:
        _say(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe has gone ("triage cases | head"): nothing is wrong.
        sys.stderr.close()
        sys.exit(0)
    sys.exit(code or 0)


def _say(message: str) -> None:
    errors.print(f"[red]triage:[/red] {escape(message)}", highlight=False, soft_wrap=True)
