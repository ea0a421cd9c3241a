"""What a search does: bring the index up to date, then ask it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from triage.cases import messages, search
from triage.cases.search import Hit
from triage.mail import reading
from triage.store.transaction import transaction
from triage.types import Mail

if TYPE_CHECKING:
    from sqlite_utils import Database


def searched(db: Database, query: str, limit: int, accounts: Collection[str] | None = None) -> list[Hit]:
    """Mails and notes of cases with all words of the query, the best first. accounts: only of these; None for all.

    Mails that were stored before there was an index are read again and added, once.

    Raises:
        UsageError: there is no word in the query.
    """
    older = search.missing(db)
    if older:
        with transaction(db):
            for number in older:
                raw = messages.original(db, number)
                mail = reading.read(raw) if raw else None
                found = messages.get(db, number)
                text = mail.whole if isinstance(mail, Mail) else ""
                search.add(db, "mail", number, f"{found.subject}\n{found.sender}\n{text}" if found else text)
    return search.found(db, query, limit, accounts)
