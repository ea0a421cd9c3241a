"""Mailboxes as they stand in headers, forged ones included."""

from __future__ import annotations

import re

from triage.types import Address

_ANGLE = re.compile(r"<([^<>]*)>[^<>]*$")
_MAILTO = re.compile(r"\[mailto:([^\]]+)\]", re.IGNORECASE)
_BARE = re.compile(r"[^\s<>,;:\"()\[\]|]+@[^\s<>,;:\"()\[\]|]+")


def parse_address(value: str) -> Address:
    """Display name and address of one mailbox, the last angle-addr being the address (RFC 5322, section 3.4).

    email.utils takes a comma in an already decoded display name for a second mailbox, which phishers use.
    """
    value = value.strip()[:2000]
    match = _ANGLE.search(value) or _MAILTO.search(value)
    if match:
        inner = match[1].strip().removeprefix("mailto:")
        return Address(value[: match.start()].strip().strip("\"'“”").strip()[:200], inner.lower()[:320])
    bare = _BARE.search(value)
    if bare is None:
        return Address(value[:200], "")
    return Address(value.replace(bare[0], "").strip(" '\"()|;,")[:200], bare[0].lower()[:320])
