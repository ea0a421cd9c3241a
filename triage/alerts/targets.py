"""The ways out: Apprise, the console, a file of JSON lines. Each takes a text or says why it did not."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from triage.alerts.render import Text
from triage.config import Target
from triage.errors import TargetFailed, TargetMisconfigured


def send(target: Target, text: Text, facts: Mapping[str, Any]) -> None:
    """Hand one alert to one target; when it returns, the target has it.

    facts: the same as data, for targets that programs read.

    Raises:
        TargetFailed: not taken this time.
        TargetMisconfigured: the target's address is not understood.
    """
    match target.type:
        case "console":
            _console(target, text)
        case "jsonl":
            _jsonl(target, text, facts)
        case "apprise":
            _apprise(target, text)


def check(target: Target) -> None:
    """Whether a target's address makes sense, without sending anything.

    Raises:
        TargetMisconfigured, ConfigError: it does not, or its secret cannot be had.
    """
    if target.type == "apprise":
        _loaded(target)
    elif target.path is not None and not os.access(target.path.expanduser().parent, os.W_OK):
        raise TargetMisconfigured(f"targets.{target.name}.path: the folder {target.path.parent} cannot be written to")


def _console(target: Target, text: Text) -> None:
    bar = "-" * 72
    try:
        print(f"{bar}\n{text.title}\n{text.body}\n{bar}", flush=True)  # noqa: T201 - this is the target
    except (OSError, ValueError) as error:
        raise TargetFailed(f"{target.name}: standard output is closed") from error


def _jsonl(target: Target, text: Text, facts: Mapping[str, Any]) -> None:
    assert target.path is not None
    line = json.dumps({**facts, "title": text.title, "body": text.body}, ensure_ascii=False) + "\n"
    try:
        handle = os.open(target.path.expanduser(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise TargetFailed(f"{target.name}: {target.path}: {error.strerror}") from error


def _loaded(target: Target) -> Any:
    import apprise

    way = apprise.Apprise()
    if not way.add(target.secret.reveal()):
        raise TargetMisconfigured(
            f"targets.{target.name}.url: not an address Apprise knows; see https://appriseit.com for the form of each service"
        )
    return way


def _apprise(target: Target, text: Text) -> None:
    import apprise

    result = _loaded(target).notify(
        title=text.title,
        body=text.body,
        body_format=apprise.NotifyFormat.TEXT,
        timeout=target.timeout.total_seconds(),
    )
    if not result:
        # The library's own words hold the URL, and with it the token.
        status = getattr(getattr(result, "status", None), "name", "FAILURE").lower()
        raise TargetFailed(f"{target.name}: the service did not take the message ({status})")
