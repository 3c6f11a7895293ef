"""One agent for a run directory: two would undo each other's work."""

import fcntl
import os
from pathlib import Path
from typing import Self


class Taken(Exception):
    """Another agent has the run directory."""


class Lock:
    """Held until it is left or the process ends, however it ends: the kernel lets go of it then."""

    def __init__(self, run: Path) -> None:
        """Take it; raises Taken, with the other's process id, and OSError."""
        self._file = os.open(run / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(self._file, 20, 0).decode(errors="replace").strip()
            os.close(self._file)
            raise Taken(f"{run} is in use by another `elbow run`, process {pid or 'unknown'}") from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)
