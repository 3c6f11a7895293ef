"""The processes of this machine, by what their command lines say."""

import os
import signal
from contextlib import suppress
from pathlib import Path


def naming(text: str) -> list[int]:
    """The processes whose command line holds a text, this one apart, the oldest first."""
    return sorted(pid for pid in _all() if text in " ".join(_words(pid)) and pid != os.getpid())


def haproxies(text: str) -> list[int]:
    """The HAProxy processes among them: the master before its workers."""
    found = [pid for pid in naming(text) if any(word.endswith("/haproxy") for word in _words(pid)[:8])]
    return sorted(found, key=lambda pid: (_parent(pid) in found, pid))


def kill(pid: int) -> None:
    """kill -9, if it is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def cpu_seconds(pid: int) -> float:
    """The CPU time it used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _all() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
