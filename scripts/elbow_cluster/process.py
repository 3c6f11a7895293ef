"""Running programs, inside the cluster's namespaces and out of them."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from elbow_cluster.layout import ClusterError

NAMESPACES = Path("/run/netns")


def run(*argv: str | Path, stdin: str | None = None) -> str:
    """Runs a program to its end and returns what it printed. Raises ClusterError, with its output, when it fails."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"{' '.join(map(str, argv))}\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def spawn(argv: Sequence[str], log: Path) -> None:
    """Starts a program that outlives this one."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)


def until(what: str, check: Callable[[], bool], seconds: float, log: Path | None = None) -> None:
    """Waits for check. Raises ClusterError with the end of the log when it stays false for so many seconds."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-10:]) if log and log.exists() else ""
            raise ClusterError(f"{what}: not within {seconds:g} s; {log or ''}\n{tail}".rstrip())
        time.sleep(0.1)


def in_network(namespace: str, *argv: str | Path) -> list[str]:
    """argv, to be run in a network namespace. Unlike `ip netns exec`, nsenter leaves /sys/fs/cgroup in sight."""
    return ["nsenter", f"--net={NAMESPACES / namespace}", *map(str, argv)]


def in_node(init: int, *argv: str | Path) -> list[str]:
    """argv, to be run in every namespace of the node whose first process is init."""
    return ["nsenter", "--target", str(init), "--mount", "--uts", "--net", "--pid", "--ipc", *map(str, argv)]


def members(namespace: str) -> list[int]:
    """The processes in a network namespace; none when it doesn't exist."""
    try:
        wanted = (NAMESPACES / namespace).stat().st_ino
    except FileNotFoundError:
        return []
    found = []
    for link in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            if link.stat().st_ino == wanted:
                found.append(int(link.parts[2]))
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            continue
    return found


def kill(pids: Sequence[int]) -> None:
    """Ends processes at once; those that are gone already are no error."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def ancestry() -> set[int]:
    """Our own process and those that started it."""
    pid = os.getpid()
    chain: set[int] = set()
    while pid:
        chain.add(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return chain
