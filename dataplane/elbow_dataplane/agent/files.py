"""Files that are whole or not there."""

import os
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Replace a file's content at once: a reader finds the old or the new, never a half. Only its owner may read it.

    It isn't forced to the disk, which can take long and is waited for by all targets: with the machine's power HAProxy goes
    too, and it starts from files that were written anew. A directory that someone removed is made again. Raises OSError that
    names the file; the old content stays.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None


def ensure(path: Path, content: bytes) -> None:
    """Write a file unless it holds that content: one that does needs no room on a full disk."""
    try:
        if path.read_bytes() == content:
            return
    except OSError:
        pass
    write(path, content)
