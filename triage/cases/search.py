"""Full-text search over mails and notes (SQLite FTS5), in Chinese, Japanese and Korean too."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from triage.cases.queries import of_accounts
from triage.errors import UsageError
from triage.store.moments import moment

if TYPE_CHECKING:
    from sqlite_utils import Database

#: Of a longer mail the end is not found; what a platform says stands in its beginning.
_MOST_CHARACTERS = 50_000
#: Scripts without blanks between words. The tokenizer of SQLite takes a run of them for one word, its trigram one finds
#: nothing shorter than three; so each character becomes a word, and a search for several of them a phrase.
_CHARACTER = r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]"
_UNSPACED = re.compile(f"({_CHARACTER})")
#: The blanks that were put in, with the brackets around what was found between them.
_BETWEEN = re.compile(
    rf"(?<={_CHARACTER}) (?=\[?{_CHARACTER}|[,.;:!?)])|(?<={_CHARACTER}\]) (?=\[?{_CHARACTER}|[,.;:!?)])|(?<=[,.;:!?(]) (?=\[?{_CHARACTER})"
)
_PARTED = re.compile(rf"(?<={_CHARACTER})\]\[(?={_CHARACTER})")
_TERM = re.compile(r'"([^"]*)"|(\S+)')


@dataclass(frozen=True, slots=True)
class Hit:
    """One mail or note that was found, and the words around."""

    case_id: int
    kind: str  # mail, note
    at: datetime
    subject: str
    excerpt: str  # what was searched for in [brackets]


def add(db: Database, kind: str, ref: int, text: str) -> None:
    """Make a mail (ref: its message) or a note (ref: its event) findable."""
    db.execute("INSERT INTO texts (kind, ref, words) VALUES (?, ?, ?)", (kind, ref, _words(text)))


def missing(db: Database) -> list[int]:
    """Messages of cases that are not in the index yet: those stored before there was one."""
    return [
        int(row[0])
        for row in db.execute(
            """SELECT id FROM messages WHERE case_id IS NOT NULL AND original IS NOT NULL
               AND id NOT IN (SELECT ref FROM texts WHERE kind = 'mail')"""
        ).fetchall()
    ]


def found(db: Database, query: str, limit: int, accounts: Collection[str] | None = None) -> list[Hit]:
    """Mails and notes with all words of the query, the best first. "In quotes" is a phrase, a star ends a beginning.

    accounts: only of cases of these; None for all.

    Raises:
        UsageError: there is no word in the query.
    """
    terms = list(_terms(query))
    if not terms:
        raise UsageError("nothing to search for: give at least one word")
    mine, values = of_accounts(accounts)
    own = (
        f"""AND EXISTS (SELECT 1 FROM cases WHERE {mine} AND id = CASE kind
               WHEN 'mail' THEN (SELECT case_id FROM messages WHERE messages.id = ref)
               ELSE (SELECT case_id FROM case_events WHERE case_events.id = ref) END)"""  # noqa: S608 - marks only
        if accounts is not None
        else ""
    )
    rows = db.query(
        f"""SELECT coalesce(messages.case_id, case_events.case_id) AS case_id, kind_ AS kind, excerpt,
                  coalesce(messages.received_at, case_events.at) AS at, coalesce(messages.subject, '') AS subject
           FROM (SELECT kind AS kind_, ref, snippet(texts, 2, '[', ']', '…', 24) AS excerpt, rank FROM texts
                 WHERE texts MATCH ? {own} ORDER BY rank LIMIT ?)
           LEFT JOIN messages ON kind_ = 'mail' AND messages.id = ref
           LEFT JOIN case_events ON kind_ = 'note' AND case_events.id = ref
           WHERE coalesce(messages.case_id, case_events.case_id) IS NOT NULL ORDER BY rank""",  # noqa: S608 - our own words
        [" ".join(terms), *values, limit],
    )
    return [
        Hit(row["case_id"], row["kind"], moment(row["at"]), row["subject"], _joined(row["excerpt"])) for row in rows
    ]


def _terms(query: str) -> Iterator[str]:
    """The words of a query as FTS5 strings: whatever a person types is searched for, never syntax."""
    for phrase, word in _TERM.findall(query):
        text = phrase or word
        begins = word.endswith("*")
        words = _words(text).replace('"', " ").replace("*", " ").split()
        if any(any(c.isalnum() for c in each) for each in words):
            yield f'"{" ".join(words)}"' + ("*" if begins else "")


def _words(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text[:_MOST_CHARACTERS])
    return " ".join(_UNSPACED.sub(r" \1 ", folded).split())


def _joined(excerpt: str) -> str:
    """An excerpt without the blanks that were put between ideographs."""
    return _PARTED.sub("", _BETWEEN.sub("", excerpt))
