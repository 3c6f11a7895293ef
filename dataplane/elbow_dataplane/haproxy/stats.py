"""What HAProxy says of itself: `show stat` and `show info` (HAProxy management guide, 9.1 and 9.3), as values."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from types import MappingProxyType
from typing import NamedTuple

_KEPT = frozenset(
    {
        "bin",
        "bout",
        "check_code",
        "check_duration",
        "check_health",
        "check_status",
        "chkfail",
        "conn_tot",
        "connect",
        "dcon",
        "dreq",
        "dses",
        "econ",
        "hrsp_2xx",
        "hrsp_3xx",
        "hrsp_4xx",
        "hrsp_5xx",
        "iid",
        "lastchg",
        "qcur",
        "qmax",
        "req_tot",
        "reuse",
        "scur",
        "slim",
        "ssl_failed_handshake",
        "status",
        "stot",
        "used_conn_cur",
        "wredis",
        "wretr",
    }
)

Worker = tuple[int, int]
"""A worker process: its number, and when it started."""


class Row(NamedTuple):
    """One line of `show stat`: a frontend, a backend or a server. Of its hundred fields only the ones below are kept.

    There are two for every target, so it is a tuple: a dictionary takes four times the memory, and twice the time to make.
    """

    proxy: str
    name: str
    values: tuple[str, ...]
    places: Mapping[str, int]
    """Where each field is among the values; all rows of an answer share it."""

    def number(self, field: str) -> int:
        """A counter or gauge; 0 where HAProxy keeps none. Raises KeyError for a field that isn't kept."""
        return int(self.text(field) or 0)

    def text(self, field: str) -> str:
        """A field as text; empty where there is none. Raises KeyError for a field that isn't kept."""
        if (place := self.places.get(field)) is not None:
            return self.values[place]
        if field not in _KEPT:
            raise KeyError(field)
        return ""

    @property
    def is_maint(self) -> bool:
        """Whether the server was taken out by its administrator."""
        return self.text("status").startswith("MAINT")

    @property
    def is_up(self) -> bool:
        """Whether the server takes new requests, as far as its checks go."""
        return self.text("status").startswith(("UP", "no check"))


@dataclass(frozen=True)
class Info:
    """What `show info` tells of a worker."""

    version: str
    pid: int
    stopping: bool
    connections: int
    max_connections: int
    refused: int
    """How often the most connections were reached."""
    dropped_logs: int = 0
    """Lines of logs that couldn't be written."""
    started: int = 0
    """Seconds since the epoch."""

    @property
    def worker(self) -> Worker:
        """Which process answers; another one may get the same number later, as each container's do."""
        return self.pid, self.started


@dataclass(frozen=True)
class Stats:
    """All rows of one worker at one moment."""

    frontends: MappingProxyType[str, Row]
    backends: MappingProxyType[str, Row]
    servers: MappingProxyType[tuple[str, str], Row]


def parse_stats(text: str) -> Stats:
    """Take the CSV of `show stat`."""
    frontends: dict[str, Row] = {}
    backends: dict[str, Row] = {}
    servers: dict[tuple[str, str], Row] = {}
    for row in _rows(text):
        if row.name == "FRONTEND":
            frontends[row.proxy] = row
        elif row.name == "BACKEND":
            backends[row.proxy] = row
        else:
            servers[row.proxy, row.name] = row
    return Stats(MappingProxyType(frontends), MappingProxyType(backends), MappingProxyType(servers))


def _rows(text: str) -> Iterator[Row]:
    header, _, lines = text.partition("\n")
    columns = {name: n for n, name in enumerate(header.removeprefix("# ").split(",")) if name in _KEPT}
    if not columns:
        return
    kept, places = itemgetter(*columns.values()), {name: place for place, name in enumerate(columns)}
    for line in lines.splitlines():
        if line.strip():
            values = next(csv.reader((line,))) if '"' in line else line.split(",")
            yield Row(values[0], values[1], kept(values), places)


def parse_info(text: str) -> Info:
    """Take the lines of `show info`."""
    pairs = dict(line.strip().split(": ", 1) for line in text.splitlines() if ": " in line)
    return Info(
        version=pairs["Version"],
        pid=int(pairs["Pid"]),
        stopping=pairs.get("Stopping", "0") != "0",
        connections=int(pairs.get("CurrConns", 0)),
        max_connections=int(pairs.get("Maxconn", 0)),
        refused=int(pairs.get("MaxconnReached", 0)),
        dropped_logs=int(pairs.get("DroppedLogs", 0)),
        started=int(pairs.get("Start_time_sec", 0)),
    )


@dataclass(frozen=True)
class Workers:
    """What `show proc` tells of a master's workers."""

    current: int | None
    old: tuple[int, ...]


def parse_workers(text: str) -> Workers:
    """Take the table of `show proc` on the master's socket."""
    current: int | None = None
    old: list[int] = []
    section = ""
    for line in text.splitlines():
        if line.startswith("# "):
            section = line[2:].strip()
        elif (words := line.split()) and words[0].isdigit() and words[1] == "worker":
            if section == "workers":
                current = int(words[0])
            else:
                old.append(int(words[0]))
    return Workers(current, tuple(old))
