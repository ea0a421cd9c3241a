"""Triage watches a seller's inboxes and turns suspension mails into cases with a next step."""

from importlib.metadata import version

__version__ = version("triage")
