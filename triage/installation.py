"""What is this installation's alone: a key that signs what only it may have made."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

_KEY = "installation.key"


def key(folder: Path, *, create: bool) -> bytes:
    """The key kept in a folder: 32 random bytes, readable by the owner alone.

    Raises:
        OSError: it is not there and may not be made, or cannot be read.
    """
    path = folder / _KEY
    if create and not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(32))
    return path.read_bytes()
