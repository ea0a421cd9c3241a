"""The schema, as numbered steps. An old step is never edited; a change is a new step at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlite_utils.migrations import Migrations

if TYPE_CHECKING:
    from sqlite_utils import Database

MIGRATIONS = Migrations("triage")


@MIGRATIONS(name="0001_initial")
def initial(db: Database) -> None:
    """Mailboxes, messages, cases with their history and references, corrections, alerts, quarantine."""
    for statement in _INITIAL.split(";"):
        if statement.strip():
            db.conn.execute(statement)


@MIGRATIONS(name="0002_receiving_servers_and_assumed_deadlines")
def receiving_servers(db: Database) -> None:
    """Whose authentication results an account's mail carries; whether a case's deadline stands in its mail."""
    db.conn.execute(
        """CREATE TABLE receiving_servers (
               account TEXT NOT NULL, server TEXT NOT NULL, mails INTEGER NOT NULL, PRIMARY KEY (account, server)
           ) WITHOUT ROWID"""
    )
    db.conn.execute("ALTER TABLE cases ADD COLUMN deadline_assumed INTEGER NOT NULL DEFAULT 0")


@MIGRATIONS(name="0003_teams_links_and_search")
def teams(db: Database) -> None:
    """Who has a case, how often it was answered, whether the platform still listens; linked and merged cases; a full-text
    index of mails and notes. Marketplaces and money of older cases are filled in by their next mail."""
    for column in (
        "assignee TEXT NOT NULL DEFAULT ''",
        "attempts INTEGER NOT NULL DEFAULT 0",
        "final INTEGER NOT NULL DEFAULT 0",
        "marketplaces TEXT NOT NULL DEFAULT '[]'",
        "money TEXT NOT NULL DEFAULT '[]'",
        "merged_into INTEGER REFERENCES cases (id)",
        "likeness TEXT NOT NULL DEFAULT ''",
    ):
        db.conn.execute(f"ALTER TABLE cases ADD COLUMN {column}")
    db.conn.execute("CREATE INDEX cases_by_likeness ON cases (account, platform, likeness)")
    db.conn.execute(
        """CREATE TABLE case_links (
               case_id INTEGER NOT NULL REFERENCES cases (id), other_id INTEGER NOT NULL REFERENCES cases (id),
               PRIMARY KEY (case_id, other_id)
           ) WITHOUT ROWID"""
    )
    db.conn.execute(
        "CREATE VIRTUAL TABLE texts USING fts5(kind UNINDEXED, ref UNINDEXED, words, tokenize = 'unicode61')"
    )


@MIGRATIONS(name="0004_alerts_in_groups_and_reminders")
def alerts_in_groups(db: Database) -> None:
    """What an alert is about, what goes out with it and how soon; how each target does; since when nobody has a case;
    what is wrong with the service itself. The times of old alerts are as they were."""
    for column in (
        "topic TEXT NOT NULL DEFAULT ''",
        "alike TEXT NOT NULL DEFAULT ''",
        "bundle TEXT NOT NULL DEFAULT ''",
        "rank INTEGER NOT NULL DEFAULT 1",
    ):
        db.conn.execute(f"ALTER TABLE alerts ADD COLUMN {column}")
    db.conn.execute("UPDATE alerts SET topic = iif(case_id IS NULL, 'alert:' || dedupe_key, 'case:' || case_id)")
    db.conn.execute("UPDATE alerts SET bundle = topic")
    db.conn.execute("DROP INDEX alerts_due")
    waiting = "WHERE delivered_at IS NULL AND gave_up_at IS NULL"
    for index in (
        f"alerts_due ON alerts (target, rank, due_at, id) {waiting}",
        f"alerts_by_bundle ON alerts (target, bundle, id) {waiting}",
        f"alerts_waiting_by_topic ON alerts (target, topic) {waiting}",
        "alerts_told_by_topic ON alerts (target, topic, delivered_at)",
        "alerts_by_likeness ON alerts (target, alike, created_at) WHERE alike <> ''",
        "alerts_by_case ON alerts (case_id) WHERE case_id IS NOT NULL",
        "alerts_by_key ON alerts (dedupe_key)",
        "messages_by_arrival ON messages (account, received_at)",
    ):
        db.conn.execute(f"CREATE INDEX {index}")
    db.conn.execute(
        """CREATE TABLE targets (
               name TEXT PRIMARY KEY, known_since TEXT NOT NULL, failures INTEGER NOT NULL DEFAULT 0, failing_since TEXT,
               paused_until TEXT, last_error TEXT, told_failing INTEGER NOT NULL DEFAULT 0, last_success_at TEXT
           ) WITHOUT ROWID"""
    )
    db.conn.execute(
        """CREATE TABLE troubles (
               topic TEXT PRIMARY KEY, kind TEXT NOT NULL, since TEXT NOT NULL, detail TEXT NOT NULL
           ) WITHOUT ROWID"""
    )
    db.conn.execute("ALTER TABLE cases ADD COLUMN open_since TEXT NOT NULL DEFAULT ''")
    db.conn.execute("UPDATE cases SET open_since = opened_at")


@MIGRATIONS(name="0005_history_beside_new_mail")
def history_beside_new_mail(db: Database) -> None:
    """A folder's history has a cursor of its own, so that new mail need not wait for it; how much is still to be read."""
    for column in ("history_uid", "backlog", "backlog_of"):
        db.conn.execute(f"ALTER TABLE mailboxes ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0")
    # Until now one cursor went through the history first.
    db.conn.execute("UPDATE mailboxes SET history_uid = min(last_uid, history_through)")
    db.conn.execute("UPDATE mailboxes SET last_uid = max(last_uid, history_through)")


