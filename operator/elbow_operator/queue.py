"""Which load balancers need a look; each is looked at by one at a time, and at most once a second."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from elbow_operator.reconcile import Key

log = logging.getLogger("elbow")

_SPACING = 1.0
_RETRY_MOST = 60.0
_AT_ONCE = 16


class Queue:
    """Keys to look at, squashed: however often one is added, it is looked at once."""

    def __init__(self, look: Callable[[Key], Awaitable[None]]) -> None:
        self._look = look
        self._due: set[Key] = set()
        self._busy: dict[Key, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self.errors = 0

    def add(self, key: Key) -> None:
        """Have a load balancer looked at."""
        self._due.add(key)
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
                async with self._slots:
                    await self._look(key)
                pause = _SPACING
            except Exception:  # whatever it was, the next look may succeed, and other load balancers go on
                log.exception("%s/%s: trying again in %.0f s", *key, pause)
                self.errors += 1
                self._due.add(key)
                pause = min(pause * 2, _RETRY_MOST)
            await asyncio.sleep(pause)
        del self._busy[key]
