"""Counters that go on over reloads, restarts and removed servers: sums of what each worker counted."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from elbow_dataplane.haproxy.stats import Stats, Worker

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
    "wredis",
    "wretr",
    "chkfail",
    "ssl_failed_handshake",
    "bin",
    "bout",
)

_BILLED = {
    "req_tot": "requests",
    "conn_tot": "new_connections",
    "bin": "processed_bytes",
    "bout": "processed_bytes",
}
"""What of a frontend's goes into its kind's usage, and as what (elbow_api.usage.Counts)."""
CONNECTION_MS = "connection_ms"
_LONGEST_STEP = 15.0
"""Seconds two looks at open connections may lie apart for the time between to count: a hung agent doesn't know it."""

Key = tuple[str, str, str]
"""`frontend`, `backend`, `server`, `listener`, `latency`, `usage` or `process`; a name; what is counted. Servers are summed over their backend."""


@dataclass(frozen=True)
class Counts:
    """What one worker counted since it started."""

    stats: Stats
    listeners: Mapping[str, Mapping[str, int]]
    """What rules counted, by frontend."""
    latencies: Mapping[str, Mapping[int, int]]
    """Answers by milliseconds, by target group."""
    process: Mapping[str, int] = field(default_factory=dict)
    """What it counted as a whole."""


@dataclass
class Counters:
    """Running sums; none goes down while the agent lives."""

    totals: Counter[Key] = field(default_factory=Counter)
    kinds: dict[str, str] = field(default_factory=dict)
    """As what a frontend is billed (elbow_api.usage.kind_of), also one whose listener is gone: clients may be left."""
    _last: dict[Worker, dict[tuple[str, ...], int]] = field(default_factory=dict)
    _open: dict[Worker, tuple[float, Counter[str]]] = field(default_factory=dict)
    """When a worker was last looked at, and how many clients it had then, by kind."""

    def add(self, worker: Worker, counts: Counts, now: float) -> None:
        """Take what a worker counts now; what it counted before is known by its process. `now` is a monotonic clock's."""
        last = self._last.setdefault(worker, {})
        for key, row, value in _values(counts):
            before = last.get((*key, row), 0)
            if value != before:
                # A server that was deleted and added again begins at zero.
                more = value - before if value > before else value
                self.totals[key] += more
                self._bill(key, more)
                last[(*key, row)] = value
        self._time(worker, counts, now)

    def _bill(self, key: Key, more: int) -> None:
        kind, name, what = key
        if kind == "frontend" and what in _BILLED and name in self.kinds:
            self.totals["usage", self.kinds[name], _BILLED[what]] += more

    def _time(self, worker: Worker, counts: Counts, now: float) -> None:
        """Clients that were there at the last look were there until now, as far as is known."""
        at, clients = self._open.get(worker, (now, Counter()))
        for kind, number in clients.items():
            self.totals["usage", kind, CONNECTION_MS] += int(number * 1000 * min(now - at, _LONGEST_STEP))
        there: Counter[str] = Counter()
        for name, row in counts.stats.frontends.items():
            if name in self.kinds and (number := row.number("scur")):
                there[self.kinds[name]] += number
        self._open[worker] = now, there

    def forget(self, living: Collection[int], current: Worker) -> None:
        """Drop what was known of workers that are gone, or whose number the current one has now; their sums stay."""
        for worker in [w for w in self._last if w[0] not in living or (w[0] == current[0] and w != current)]:
            del self._last[worker]
            self._open.pop(worker, None)

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
    for name, value in counts.process.items():
        yield ("process", "", name), "", value
