"""The six targets, and what can be done to them."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from http.client import HTTPConnection

from elbow_dataplane.cli.demo.child import Child
from elbow_dataplane.cli.demo.place import PLACES, Place, Ports
from elbow_dataplane.cli.place import Unfit

WINDOW = 3.0
"""Seconds that rates look back."""


class Fleet:
    """Runs the targets, each in a process of its own."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.broken: set[Place] = set()
        self.served: dict[Place, Counter[str]] = {place: Counter() for place in PLACES}
        """Requests (http) and connections (tcp), as each target counts them."""
        self._recent: dict[Place, deque[tuple[float, str, int]]] = {place: deque() for place in PLACES}
        self._running: dict[Place, Child] = {}

    async def start(self, *places: Place) -> None:
        """Start targets and wait until they listen; raises Unfit if one can't."""
        await asyncio.gather(*map(self._start, places))

    async def stop(self, *places: Place) -> None:
        """Stop targets as a machine is shut down: nobody is let in, what is being answered is finished."""
        running = [self._running.pop(place) for place in places if place in self._running]
        self.broken -= set(places)
        await asyncio.gather(*(child.stop() for child in running))

    def is_up(self, place: Place) -> bool:
        """Whether a target listens."""
        return place in self._running

    def rate(self, place: Place, *kinds: str) -> float:
        """Requests and connections a second, lately."""
        recent, since = self._recent[place], time.monotonic() - WINDOW
        while recent and recent[0][0] < since:
            recent.popleft()
        return sum(count for _, kind, count in recent if kind in kinds) / WINDOW

    async def break_(self, place: Place) -> None:
        """Its health check fails from now on; everything else it still answers."""
        self.broken.add(place)
        await asyncio.to_thread(self._post, place, "/break")

    async def mend(self, place: Place) -> None:
        """Its health check succeeds again."""
        await asyncio.to_thread(self._post, place, "/mend")
        self.broken.discard(place)

    async def _start(self, place: Place) -> None:
        ports = map(str, (self.ports.target_http, self.ports.target_tcp))
        program = ("-m", "elbow_dataplane.cli.demo.target", place.name, place.zone, place.address, *ports)
        self._running[place] = child = await Child.start(*program, hear=self._hear(place))
        if not await child.until_heard():
            raise Unfit(f"target {place.name} doesn't start at {place.address}")

    def _hear(self, place: Place) -> Callable[[dict[str, int]], None]:
        def hear(served: dict[str, int]) -> None:
            self.served[place].update(served)
            self._recent[place].extend((time.monotonic(), kind, count) for kind, count in served.items())

        return hear

    def _post(self, place: Place, path: str) -> None:
        connection = HTTPConnection(place.address, self.ports.target_http, timeout=5)
        try:
            connection.request("POST", path)
            connection.getresponse().read()
        finally:
            connection.close()
