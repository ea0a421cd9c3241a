"""The command line: one file per group of commands. Each command parses, calls one function, prints."""

from __future__ import annotations

import sys

from triage.cli import cases, classify, demo, learn, run, setup
from triage.cli.app import app
from triage.cli.show import errors
from triage.errors import TriageError

__all__ = ["app", "main"]

_GROUPS = (run, setup, cases, classify, learn, demo)  # imported for their commands


def main() -> None:
    """Run the command line; a known error is one line on standard error and its exit code."""
    try:
        app()
    except TriageError as error:
        errors.print(f"[red]triage:[/red] {_escaped(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe has gone ("triage cases | head"): nothing is wrong.
        sys.stderr.close()
        sys.exit(0)


def _escaped(text: str) -> str:
    return text.replace("[", "\\[")