@MIGRATIONS(name="0006_done_in_the_mailbox")
def done_in_the_mailbox(db: Database) -> None:
    """Messages that are still to be marked or moved in their mailbox, where the configuration asks for it."""
    db.conn.execute(
        """CREATE TABLE to_mark (
               account TEXT NOT NULL, folder TEXT NOT NULL, uidvalidity INTEGER NOT NULL, uid INTEGER NOT NULL,
               PRIMARY KEY (account, folder, uidvalidity, uid)
           ) WITHOUT ROWID"""
    )


@MIGRATIONS(name="0007_examples_and_what_the_model_said")
def examples_and_figures(db: Database) -> None:
    """What is learned from a correction, masked, and where it was made; by day, what the model said, to see it drift."""
    db.conn.execute("ALTER TABLE corrections ADD COLUMN example TEXT")
    db.conn.execute("ALTER TABLE corrections ADD COLUMN source TEXT NOT NULL DEFAULT 'command'")
    db.conn.execute(
        """CREATE TABLE judged (
               day TEXT NOT NULL, account TEXT NOT NULL, model TEXT NOT NULL, mails INTEGER NOT NULL,
               warnings INTEGER NOT NULL, reviews INTEGER NOT NULL, confidence REAL NOT NULL,
               unknown_words REAL NOT NULL, PRIMARY KEY (day, account, model)
           ) WITHOUT ROWID"""
    )



@MIGRATIONS(name="0008_put_off")
def put_off(db: Database) -> None:
    """Until when somebody wants to hear nothing more about a case."""
    db.conn.execute("ALTER TABLE cases ADD COLUMN snoozed_until TEXT")


@MIGRATIONS(name="0009_people")
def people(db: Database) -> None:
    """Who may use the board and the API, and the letters they work on. Of passwords, cookies and tokens only digests."""
    for statement in (
        """CREATE TABLE users (
               name TEXT PRIMARY KEY COLLATE NOCASE, password TEXT NOT NULL, role TEXT NOT NULL,
               language TEXT NOT NULL, added_at TEXT NOT NULL
           ) WITHOUT ROWID""",
        """CREATE TABLE sessions (
               digest TEXT PRIMARY KEY, user TEXT NOT NULL COLLATE NOCASE REFERENCES users (name),
               begun_at TEXT NOT NULL, seen_at TEXT NOT NULL
           ) WITHOUT ROWID""",
        """CREATE TABLE tokens (
               name TEXT PRIMARY KEY COLLATE NOCASE, digest TEXT NOT NULL UNIQUE, scope TEXT NOT NULL,
               added_by TEXT NOT NULL, added_at TEXT NOT NULL, used_at TEXT
           ) WITHOUT ROWID""",
        """CREATE TABLE drafts (
               event_id INTEGER PRIMARY KEY REFERENCES case_events (id), case_id INTEGER NOT NULL REFERENCES cases (id),
               letter TEXT NOT NULL, language TEXT NOT NULL, text TEXT NOT NULL
           )""",
        "CREATE INDEX drafts_by_case ON drafts (case_id, letter, event_id)",
    ):
        db.conn.execute(statement)


