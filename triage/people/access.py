"""Which accounts somebody may see: all of them, or those that are named."""

from __future__ import annotations

import json
from collections.abc import Iterable

#: Names of accounts; None for all there are, those of tomorrow with them.
Accounts = frozenset[str] | None


def kept(accounts: Accounts) -> str | None:
    """As it is stored."""
    return None if accounts is None else json.dumps(sorted(accounts), ensure_ascii=False)


def known(stored: str | None) -> Accounts:
    """As it was stored."""
    return None if stored is None else frozenset(json.loads(stored))


def sees(accounts: Accounts, account: str) -> bool:
    """Whether a case of an account may be seen."""
    return accounts is None or account in accounts


def of_these(accounts: Accounts, wanted: Iterable[str]) -> Accounts:
    """Those of some accounts that may be seen."""
    return frozenset(wanted) if accounts is None else accounts & frozenset(wanted)
