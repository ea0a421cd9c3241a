"""A webhook of one's own: JSON over HTTP, signed, with a key by which a repetition is known.

POST, Content-Type: application/json
Idempotency-Key: the same for each try of one message
X-Triage-Timestamp: seconds since 1970
X-Triage-Signature: sha256=HEX, HMAC-SHA256 with the target's key over TIMESTAMP "." BODY
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from triage.alerts.answers import Answer, answer
from triage.alerts.cutoff import within
from triage.config import Target
from triage.errors import MessageRefused, TargetBusy, TargetFailed, TargetMisconfigured

#: For one step: to connect, or from one byte to the next, in seconds.
_STEP = 10


def send(target: Target, content: Mapping[str, Any]) -> None:
    """Post it; a status from 200 to 299 means that it was taken.

    Raises:
        TargetFailed, TargetBusy, MessageRefused: it was not.
        ConfigError: the address or the key cannot be had.
    """
    import requests

    check(target)
    url, key = target.secret.reveal(), target.signing_key.reveal() if target.key else ""
    body = json.dumps(content, ensure_ascii=False).encode()
    moment = str(int(time.time()))
    headers = {"Content-Type": "application/json", "User-Agent": "Triage", "X-Triage-Timestamp": moment}
    headers["Idempotency-Key"] = hashlib.sha256(
        f"{target.name}:{content.get('alerts', content.get('kind'))}".encode()
    ).hexdigest()
    if key:
        headers["X-Triage-Signature"] = f"sha256={signature(key, moment, body)}"

    def post() -> Answer:
        try:
            with requests.post(
                url, data=body, headers=headers, timeout=_STEP, allow_redirects=False, stream=True
            ) as got:
                return answer(got.status_code, got.headers, datetime.now(UTC))
        except requests.RequestException as error:
            # The library's own words hold the URL, and with it a token.
            raise TargetFailed(f"{target.name}: the webhook cannot be reached ({type(error).__name__})") from None

    got = within(target, post)
    if got.wait is not None:
        raise TargetBusy(f"{target.name}: too many messages for the webhook ({got})", got.wait)
    if got.refused:
        raise MessageRefused(f"{target.name}: the webhook does not want this message ({got})")
    if not got.taken:
        raise TargetFailed(f"{target.name}: the webhook did not take the message ({got})")


def signature(key: str, timestamp: str, body: bytes) -> str:
    """What a receiver computes as well to know that a message is ours, in hex."""
    return hmac.new(key.encode(), timestamp.encode() + b"." + body, "sha256").hexdigest()


def check(target: Target) -> None:
    """Whether the address is one.

    Raises:
        TargetMisconfigured, ConfigError: it is not, or cannot be had.
    """
    parts = urlsplit(target.secret.reveal())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise TargetMisconfigured(f"targets.{target.name}.url: a webhook's address begins with https:// or http://")