@MIGRATIONS(name="0010_accounts_of_people")
def accounts_of_people(db: Database) -> None:
    """Which accounts a user or a token may see: a JSON list, or NULL for all."""
    for table in ("users", "tokens"):
        db.conn.execute(f"ALTER TABLE {table} ADD COLUMN accounts TEXT")


_INITIAL = """
CREATE TABLE mailboxes (
    account TEXT NOT NULL,
    folder TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    last_uid INTEGER NOT NULL DEFAULT 0,
    history_through INTEGER NOT NULL DEFAULT 0,
    history_told INTEGER NOT NULL DEFAULT 0,
    last_success_at TEXT,
    failing_since TEXT,
    last_error TEXT,
    told_failing INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account, folder)
);
CREATE TABLE cases (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    platform TEXT NOT NULL,
    store TEXT NOT NULL,
    cause TEXT NOT NULL,
    also TEXT NOT NULL DEFAULT '[]',
    stage TEXT NOT NULL,
    status TEXT NOT NULL,
    severity INTEGER NOT NULL,
    confidence REAL NOT NULL,
    needs_review INTEGER NOT NULL,
    sender TEXT NOT NULL,
    language TEXT NOT NULL,
    deadline_at TEXT,
    deadline_text TEXT,
    title TEXT NOT NULL,
    history INTEGER NOT NULL DEFAULT 0,
    opened_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX cases_by_status ON cases (status, severity DESC, deadline_at);
CREATE INDEX cases_by_account ON cases (account, platform, cause);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    folder TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    received_at TEXT NOT NULL,
    sender TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL,
    decision TEXT,
    model TEXT NOT NULL,
    case_id INTEGER REFERENCES cases (id),
    original BLOB,
    UNIQUE (account, folder, uidvalidity, uid)
);
CREATE INDEX messages_by_message_id ON messages (account, message_id);
CREATE INDEX messages_by_digest ON messages (account, digest);
CREATE INDEX messages_by_case ON messages (case_id) WHERE case_id IS NOT NULL;
CREATE TABLE case_events (
    id INTEGER PRIMARY KEY,
    case_id INTEGER NOT NULL REFERENCES cases (id),
    at TEXT NOT NULL,
    by TEXT NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX case_events_by_case ON case_events (case_id, id);
CREATE TABLE case_refs (
    case_id INTEGER NOT NULL REFERENCES cases (id),
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (case_id, kind, value)
) WITHOUT ROWID;
CREATE INDEX case_refs_by_value ON case_refs (kind, value);
CREATE TABLE corrections (
    id INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL REFERENCES messages (id),
    event_id INTEGER REFERENCES case_events (id),
    at TEXT NOT NULL,
    by TEXT NOT NULL,
    was TEXT NOT NULL,
    cause TEXT NOT NULL,
    stage TEXT NOT NULL,
    undone_at TEXT
);
CREATE INDEX corrections_by_message ON corrections (message_id, id);
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY,
    target TEXT NOT NULL,
    dedupe_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    case_id INTEGER REFERENCES cases (id),
    detail TEXT NOT NULL DEFAULT '{}',
    created_at TEXT NOT NULL,
    due_at TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    delivered_at TEXT,
    gave_up_at TEXT,
    UNIQUE (target, dedupe_key)
);
CREATE INDEX alerts_due ON alerts (target, due_at) WHERE delivered_at IS NULL AND gave_up_at IS NULL;
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    folder TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    received_at TEXT NOT NULL,
    reason TEXT NOT NULL,
    raw BLOB NOT NULL,
    UNIQUE (account, folder, uidvalidity, uid)
)
"""

#: The newest step: a database that has it needs nothing.
LATEST = MIGRATIONS._migrations[-1].name
