"""Counters that go on over reloads, restarts and removed servers: sums of what each worker counted."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from elbow_dataplane.haproxy.stats import Row, Stats

FRONTEND_FIELDS = (
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
    "ereq",
    "ssl_failed_handshake",
    "h1_total_connections",
)
BACKEND_FIELDS = ("stot", "dreq", "econ", "wredis", "hrsp_4xx", "hrsp_5xx")
SERVER_FIELDS = (
    "stot",
    "connect",
    "hrsp_1xx",
    "hrsp_2xx",
    "hrsp_3xx",
    "hrsp_4xx",
    "hrsp_5xx",
    "econ",
    "wretr",
    "ssl_failed_handshake",
    "bin",
    "bout",
)

Key = tuple[str, str, str]
"""`frontend`, `backend` or `server`; the proxy's name; the field. Servers are summed over their backend."""


@dataclass
class Counters:
    """Running sums; never goes down while the agent lives."""

    totals: Counter[Key] = field(default_factory=Counter)
    _last: dict[int, dict[tuple[str, str, str, str], int]] = field(default_factory=dict)

    def add(self, pid: int, stats: Stats, tables: Mapping[Key, int] | None = None) -> None:
        """Take what a worker counts now; what it counted before is known by its process."""
        last = self._last.setdefault(pid, {})
        for kind, row, names in _counted(stats):
            for name in names:
                value = row.number(name)
                known = (kind, row.proxy, row.name, name)
                before = last.get(known, 0)
                if value != before:
                    # A server that was deleted and added again begins at zero.
                    self.totals[kind, row.proxy, name] += value - before if value > before else value
                    last[known] = value
        for key, value in (tables or {}).items():
            known = ("table", *key)
            before = last.get(known, 0)
            if value > before:
                self.totals[key] += value - before
                last[known] = value

    def forget(self, living: set[int]) -> None:
        """Drop what was known of workers that are gone; their sums stay."""
        for pid in [pid for pid in self._last if pid not in living]:
            del self._last[pid]

    def of(self, kind: str, proxy: str, name: str) -> int:
        """One sum."""
        return self.totals[kind, proxy, name]


def _counted(stats: Stats) -> Iterator[tuple[str, Row, tuple[str, ...]]]:
    for row in stats.frontends.values():
        yield "frontend", row, FRONTEND_FIELDS
    for row in stats.backends.values():
        yield "backend", row, BACKEND_FIELDS
    for row in stats.servers.values():
        yield "server", row, SERVER_FIELDS
