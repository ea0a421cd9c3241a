"""A seller's day of mail on an IMAP server in memory, for `triage demo`."""
