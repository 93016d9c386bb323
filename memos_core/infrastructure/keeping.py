"""Files that hold secrets."""

from __future__ import annotations

import os
from pathlib import Path

from memos_core.errors import InvalidKey


def save_secret(path: Path, data: bytes) -> None:
    """Write a secret to a new file that only its owner may read.

    Raises
    ------
    InvalidKey
        If something is there already, or it cannot be written.
    """
    try:
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as stream:
            stream.write(data)
    except FileExistsError as error:
        raise InvalidKey(detail=f"{path} is there already; a key is never overwritten.") from error
    except OSError as error:
        raise InvalidKey(detail=f"{path} cannot be written: {error.strerror}.") from error
