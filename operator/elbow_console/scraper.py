"""Metrics of the load balancers somebody looks at, from each proxy's admin port through the API server."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from elbow_api.names import ADMIN_PORT, ZONE
from elbow_kube.client import ApiError
from elbow_kube.object import Object
from kubernetes.aio.client import ApiException

from elbow_console.live import Live
from elbow_console.view.proxy import is_asked
from elbow_console.view.sample import Sample, sample
from elbow_console.view.series import Series
from elbow_console.view.snapshot import Key, labels

_EVERY = 2.0
_PATIENCE = 1.8
_AT_ONCE = 32
_LINGER = 60.0
"""Seconds after the last look; who comes back within them finds no gap."""


class Scraper:
    """Asks only while somebody looks, and for a minute after."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.refused = ""
        """Why metrics can't be had, such as a missing right."""
        self._series: dict[Key, Series] = {}
        self._viewers: dict[Key, int] = {}
        self._left: dict[Key, float] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._few = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def look(self, wanted: Key) -> AsyncIterator[Series]:
        """The series of a load balancer, which grow while it is looked at."""
        self._viewers[wanted] = self._viewers.get(wanted, 0) + 1
        series = self._series.setdefault(wanted, Series())
        if wanted not in self._tasks:
            self._tasks[wanted] = asyncio.create_task(self._scrape(wanted, series))
        try:
            yield series
        finally:
            self._viewers[wanted] -= 1
            self._left[wanted] = time.monotonic()

    async def close(self) -> None:
        """Stop asking."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _scrape(self, wanted: Key, series: Series) -> None:
        while self._viewers[wanted] or time.monotonic() < self._left[wanted] + _LINGER:
            begun = time.monotonic()
            pods = [pod for pod in self.live.snapshot.proxies(wanted) if is_asked(pod)]
            found = await asyncio.gather(*(self._ask(pod) for pod in pods))
            series.add(time.time(), {name: one for name, one in found if one is not None})
            await self.live.tell()
            await asyncio.sleep(max(0.0, begun + _EVERY - time.monotonic()))
        for kept in (self._series, self._viewers, self._left, self._tasks):
            kept.pop(wanted)

    async def _ask(self, pod: Object) -> tuple[str, Sample | None]:
        metadata = pod["metadata"]
        name = metadata["name"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{name}:{ADMIN_PORT}/proxy/metrics"
        try:
            async with self._few, asyncio.timeout(_PATIENCE):
                page = await self.live.client.text(path)
            self.refused = ""
            return name, sample(page, labels(pod).get(ZONE, ""), time.time())
        except ApiError as error:
            self.refused = str(error) if error.status == 403 else ""
        except (ApiException, aiohttp.ClientError, OSError, ValueError):
            pass  # a gap in the lines tells
        return name, None
