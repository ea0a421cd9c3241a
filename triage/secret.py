"""Secrets: where one stands, looked up when it is needed, never shown."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

from triage.errors import ConfigError

#: How long a password command may take, in seconds.
COMMAND_TIMEOUT = 20


class Secret:
    """Where a secret stands: ``env:NAME``, ``file:PATH``, ``cmd:COMMAND``, ``keyring:SERVICE/USER`` or itself.

    Its value is looked up when it is needed, so that a rotated password is taken up without a restart, and it
    never shows in repr, str or an error.
    """

    __slots__ = ("_source", "_where")

    def __init__(self, source: str, where: str) -> None:
        self._source = source
        self._where = where

    def __repr__(self) -> str:
        return f"Secret({self.kind})"

    @property
    def kind(self) -> str:
        """env, file, cmd, keyring or plain."""
        head = self._source.partition(":")[0]
        return head if head in {"env", "file", "cmd", "keyring"} and ":" in self._source else "plain"

    def reveal(self) -> str:
        """The secret itself.

        Raises:
            ConfigError: it cannot be had; the message names the place, never the value.
        """
        rest = self._source.partition(":")[2]
        match self.kind:
            case "env":
                if not os.environ.get(rest):
                    raise ConfigError(f"{self._where}: the environment variable {rest} is not set")
                return os.environ[rest]
            case "file":
                try:
                    text = Path(rest).expanduser().read_text(encoding="utf-8").strip()
                except (OSError, UnicodeDecodeError) as error:
                    reason = getattr(error, "strerror", None) or "not a text file"
                    raise ConfigError(f"{self._where}: cannot read the file {rest}: {reason}") from error
                if not text:
                    raise ConfigError(f"{self._where}: the file {rest} is empty")
                return text
            case "cmd":
                return self._from_command(rest)
            case "keyring":
                return self._from_keyring(rest)
            case _:
                return self._source

    def _from_command(self, command: str) -> str:
        try:
            done = subprocess.run(  # noqa: S603 - the user's own command, without a shell
                shlex.split(command), capture_output=True, text=True, timeout=COMMAND_TIMEOUT, check=False
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            reason = "took too long" if isinstance(error, subprocess.TimeoutExpired) else "cannot be run"
            raise ConfigError(f"{self._where}: the command {shlex.split(command)[:1]} {reason}") from None
        if done.returncode or not done.stdout.strip():
            raise ConfigError(f"{self._where}: the command gave no password (exit code {done.returncode})")
        return done.stdout.strip().splitlines()[0]

    def _from_keyring(self, path: str) -> str:
        try:
            import keyring
        except ImportError:
            raise ConfigError(f"{self._where}: keyring is not installed; run: pip install 'triage[keyring]'") from None
        service, _, user = path.partition("/")
        value = keyring.get_password(service, user)
        if not value:
            raise ConfigError(f"{self._where}: the keyring has nothing for {service}/{user}")
        return str(value)
