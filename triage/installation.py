"""What is this installation's alone: a key that signs what only it may have made."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
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
        # Threads may come here together: whole files are linked into place, and the first one stays.
        handle, made = tempfile.mkstemp(dir=folder)  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(32))
            with contextlib.suppress(FileExistsError):
                os.link(made, path)
        finally:
            os.unlink(made)
    return path.read_bytes()
