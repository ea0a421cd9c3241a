"""The mailbox side: sessions, reading bytes, who sent them, and where we stopped."""
