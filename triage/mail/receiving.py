"""Which server receives an account's mail: learned from who writes its authentication results (RFC 8601, section 2.5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from triage.mail.authentication import author_server
from triage.types import Mail

if TYPE_CHECKING:
    from sqlite_utils import Database

#: So many mails, and such a share of them, must carry the same server's results before it is believed without a doubt.
#: An impostor's header stands in a few mails; the own server's in nearly all.
ENOUGH, MOSTLY = 20, 0.8


def learned(db: Database, account: str) -> str:
    """The registrable domain of the server whose results an account's mail carries on top; "" while it is not known."""
    rows = db.execute(
        "SELECT server, mails FROM receiving_servers WHERE account = ? ORDER BY mails DESC", [account]
    ).fetchall()
    total = sum(row[1] for row in rows)
    return str(rows[0][0]) if rows and total >= ENOUGH and rows[0][1] >= MOSTLY * total else ""


def note(db: Database, account: str, mails: Iterable[Mail]) -> None:
    """Count whose results stand on top of some mails; what carries none says nothing."""
    counted = Counter(server for mail in mails if (server := author_server(mail)))
    db.conn.executemany(
        """INSERT INTO receiving_servers (account, server, mails) VALUES (?, ?, ?)
           ON CONFLICT (account, server) DO UPDATE SET mails = mails + excluded.mails""",
        [(account, server, number) for server, number in counted.items()],
    )
