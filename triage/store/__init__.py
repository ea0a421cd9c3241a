"""One SQLite file: its connection, its transaction, its migrations."""
