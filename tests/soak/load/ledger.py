"""What was sent and how it ended, by kind of client."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

_MOST = 5000  # failures told one by one


class Wrong(Exception):
    """An answer that isn't what was asked for."""


@dataclass
class Failure:
    """A request that failed."""

    began: float
    """Seconds since the epoch."""
    at: float
    kind: str
    door: str
    error: str


@dataclass
class Move:
    """A client with a cookie that was answered by another target than before."""

    at: float
    door: str
    left: str
    found: str


@dataclass
class Count:
    """One kind of client at one door."""

    sent: int = 0
    failed: int = 0
    repeated: int = 0
    """Requests told to be unprocessed (HTTP/2), which are sent again."""
    slowest: float = 0.0
    """Seconds; for those that are meant to be quick."""
    slow: dict[str, int] = field(default_factory=dict)
    """Whole answers by how long they took: the upper end of a bucket, in ms."""


class Ledger:
    """Every request of this process."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], Count] = {}
        self.failures: list[Failure] = []
        self.moves: list[Move] = []
        self.is_over = False
        """Nothing new is to be sent."""

    def of(self, kind: str, door: str) -> Count:
        return self.counts.setdefault((kind, door), Count())

    @asynccontextmanager
    async def request(self, kind: str, door: str, limit: float = 30.0) -> AsyncIterator[None]:
        """Count what happens inside as one request."""
        count, began, clock = self.of(kind, door), time.time(), time.monotonic()
        count.sent += 1
        try:
            async with asyncio.timeout(limit):
                yield
        except asyncio.CancelledError:
            count.sent -= 1
            raise
        except Exception as error:  # noqa: BLE001 - whatever a client library raises is a request that failed
            count.failed += 1
            if len(self.failures) < _MOST:
                text = " ".join(f"{type(error).__name__} {error}".split())[:160]
                self.failures.append(Failure(began, time.time(), kind, door, text))
        else:
            took = time.monotonic() - clock
            count.slowest = max(count.slowest, took)
            bucket = str(_bucket(took * 1000))
            count.slow[bucket] = count.slow.get(bucket, 0) + 1

    @property
    def sent(self) -> int:
        return sum(count.sent for count in self.counts.values())

    def move(self, door: str, left: str, found: str) -> None:
        self.moves.append(Move(time.time(), door, left, found))

    def document(self) -> dict[str, Any]:
        return {
            "counts": [{"kind": kind, "door": door, **asdict(count)} for (kind, door), count in self.counts.items()],
            "failures": [asdict(failure) for failure in self.failures],
            "moves": [asdict(move) for move in self.moves],
        }


def _bucket(ms: float) -> int:
    for top in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000):
        if ms <= top:
            return top
    return 60000
