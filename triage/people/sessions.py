"""Who is signed in: a random token in a cookie, of which only the digest is kept, so that a stolen database opens nothing."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from triage.people import users
from triage.people.users import User
from triage.store.moments import moment, stored
from triage.store.transaction import transaction

if TYPE_CHECKING:
    from sqlite_utils import Database

#: Unused for so long, or so old, a session has ended: OWASP's session management, for a tool one works with all day.
IDLE, LONGEST = timedelta(days=3), timedelta(days=30)
#: How often it is written down that a session is used.
_NOTED = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in."""

    user: User
    token: str  # of the cookie; never shown, never kept

    @property
    def form_key(self) -> str:
        """What every form of this session carries: who can send a cookie along, but not read a page, does not know it."""
        return hmac.new(self.token.encode(), b"forms", "sha256").hexdigest()

    def has_form_key(self, given: str) -> bool:
        """Whether a form is one of this session's."""
        return hmac.compare_digest(self.form_key.encode(), given.encode())


def begin(db: Database, user: User, now: datetime) -> Session:
    """Somebody signs in. Sessions that have ended are cleared away."""
    token = secrets.token_urlsafe(32)
    with transaction(db):
        db.execute(
            "DELETE FROM sessions WHERE seen_at < ? OR begun_at < ?", [stored(now - IDLE), stored(now - LONGEST)]
        )
        db.execute(
            "INSERT INTO sessions (digest, user, begun_at, seen_at) VALUES (?, ?, ?, ?)",
            [_digest(token), user.name, stored(now), stored(now)],
        )
    return Session(user, token)


def of(db: Database, token: str, now: datetime) -> Session | None:
    """The session of a cookie's token, or None if there is none (any more)."""
    row = db.execute("SELECT user, begun_at, seen_at FROM sessions WHERE digest = ?", [_digest(token)]).fetchone()
    if row is None or now - moment(row[1]) > LONGEST or now - moment(row[2]) > IDLE:
        return None
    user = users.get(db, row[0])
    if user is None:
        return None
    if now - moment(row[2]) > _NOTED:
        with transaction(db):
            db.execute("UPDATE sessions SET seen_at = ? WHERE digest = ?", [stored(now), _digest(token)])
    return Session(user, token)


def end(db: Database, session: Session) -> None:
    """Somebody signs out: the token is worth nothing from now on."""
    with transaction(db):
        db.execute("DELETE FROM sessions WHERE digest = ?", [_digest(session.token)])


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
