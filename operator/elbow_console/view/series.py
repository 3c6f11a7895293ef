"""The lines of a load balancer's charts, for as long as somebody looks."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from elbow_console.view.point import LINES, Point, Samples, point

ALL = ""
"""The name of the sum over all zones."""
_KEPT = 3600.0
"""Seconds a point is kept."""
_SPAN = 10.0
"""Seconds a rate is taken over: one answer more or less doesn't shake the line."""


class Series:
    """Points of all zones together and of each zone, oldest first."""

    def __init__(self) -> None:
        self._frames: deque[tuple[float, Samples]] = deque()
        self._points: deque[tuple[float, Mapping[str, Point]]] = deque()

    def add(self, at: float, samples: Samples) -> None:
        """Take what all proxies said at a time, which no earlier one follows; nothing where none answered."""
        self._frames.append((at, samples))
        while len(self._frames) > 2 and self._frames[1][0] <= at - _SPAN:
            self._frames.popleft()
        before: dict[str, Any] = {}
        for _, old in reversed(self._frames):
            before.update(old)  # the oldest sample of each proxy is the one that stays
        points = {ALL: point(samples, before)}
        for zone in sorted({sample.zone for sample in samples.values()} - {ALL}):
            points[zone] = point({name: one for name, one in samples.items() if one.zone == zone}, before)
        self._points.append((at, points))
        while self._points[0][0] < at - _KEPT:
            self._points.popleft()

    def since(self, at: float) -> dict[str, Any]:
        """The points after a time: `times` in seconds, and by zone the values of each line."""
        found = [(time, points) for time, points in self._points if time > at]
        zones = sorted({zone for _, points in found for zone in points})
        return {
            "times": [time for time, _ in found],
            "zones": {
                zone: {line: [_short(points.get(zone, {}).get(line)) for _, points in found] for line in LINES}
                for zone in zones
            },
        }


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
