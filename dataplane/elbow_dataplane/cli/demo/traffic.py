"""What the demo's clients met."""

import time
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

WINDOW = 10.0
"""Seconds that rates and latencies look back."""
LISTENERS = ("http", "https", "tcp")


class Traffic:
    """Counts per listener, from the beginning and for the last seconds."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.codes: dict[str, Counter[str]] = {name: Counter() for name in LISTENERS}
        self.errors: dict[str, Counter[str]] = {name: Counter() for name in LISTENERS}
        self._recent: dict[str, deque[tuple[float, float]]] = {name: deque() for name in LISTENERS}
        self._all: dict[str, Counter[float]] = {name: Counter() for name in LISTENERS}

    def hear(self, told: Mapping[str, Mapping[str, Any]]) -> None:
        """Take what the clients told."""
        now = time.monotonic()
        for name, met in told.items():
            self.codes[name].update(met["codes"])
            self.errors[name].update(met["errors"])
            self._recent[name].extend((now, ms) for ms in met["milliseconds"])
            self._all[name].update(round(ms, 1) for ms in met["milliseconds"])

    def served(self, name: str) -> int:
        """Answers, whatever they said."""
        return self.codes[name].total()

    def failures(self) -> int:
        """Requests and connections that were not served as they should."""
        return sum(errors.total() for errors in self.errors.values())

    def rate(self, name: str) -> float:
        """Answers a second, lately."""
        now = time.monotonic()
        return len(self._lately(name)) / max(0.5, min(WINDOW, now - self.began))

    def percentile(self, name: str, percent: float) -> float | None:
        """Milliseconds within which so many percent were answered, lately; None if nothing was."""
        return _percentile(Counter(ms for _, ms in self._lately(name)), percent)

    def total_percentile(self, name: str, percent: float) -> float | None:
        """The same from the beginning."""
        return _percentile(self._all[name], percent)

    def _lately(self, name: str) -> deque[tuple[float, float]]:
        recent, since = self._recent[name], time.monotonic() - WINDOW
        while recent and recent[0][0] < since:
            recent.popleft()
        return recent


def _percentile(counts: Counter[float], percent: float) -> float | None:
    needed, seen = counts.total() * percent / 100, 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= needed:
            return value
    return None
