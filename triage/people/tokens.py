"""Tokens for programs that use the API: shown once, only their digest is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from triage.errors import UsageError
from triage.people import access
from triage.people.access import Accounts
from triage.people.users import Role, named
from triage.store.moments import maybe_moment, moment, stored
from triage.store.transaction import transaction

if TYPE_CHECKING:
    from sqlite_utils import Database

#: By which secret scanners, and people, know what it is.
_PREFIX = "triage_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a program may do, and who let it."""

    name: str
    scope: Role
    accounts: Accounts  # whose cases there are for it
    added_by: str
    added_at: datetime
    used_at: datetime | None


def add(db: Database, name: str, scope: Role, *, by: str, now: datetime, accounts: Accounts = None) -> str:
    """A new token, which nobody can read again.

    Raises:
        UsageError: the name is taken or none.
    """
    name = named("token", name)
    secret = _PREFIX + secrets.token_urlsafe(32)
    with transaction(db):
        if db.execute("SELECT 1 FROM tokens WHERE name = ?", [name]).fetchone():
            raise UsageError(f'there is a token "{name}" already; another name, or: triage token remove "{name}"')
        db.execute(
            "INSERT INTO tokens (name, digest, scope, accounts, added_by, added_at) VALUES (?, ?, ?, ?, ?, ?)",
            [name, _digest(secret), scope.value, access.kept(accounts), by, stored(now)],
        )
    return secret


def listed(db: Database) -> list[Token]:
    """All of them, by name."""
    return [_token(row) for row in db.query("SELECT * FROM tokens ORDER BY name")]


def remove(db: Database, name: str) -> None:
    """A token is worth nothing any more.

    Raises:
        UsageError: there is none of that name.
    """
    with transaction(db):
        if not db.execute("DELETE FROM tokens WHERE name = ? RETURNING name", [name]).fetchall():
            raise UsageError(f'there is no token "{name}"; see: triage token list')


def of(db: Database, secret: str, now: datetime) -> Token | None:
    """The token of a secret, or None."""
    found = next((row for row in db.query("SELECT * FROM tokens WHERE digest = ?", [_digest(secret)])), None)
    if found is None:
        return None
    used = maybe_moment(found["used_at"])
    if used is None or now.date() != used.date():  # by the day is enough, and no write for each request
        with transaction(db):
            db.execute("UPDATE tokens SET used_at = ? WHERE digest = ?", [stored(now), found["digest"]])
    return replace(_token(found), used_at=used)


def _token(row: Mapping[str, Any]) -> Token:
    return Token(
        name=row["name"],
        scope=Role(row["scope"]),
        accounts=access.known(row["accounts"]),
        added_by=row["added_by"],
        added_at=moment(row["added_at"]),
        used_at=maybe_moment(row["used_at"]),
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
