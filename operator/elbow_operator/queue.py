"""Which load balancers need a look; each is looked at by one at a time, and at most five times a second."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from elbow_operator.metrics import Metrics, failure
from elbow_operator.owned import Key

log = logging.getLogger("elbow")

_SPACING = 0.2
_RETRY_FIRST, _RETRY_MOST = 1.0, 15.0
_AT_ONCE = 16


class Queue:
    """Keys to look at, squashed: however often one is added, it is looked at once."""

    def __init__(self, look: Callable[[Key], Awaitable[None]], metrics: Metrics) -> None:
        self._look = look
        self._metrics = metrics
        self._due: set[Key] = set()
        self._busy: dict[Key, asyncio.Task[None]] = {}
        self._since: dict[Key, float] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    @property
    def waiting(self) -> Mapping[Key, float]:
        """Since when each key that is due, or is being looked at, waits for a look that succeeds, by the monotonic clock."""
        return self._since

    def add(self, key: Key) -> None:
        """Have a load balancer looked at."""
        self._due.add(key)
        self._since.setdefault(key, time.monotonic())
        if key not in self._busy:
            self._busy[key] = asyncio.create_task(self._work(key))

    async def close(self) -> None:
        """Stop looking."""
        busy = list(self._busy.values())
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)

    async def _work(self, key: Key) -> None:
        pause = _SPACING
        while key in self._due:
            self._due.discard(key)
            try:
                await self._measured(key)
                pause = _SPACING
            except Exception as error:  # whatever it was, the next look may succeed, and other load balancers go on
                pause = min(max(pause * 2, _RETRY_FIRST), _RETRY_MOST)
                log.exception("%s/%s: trying again in %.0f s", *key, pause)
                self._metrics.failed(failure(error))
                self._due.add(key)
            await asyncio.sleep(pause)
        del self._busy[key]

    async def _measured(self, key: Key) -> None:
        async with self._slots:
            began = time.monotonic()
            try:
                await self._look(key)
            finally:
                self._metrics.looked(time.monotonic() - began)
        if key in self._due:  # something happened meanwhile
            self._since[key] = began
        else:
            del self._since[key]
