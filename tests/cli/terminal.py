"""A terminal to run elbow on."""

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from harness.elbow import PROGRAM


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, process: subprocess.Popen[bytes], number: int) -> None:
        self.process, self._number = process, number
        self._seen = ""

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._number, keys.encode())

    def wait_for(self, pattern: str, *, limit: float = 40.0) -> None:
        """Read until a pattern appears after what was waited for last."""
        end = time.monotonic() + limit
        while not (found := re.search(pattern, self._seen)):
            assert time.monotonic() < end, f"{pattern} is not on the screen:\n{self._seen[-3000:]}"
            assert self._read(), f"ended before {pattern}:\n{self._seen[-3000:]}"
        self._seen = self._seen[found.end() :]

    def all(self) -> str:
        """Everything that is still to come."""
        while self._read():
            pass
        return self._seen

    def _read(self) -> bool:
        if not select.select([self._number], [], [], 0.2)[0]:
            return True
        try:
            data = os.read(self._number, 65536)
        except OSError:  # the program closed its end
            return False
        self._seen += data.decode(errors="replace")
        return bool(data)


@contextmanager
def terminal(*arguments: object) -> Iterator[Terminal]:
    """Run elbow on a terminal of 140 columns and 45 lines."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "140", "LINES": "45"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        ["setsid", "--ctty", str(PROGRAM), *map(str, arguments)],  # its own terminal, so that Ctrl-C means something
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(30)
        os.close(ours)
