"""Counters that go on over reloads, restarts and removed servers: sums of what each worker counted."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from elbow_dataplane.haproxy.stats import Stats

_FRONTEND = (
    "conn_tot",
    "req_tot",
    "bin",
    "bout",
    "hrsp_3xx",
    "hrsp_4xx",
    "hrsp_5xx",
    "dcon",
    "dses",
    "dreq",
    "ssl_failed_handshake",
)
_BACKEND = ("stot", "dreq", "econ")
_SERVER = (
    "stot",
    "connect",
    "reuse",
    "hrsp_2xx",
    "hrsp_3xx",
    "hrsp_4xx",
    "hrsp_5xx",
    "econ",
    "wretr",
    "chkfail",
    "ssl_failed_handshake",
    "bin",
    "bout",
)

Key = tuple[str, str, str]
"""`frontend`, `backend`, `server`, `listener` or `latency`; a name; what is counted. Servers are summed over their backend."""


@dataclass(frozen=True)
class Counts:
    """What one worker counted since it started."""

    stats: Stats
    listeners: Mapping[str, Mapping[str, int]]
    """What rules counted, by frontend."""
    latencies: Mapping[str, Mapping[int, int]]
    """Answers by milliseconds, by target group."""


@dataclass
class Counters:
    """Running sums; none goes down while the agent lives."""

    totals: Counter[Key] = field(default_factory=Counter)
    _last: dict[int, dict[tuple[str, ...], int]] = field(default_factory=dict)

    def add(self, pid: int, counts: Counts) -> None:
        """Take what a worker counts now; what it counted before is known by its process."""
        last = self._last.setdefault(pid, {})
        for key, row, value in _values(counts):
            before = last.get((*key, row), 0)
            if value != before:
                # A server that was deleted and added again begins at zero.
                self.totals[key] += value - before if value > before else value
                last[(*key, row)] = value

    def forget(self, living: set[int]) -> None:
        """Drop what was known of workers that are gone; their sums stay."""
        for pid in [pid for pid in self._last if pid not in living]:
            del self._last[pid]

    def of(self, kind: str, name: str, what: str) -> int:
        """One sum."""
        return self.totals[kind, name, what]

    def latencies(self, group: str) -> dict[int, int]:
        """Answers by milliseconds."""
        return {
            int(ms): count for (kind, name, ms), count in self.totals.items() if kind == "latency" and name == group
        }


def _values(counts: Counts) -> Iterator[tuple[Key, str, int]]:
    for kind, rows, names in (
        ("frontend", counts.stats.frontends.values(), _FRONTEND),
        ("backend", counts.stats.backends.values(), _BACKEND),
        ("server", counts.stats.servers.values(), _SERVER),
    ):
        for row in rows:
            for name in names:
                if value := row.number(name):
                    yield (kind, row.proxy, name), row.name, value
    for frontend, cells in counts.listeners.items():
        for name, value in cells.items():
            yield ("listener", frontend, name), "", value
    for group, milliseconds in counts.latencies.items():
        for ms, value in milliseconds.items():
            yield ("latency", group, str(ms)), "", value
