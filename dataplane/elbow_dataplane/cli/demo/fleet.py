"""The six targets, and what can be done to them."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from http.client import HTTPConnection

from elbow_dataplane.cli.demo.child import Child
from elbow_dataplane.cli.demo.home import TARGETS, Ports, Target
from elbow_dataplane.cli.place import Unfit

WINDOW = 3.0
"""Seconds that rates look back."""


class Fleet:
    """Runs the targets, each in a process of its own."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.broken: set[Target] = set()
        self.served: dict[Target, Counter[str]] = {target: Counter() for target in TARGETS}
        """Requests (http) and connections (tcp), as each target counts them."""
        self._recent: dict[Target, deque[tuple[float, str, int]]] = {target: deque() for target in TARGETS}
        self._running: dict[Target, Child] = {}

    async def start(self, *targets: Target) -> None:
        """Start targets and wait until they listen; raises Unfit if one can't."""
        await asyncio.gather(*map(self._start, targets))

    async def stop(self, *targets: Target) -> None:
        """Stop targets as a machine is shut down: nobody is let in, what is being answered is finished."""
        running = [self._running.pop(target) for target in targets if target in self._running]
        self.broken -= set(targets)
        await asyncio.gather(*(child.stop() for child in running))

    def is_up(self, target: Target) -> bool:
        """Whether a target listens."""
        return target in self._running

    def rate(self, target: Target, *kinds: str) -> float:
        """Requests and connections a second, lately."""
        recent, since = self._recent[target], time.monotonic() - WINDOW
        while recent and recent[0][0] < since:
            recent.popleft()
        return sum(count for _, kind, count in recent if kind in kinds) / WINDOW

    async def break_(self, target: Target) -> None:
        """Its health check fails from now on; everything else it still answers."""
        self.broken.add(target)
        await asyncio.to_thread(self._post, target, "/break")

    async def mend(self, target: Target) -> None:
        """Its health check succeeds again."""
        await asyncio.to_thread(self._post, target, "/mend")
        self.broken.discard(target)

    async def _start(self, target: Target) -> None:
        ports = map(str, (self.ports.target_http, self.ports.target_tcp))
        program = ("-m", "elbow_dataplane.cli.demo.target", target.name, target.zone, target.address, *ports)
        self._running[target] = child = await Child.start(*program, hear=self._hear(target))
        if not await child.until_heard():
            raise Unfit(f"target {target.name} doesn't start at {target.address}")

    def _hear(self, target: Target) -> Callable[[dict[str, int]], None]:
        def hear(served: dict[str, int]) -> None:
            self.served[target].update(served)
            self._recent[target].extend((time.monotonic(), kind, count) for kind, count in served.items())

        return hear

    def _post(self, target: Target, path: str) -> None:
        connection = HTTPConnection(target.address, self.ports.target_http, timeout=5)
        try:
            connection.request("POST", path)
            connection.getresponse().read()
        finally:
            connection.close()
