"""Users of the board: a name, what they may do, and a password of which only its Argon2 hash is kept."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from triage.errors import UsageError
from triage.people import access
from triage.people.access import Accounts
from triage.store.moments import stored
from triage.store.transaction import transaction

if TYPE_CHECKING:
    from sqlite_utils import Database

#: Names stand in histories, letters and addresses.
_LONGEST_NAME = 60
#: As NIST SP 800-63B 3.1.1 has it: long enough, and no rules beside.
SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 1000
#: One check takes 64 MiB; so many at once, whoever knocks.
_AT_ONCE = threading.Semaphore(2)


class Role(StrEnum):
    """What somebody may do; each may do what the one before may."""

    VIEW = "view"  # read everything
    ACT = "act"  # work on cases
    ADMIN = "admin"  # users and tokens

    def may(self, needed: Role) -> bool:
        """Whether this is enough for what is needed."""
        return list(Role).index(self) >= list(Role).index(needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who may sign in."""

    name: str
    role: Role
    language: str  # zh, en, or "" for the configured one
    accounts: Accounts = None  # whose cases there are for this user


def add(
    db: Database,
    name: str,
    password: str,
    role: Role,
    *,
    now: datetime,
    language: str = "",
    accounts: Accounts = None,
) -> User:
    """A new user.

    Raises:
        UsageError: the name is taken or none, or the password is too short.
    """
    name = named("user", name)
    hashed = _hashed(password)
    with transaction(db):
        if get(db, name) is not None:
            raise UsageError(f'there is a user "{name}" already; a new password: triage user password "{name}"')
        db.execute(
            "INSERT INTO users (name, password, role, language, accounts, added_at) VALUES (?, ?, ?, ?, ?, ?)",
            [name, hashed, role.value, language, access.kept(accounts), stored(now)],
        )
    return User(name=name, role=role, language=language, accounts=accounts)


def get(db: Database, name: str) -> User | None:
    """A user by name, whatever its case, or None."""
    return next((_user(row) for row in db.query("SELECT * FROM users WHERE name = ?", [name])), None)


def existing(db: Database, name: str) -> User:
    """A user by name.

    Raises:
        UsageError: there is none.
    """
    known = get(db, name)
    if known is None:
        raise UsageError(f'there is no user "{name}"; see: triage user list')
    return known


def listed(db: Database) -> list[User]:
    """All of them, by name."""
    return [_user(row) for row in db.query("SELECT * FROM users ORDER BY name")]


def change(
    db: Database, name: str, *, password: str | None = None, role: Role | None = None, language: str | None = None
) -> User:
    """Another password, role or language. With another password or role all sessions of the user end.

    Raises:
        UsageError: no such user, a password too short, or nobody would be left to look after users.
    """
    hashed = _hashed(password) if password is not None else None
    with transaction(db):
        known = existing(db, name)
        if role is not None and role is not Role.ADMIN:
            _keep_an_admin(db, known)
        changes = {"password": hashed, "role": role.value if role else None, "language": language}
        for column, value in changes.items():
            if value is not None:
                db.execute(f"UPDATE users SET {column} = ? WHERE name = ?", [value, known.name])  # noqa: S608 - our own word
        if password is not None or role is not None:
            db.execute("DELETE FROM sessions WHERE user = ?", [known.name])
        return existing(db, name)


def restrict(db: Database, name: str, accounts: Accounts) -> User:
    """A user sees the cases of these accounts from the next page on.

    Raises:
        UsageError: no such user.
    """
    with transaction(db):
        known = existing(db, name)
        db.execute("UPDATE users SET accounts = ? WHERE name = ?", [access.kept(accounts), known.name])
        return existing(db, name)


def remove(db: Database, name: str) -> None:
    """A user goes, with all sessions; what was done in that name stays in the histories.

    Raises:
        UsageError: no such user, or nobody would be left to look after users.
    """
    with transaction(db):
        known = existing(db, name)
        _keep_an_admin(db, known)
        db.execute("DELETE FROM sessions WHERE user = ?", [known.name])
        db.execute("DELETE FROM users WHERE name = ?", [known.name])


def authenticated(db: Database, name: str, password: str) -> User | None:
    """The user of that name and password, or None. It takes as long for a name that nobody has."""
    row = next(iter(db.query("SELECT * FROM users WHERE name = ?", [name[:_LONGEST_NAME]])), None)
    with _AT_ONCE:
        try:
            _hasher().verify(row["password"] if row else _of_nobody(), password[:LONGEST_PASSWORD])
        except (VerificationError, InvalidHashError):
            return None
    if row is None:
        return None
    if _hasher().check_needs_rehash(row["password"]):
        hashed = _hashed(password)
        with transaction(db):
            db.execute("UPDATE users SET password = ? WHERE name = ?", [hashed, row["name"]])
    return _user(row)


def _keep_an_admin(db: Database, leaving: User) -> None:
    others = [user for user in listed(db) if user.role is Role.ADMIN and user.name != leaving.name]
    if leaving.role is Role.ADMIN and not others:
        raise UsageError(f'"{leaving.name}" is the only admin; make somebody else admin first')


def named(whose: str, name: str) -> str:
    """The name of a user or token as it is kept, its blanks put in order.

    Raises:
        UsageError: there is none, it is too long, or it cannot be printed.
    """
    name = " ".join(name.split())
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise UsageError(f"a {whose}'s name has 1 to {_LONGEST_NAME} printable characters")
    return name


def _hashed(password: str) -> str:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise UsageError(f"a password has at least {SHORTEST_PASSWORD} characters (and at most {LONGEST_PASSWORD})")
    with _AT_ONCE:
        return _hasher().hash(password)


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    """Argon2id with the second recommended parameters of RFC 9106 (64 MiB, three passes), the library's default."""
    return PasswordHasher()


@lru_cache(maxsize=1)
def _of_nobody() -> str:
    return _hasher().hash("nobody has this name, but checking it must take as long")


def _user(row: Any) -> User:
    return User(
        name=row["name"], role=Role(row["role"]), language=row["language"], accounts=access.known(row["accounts"])
    )
