"""Every error a user can meet, by what can be done about it.

    TriageError                      exit code 1
    +-- ConfigError                  exit code 2: the file, the key, what is allowed
    +-- UsageError                   exit code 2: a wrong argument or an impossible request
    +-- MailboxUnavailable           temporary: the server or the way to it; tried again
    +-- SignInRefused                permanent: a wrong or expired password; paused until it changes
    +-- FolderMissing                permanent: the account has no such folder
    +-- MarkingRefused               permanent: the server cannot mark or move as configured
    +-- StoreError                   the database: locked, damaged, of a newer version, disk full
    +-- ModelError                   missing, damaged or foreign
    |   +-- OutdatedModelError       our own, made with other libraries, labels or terms
    +-- CorpusError                  a line of training or evaluation data that cannot be used
    +-- TargetFailed                 temporary: an alert target that did not take a message
    |   +-- TargetBusy               it says when it will take one again
    |   +-- MessageRefused           it takes others, but not this one
    +-- TargetMisconfigured          permanent: an alert target that never will
    +-- OutputError                  a report, calendar or port that cannot be written to or listened on

The message is one line: what, where, what to do. It never holds a secret or mail text.
"""

from __future__ import annotations

from datetime import timedelta


class TriageError(Exception):
    """Something went wrong that a person can understand."""

    exit_code = 1
    temporary = False


class ConfigError(TriageError):
    """The configuration cannot be used."""

    exit_code = 2


class UsageError(TriageError):
    """The command was asked for something that does not exist or cannot be done.

    why: the same for faces that say it in the reader's language, a key of their words; about: what belongs into it.
    """

    exit_code = 2

    def __init__(self, text: str, why: str = "", **about: object) -> None:
        super().__init__(text)
        self.why, self.about = why, about


class MailboxUnavailable(TriageError):
    """The server, or the way to it, fails just now."""

    temporary = True


class SignInRefused(TriageError):
    """The server does not accept user and password. Trying again could lock the account."""


class FolderMissing(TriageError):
    """The configured folder does not exist on the server."""


class MarkingRefused(TriageError):
    """The server cannot do to a message what the configuration asks for."""


class StoreError(TriageError):
    """The database did not take or give something; nothing of the step was stored."""

    temporary = True


class ModelError(TriageError):
    """No model can be loaded, or the one in use was refused."""


class OutdatedModelError(ModelError):
    """A model this installation made itself, with other libraries, labels or terms than it has now."""


class CorpusError(TriageError):
    """Training or evaluation data that cannot be used: file, line, what is wrong."""

    exit_code = 2


class TargetFailed(TriageError):
    """An alert target did not take a message; it will be tried again."""

    temporary = True


class TargetBusy(TargetFailed):
    """An alert target that asks to be left alone for a while."""

    def __init__(self, message: str, wait: timedelta) -> None:
        super().__init__(message)
        self.wait = wait


class MessageRefused(TargetFailed):
    """An alert target that does not want this one message; those behind it can go."""


class TargetMisconfigured(TriageError):
    """An alert target whose address is not understood."""

    exit_code = 2


class OutputError(TriageError):
    """A file cannot be written, or an address not listened on."""

    temporary = True
