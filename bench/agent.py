"""The agent's own figures: how soon a change of targets is in HAProxy, and what the agent costs."""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.elbow import Elbow, Fields, group
from bench.field import PLAIN
from bench.peer import HTTP, TARGETS
from bench.program import cpu_seconds, memory
from bench.report import table

_CHANGES = 40
_IDLE_SECONDS = 60
_CHURN_RATE = 10
_WARM_UP = 30


@dataclass(frozen=True)
class Figure:
    """One of the agent's figures, and the goal it has."""

    name: str
    value: float
    unit: str
    most: float | None = None
    note: str = ""

    def row(self) -> dict[str, Any]:
        return {"scenario": "agent", "figure": self.name, "value": self.value, "unit": self.unit, "goal": self.most}


def measure(directory: Path, minutes: float) -> Iterator[Figure]:
    """All figures; churn goes on for so many minutes."""
    with _elbow(directory / "change", 100) as lb:
        added, removed = zip(*_changes(lb), strict=True)
        yield _latency("a target added to 100, in HAProxy", added)
        yield _latency("a target removed from 101, in HAProxy", removed)
        yield Figure("agent's memory, 100 targets", memory([lb.program.pid]), "MiB", 45)
    with _elbow(directory / "idle", 100) as lb:
        time.sleep(10)
        yield Figure("agent's memory, 100 targets, fresh", memory([lb.program.pid]), "MiB", 45)
        yield _idle(lb)
    with _elbow(directory / "many", 0) as lb:
        took = _until(lb, _spec(1000), lambda: len(_servers(lb)) == 1000)
        yield Figure("1,000 targets from nothing, in HAProxy", took * 1000, "ms", 1000)
        yield Figure("agent's memory, 1,000 targets", memory([lb.program.pid]), "MiB")
    with _elbow(directory / "churn", 100) as lb:
        yield from _churn(lb, minutes)


@contextmanager
def _elbow(directory: Path, targets: int) -> Iterator[Elbow]:
    lb = Elbow(directory, _spec(targets), PLAIN)
    try:
        yield lb
    finally:
        lb.stop()


def _spec(count: int) -> Fields:
    web = group("web", "HTTP", ())
    web["targets"]["addresses"] = [_target(number) for number in range(count)]
    web["healthCheck"]["interval"] = "10s"
    web["deregistrationDelay"] = "0s"
    return {
        "listeners": [{"name": "http", "port": HTTP, "protocol": "HTTP", "targetGroup": "web"}],
        "targetGroups": [web],
    }


def _target(number: int) -> Fields:
    return {"ip": f"127.1.{number // 250}.{number % 250 + 1}", "port": TARGETS[0]}


def _servers(lb: Elbow) -> dict[str, int]:
    """The servers that take traffic or wait for health: address and weight."""
    rows = [line.split() for line in lb.ask("show servers state tg_web").splitlines()]
    in_maintenance = 1
    return {
        row[4]: int(row[7]) for row in rows if len(row) > 7 and row[1] == "tg_web" and not int(row[6]) & in_maintenance
    }


def _until(lb: Elbow, spec: Fields, holds: Callable[[], bool], limit: float = 30) -> float:
    """Seconds from the file's replacement to when HAProxy shows it; looks are 0.3 ms apart and cost as much at 100 targets."""
    lb.write(spec)
    start = time.perf_counter()
    while not holds():
        if time.perf_counter() - start > limit:
            raise TimeoutError(f"a change doesn't reach HAProxy, see {lb.directory}")
        time.sleep(0.0003)  # without it the looks take the core the agent needs
    return time.perf_counter() - start


def _changes(lb: Elbow) -> Iterator[tuple[float, float]]:
    time.sleep(5)
    more, fewer = _spec(101), _spec(100)
    ip = _target(100)["ip"]
    for _ in range(_CHANGES):
        added = _until(lb, more, lambda: ip in _servers(lb))
        time.sleep(0.3)
        removed = _until(lb, fewer, lambda: ip not in _servers(lb))
        time.sleep(0.3)
        yield added * 1000, removed * 1000


def _latency(name: str, values: tuple[float, ...]) -> Figure:
    note = f"min {min(values):.1f}, max {max(values):.1f}, {len(values)} changes"
    return Figure(name, statistics.median(values), "ms", 5, note)


def _idle(lb: Elbow) -> Figure:
    agent, worker = cpu_seconds([lb.program.pid]), cpu_seconds([lb.worker])
    time.sleep(_IDLE_SECONDS)
    agent, worker = cpu_seconds([lb.program.pid]) - agent, cpu_seconds([lb.worker]) - worker
    note = f"over {_IDLE_SECONDS} s; HAProxy itself {worker / _IDLE_SECONDS:.2%} with a check per target each 10 s"
    return Figure("agent's CPU when nothing changes", agent / _IDLE_SECONDS * 100, "% of a core", 0.5, note)


def _churn(lb: Elbow, minutes: float) -> Iterator[Figure]:
    """Targets come and go ten times a second; memory is read once the first of it has settled, and at the end."""
    start = time.monotonic()
    end = start + max(minutes * 60, _WARM_UP + 30)
    cpu = cpu_seconds([lb.program.pid])
    readings: list[tuple[float, float]] = []
    number = 0
    while (now := time.monotonic()) < end:
        number += 1
        # A hundred of 101 targets, another one missing each time: one goes, one comes.
        spec = _spec(101)
        del spec["targetGroups"][0]["targets"]["addresses"][number % 101]
        lb.write(spec)
        if number % (10 * _CHURN_RATE) == 0:
            readings.append((now - start, memory([lb.program.pid])))
            print(f"churn {now - start:.0f} s: {readings[-1][1]:.1f} MiB", file=sys.stderr, flush=True)
        time.sleep(max(0.0, start + number / _CHURN_RATE - time.monotonic()))
    cpu = cpu_seconds([lb.program.pid]) - cpu
    settled = next(reading for reading in readings if reading[0] >= _WARM_UP)
    last = readings[-1]
    growth = (last[1] - settled[1]) / max(last[0] - settled[0], 1) * 3600
    note = f"{settled[1]:.1f} MiB at {settled[0]:.0f} s, {last[1]:.1f} at {last[0]:.0f} s; {number} changes"
    yield Figure(f"agent's memory growth at {_CHURN_RATE} changes per second", growth, "MiB per hour", 1, note)
    yield Figure("agent's CPU meanwhile", cpu / (time.monotonic() - start) * 100, "% of a core")
    settles = _until(lb, _spec(100), lambda: len(_servers(lb)) == 100)
    yield Figure("back to rest after it", settles * 1000, "ms")


def text(figures: list[Figure], what: str = "The agent") -> str:
    """The figures as a table, under what was measured."""
    rows = [
        [
            each.name,
            f"{each.value:.2f} {each.unit}",
            f"≤ {each.most:g}" if each.most is not None else "",
            "" if each.most is None else "met" if each.value <= each.most else "**missed**",
            each.note,
        ]
        for each in figures
    ]
    return f"## {what}\n\n{table(['', 'median or value', 'goal', '', ''], rows)}\n"
