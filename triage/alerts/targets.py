"""The ways out: Apprise, a signed webhook, the console, a file of JSON lines. Each takes a text or says why it did not."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any

from triage.alerts import webhook
from triage.alerts.answers import Answer, watched
from triage.alerts.cutoff import within
from triage.alerts.fit import Fitted, Form, fitted, form_of
from triage.alerts.text import Text
from triage.config import Target
from triage.errors import MessageRefused, TargetBusy, TargetFailed, TargetMisconfigured


def send(target: Target, text: Text, facts: Mapping[str, Any]) -> None:
    """Hand one alert to one target; when it returns, the target has it.

    facts: the same as data, for targets that programs read.

    Raises:
        TargetFailed: not taken this time; TargetBusy and MessageRefused say more.
        TargetMisconfigured: the target's address is not understood.
    """
    match target.type:
        case "console":
            _console(target, text)
        case "jsonl":
            _jsonl(target, text, facts)
        case "webhook":
            webhook.send(target, {**facts, "title": text.title, "body": text.body})
        case "apprise":
            _apprise(target, text)


def check(target: Target) -> None:
    """Whether a target's address makes sense, without sending anything.

    Raises:
        TargetMisconfigured, ConfigError: it does not, or its secret cannot be had.
    """
    if target.type == "apprise":
        _service(target)
    elif target.type == "webhook":
        webhook.check(target)
    elif target.path is not None and not os.access(target.path.expanduser().parent, os.W_OK):
        raise TargetMisconfigured(f"targets.{target.name}.path: the folder {target.path.parent} cannot be written to")


def shown(target: Target, text: Text) -> Fitted:
    """A text as a target would be sent it.

    Raises:
        TargetMisconfigured, ConfigError: as in check().
    """
    if target.type != "apprise":
        return Fitted(text.title, text.body, Form())
    return fitted(text, _form(_service(target)[0]))


def least_pause(target: Target) -> timedelta:
    """How long to wait between two messages: as configured, else what the service is known to bear.

    Raises:
        TargetMisconfigured, ConfigError: as in check().
    """
    if target.pause is not None:
        return target.pause
    if target.type != "apprise":
        return timedelta(0)
    return timedelta(seconds=float(type(_service(target)[0]).request_rate_per_sec))


def takes_replies(target: Target) -> bool:
    """Whether what is sent is a mail, which a person may answer."""
    return target.type == "apprise" and target.secret.reveal().startswith(("mailto://", "mailtos://"))


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


def _apprise(target: Target, text: Text) -> None:
    way = _service(target)
    message = fitted(text, _form(way[0]))
    kind = {"html": "html", "markdown": "markdown", "robot": "markdown"}.get(message.form.form, "text")

    def notify() -> tuple[bool, list[Answer]]:
        with watched(verdict_in_body=message.form.verdict == "body") as answers:
            return bool(way.notify(title=message.title, body=message.body, body_format=kind)), answers

    took, answers = within(target, notify)
    if took and message.form.verdict == "status":
        return  # what else it asked on the way - a redirection, a page that need not be there - is the plugin's business
    wrong = next((answer for answer in answers if not answer.taken), None)
    if wrong is not None and wrong.wait is not None:
        raise TargetBusy(f"{target.name}: too many messages for the service ({wrong})", wrong.wait)
    if wrong is not None and wrong.refused:
        raise MessageRefused(f"{target.name}: the service does not want this message ({wrong})")
    if not took or wrong is not None:
        # The library's own words hold the URL, and with it the token.
        raise TargetFailed(f"{target.name}: the service did not take the message ({wrong or 'no answer'})")


def _service(target: Target) -> Any:
    """The target's Apprise object with its one service.

    Raises:
        TargetMisconfigured, ConfigError: as in check().
    """
    way = _loaded(target.secret.reveal())
    if way is None:
        raise TargetMisconfigured(
            f"targets.{target.name}.url: not an address Apprise knows; see https://appriseit.com for the form of each service"
        )
    return way


@lru_cache(maxsize=256)
def _loaded(url: str) -> Any:
    import apprise

    asset = apprise.AppriseAsset(app_id="Triage", app_desc="Triage", app_url="", image_url_mask="", image_url_logo="")
    way = apprise.Apprise(asset=asset)
    if not way.add(url) or len(way) != 1:
        return None
    # It would sleep between two messages and hold up its caller; we wait by the row of the target instead.
    way[0].request_rate_per_sec = 0
    return way


def _form(service: Any) -> Form:
    protocols = (service.protocol, service.secure_protocol)
    names = [name for each in protocols if each for name in ((each,) if isinstance(each, str) else each)]
    return form_of(tuple(names), int(service.body_maxlen))
