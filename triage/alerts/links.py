"""How an alert can be answered: a signed link, and a signed reference by which a reply is known.

Whoever has one can acknowledge this case, nothing else. Neither can be made without this installation's key.
"""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass
from datetime import timedelta

from itsdangerous import BadData, URLSafeTimedSerializer

#: A link is good as long as the matter may last.
GOOD_FOR = timedelta(days=60)
_SALT = "triage-acknowledge"
_REFERENCE = re.compile(r"\[(T(\d{1,12})-([A-Z2-7]{12}))\]")


@dataclass(frozen=True, slots=True)
class Permit:
    """What a link allows: acknowledging a case in somebody's name, once."""

    case: int
    person: str
    open_since: str = ""  # as the case was open then; once it was acknowledged, something new needs a new link


def token(key: bytes, permit: Permit) -> str:
    """A permit as part of an address."""
    return URLSafeTimedSerializer(key, salt=_SALT).dumps([permit.case, permit.person, permit.open_since])


def permitted(key: bytes, text: str) -> Permit | None:
    """The permit of a token, or None if it was not made here or is too old."""
    try:
        case, person, *since = URLSafeTimedSerializer(key, salt=_SALT).loads(text, max_age=int(GOOD_FOR.total_seconds()))
    except (BadData, ValueError, TypeError):
        return None
    return Permit(int(case), str(person), str(since[0]) if since else "")


def reference(key: bytes, case: int) -> str:
    """What stands in the subject of an alert mail and comes back in the reply's; case 0: about no case."""
    digest = hmac.new(key, f"reply:{case}".encode(), "sha256").digest()
    return f"[T{case}-{base64.b32encode(digest)[:12].decode()}]"


def referred(key: bytes, subject: str) -> int | None:
    """The case whose reference stands in a subject, 0 for one about no case, or None if none of ours does."""
    for found in _REFERENCE.finditer(subject):
        case = int(found[2])
        if hmac.compare_digest(found[0], reference(key, case)):
            return case
    return None
