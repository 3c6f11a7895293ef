"""The load as the scenarios see it: a process in the network of a pod in each zone."""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.kube import ROOT
from harness.poll import until

from soak.load.ledger import Count, Failure, Move
from soak.load.plan import Plan

_ENDING = 90.0


@dataclass
class Tally:
    """What the clients of a scenario counted, together."""

    counts: dict[str, Count] = field(default_factory=dict)
    """By kind of client."""
    failures: list[Failure] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)

    @property
    def sent(self) -> int:
        return sum(count.sent for count in self.counts.values())

    def add(self, document: dict[str, Any]) -> None:
        for found in document["counts"]:
            count = self.counts.setdefault(found["kind"], Count())
            count.sent += found["sent"]
            count.failed += found["failed"]
            count.repeated += found["repeated"]
            count.slowest = max(count.slowest, found["slowest"])
            count.slow = dict(Counter(count.slow) + Counter(found["slow"]))
        self.failures += [Failure(**failure) for failure in document["failures"]]
        self.moves += [Move(**move) for move in document["moves"]]


class Load:
    """The clients of one pod, from start to stop."""

    def __init__(self, zone: str, pod_uid: str, plan: Plan) -> None:
        self.zone = zone
        self.sent = 0
        self.failures: list[Failure] = []
        """So far; the last word is what `stop` returns."""
        self._last: dict[str, Any] = {}
        network = f"--net=/proc/{process_of(pod_uid)}/ns/net"
        self._process = subprocess.Popen(
            ["nsenter", network, sys.executable, "-m", "soak.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        )
        assert self._process.stdin is not None
        self._process.stdin.write(plan.text() + "\n")
        self._process.stdin.flush()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            said = json.loads(line)
            if "counts" in said:
                self._last = said
            else:
                self.sent = said["sent"]
                self.failures += [Failure(**failure) for failure in said["failures"]]

    def stop(self) -> None:
        """Nothing new is sent from now on."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def end(self) -> dict[str, Any]:
        """What it counted, once what was under way has ended."""
        try:
            code = self._process.wait(_ENDING)
        finally:
            self._process.kill()
        self._reader.join(5)
        assert code == 0, f"the clients of {self.zone} broke: exit {code}"
        return self._last


class Clients:
    """All the clients of a scenario."""

    def __init__(self, plans: dict[str, tuple[str, Plan]]) -> None:
        """Plans by zone, with the uid of the pod they run in."""
        self.loads = [Load(zone, uid, plan) for zone, (uid, plan) in plans.items()]

    @property
    def sent(self) -> int:
        return sum(load.sent for load in self.loads)

    @property
    def failures(self) -> list[Failure]:
        return [failure for load in self.loads for failure in load.failures]

    def wait_for(self, more: int, limit: float = 300) -> None:
        """Return once so many more requests were sent."""
        goal = self.sent + more
        until(lambda: self.sent >= goal, limit=limit, every=0.2, say=f"{goal} requests")

    def end(self) -> Tally:
        for load in self.loads:
            load.stop()
        tally = Tally()
        for load in self.loads:
            tally.add(load.end())
        return tally


def process_of(pod_uid: str, name: str = "") -> int:
    """A process of the pod whose command line holds a name, as this machine numbers it."""
    if found := processes_of(pod_uid, name):
        return found[0]
    raise LookupError(f"no process {name} of the pod {pod_uid}")


def processes_of(pod_uid: str, name: str) -> list[int]:
    """The pod's processes whose command line holds a name; one that started others comes before them."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            if f"pod{pod_uid}" in file.read_text() and name in _command(file.parent):
                found.append(int(file.parent.name))
        except OSError:
            continue
    return sorted(found)


def memory_group(process: int) -> Path:
    """The control group that bounds a process's memory."""
    groups = dict(line.split(":", 2)[1:] for line in Path(f"/proc/{process}/cgroup").read_text().splitlines())
    top = Path("/sys/fs/cgroup/memory" if "memory" in groups else "/sys/fs/cgroup")
    return top / groups.get("memory", groups.get("", "")).lstrip("/")


def _command(process: Path) -> str:
    return (process / "cmdline").read_text().replace("\0", " ")
