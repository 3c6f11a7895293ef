"""A program the benchmark starts: where it is, on which core it runs, what it used."""

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

PROXY_CORE = 0
LOAD_CORE = 1

TOOLS = Path(os.environ.get("ELBOW_BENCH_TOOLS") or Path.home() / ".cache" / "elbow" / "bench")
"""What `scripts/bench` built and fetched."""

# glibc 2.36 copies by `rep movsb`, which on AMD Zen 3 is ten times slower than its other way; no peer shall pay for it.
ENVIRONMENT = dict(os.environ) | {"GLIBC_TUNABLES": "glibc.cpu.x86_rep_movsb_threshold=4294967295"}


class Program:
    """Started when constructed, its output in a file, killed by `stop`."""

    def __init__(
        self, command: Sequence[object], log: Path, *, core: int = PROXY_CORE, output: Path | None = None
    ) -> None:
        """`output` takes what it writes to its standard output alone; a pipe, which somebody must read."""
        self._log = log
        with log.open("wb") as errors, (output or log).open("wb") as written:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(core), *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=errors,
                env=ENVIRONMENT,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> None:
        """RuntimeError with the end of its output if it ended."""
        if self._process.poll() is not None:
            said = self._log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{self._process.args!r} ended with {self._process.returncode}\n{said}")

    def stop(self) -> None:
        """End it, kindly at first."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def run(command: Sequence[object], *, limit: float, extra: Mapping[str, str] | None = None) -> str:
    """What a load generator printed; it runs on the load's core."""
    return subprocess.run(
        ["taskset", "-c", str(LOAD_CORE), *map(str, command)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit,
        env=ENVIRONMENT | dict(extra or {}),
        check=False,
    ).stdout


def descendants(pid: int) -> list[int]:
    """The process and all it started, the first first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for each in found:
        found += sorted(children.get(each, []))
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time of all threads of the processes, from the scheduler, in nanosecond steps."""
    total = 0
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def memory(pids: Iterable[int]) -> float:
    """Resident memory in MiB; what processes share is counted in each."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def pin(pid: int, core: int) -> None:
    """Move a process with all its threads to a core."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})
