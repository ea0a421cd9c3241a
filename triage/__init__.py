"""Triage watches a seller's inboxes and turns suspension mails into cases with a next step."""

#: Read by the build as well. (importlib.metadata would cost every command 40 ms.)
__version__ = "0.1.0"
