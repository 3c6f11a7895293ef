"""What proxies report: one open stream to each proxy's admin port."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

import aiohttp
from elbow_api.proxy_report import ProxyReport
from pydantic import ValidationError

from elbow_operator.plan.naming import ADMIN_PORT

log = logging.getLogger("elbow")

_RETRY = 1.0
_SILENT = 30.0
_SETTLE = 3.0


class Reports:
    """The newest report of every proxy pod, by namespace and name."""

    def __init__(self, changed: Callable[[tuple[str, str]], None]) -> None:
        self._changed = changed
        self._streams: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._news = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None
        self.newest: dict[tuple[str, str], ProxyReport] = {}

    def follow(self, pod: tuple[str, str], address: str, load_balancer: tuple[str, str]) -> None:
        """Follow a pod's reports; a pod that is followed already goes on."""
        if pod not in self._streams:
            self._streams[pod] = asyncio.create_task(self._follow(pod, address, load_balancer))

    async def settle(self) -> None:
        """Wait until every pod has reported, but not for one that doesn't."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE):
                while self._streams.keys() - self.newest.keys():
                    self._news.clear()
                    await self._news.wait()

    def drop(self, pod: tuple[str, str]) -> None:
        """Forget a pod."""
        if stream := self._streams.pop(pod, None):
            stream.cancel()
        self.newest.pop(pod, None)

    async def close(self) -> None:
        """Close all streams."""
        for pod in list(self._streams):
            self.drop(pod)
        if self._session is not None:
            await self._session.close()

    async def _follow(self, pod: tuple[str, str], address: str, load_balancer: tuple[str, str]) -> None:
        host = f"[{address}]" if ":" in address else address
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=3, sock_read=_SILENT)
            )
        while True:
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with self._session.get(f"http://{host}:{ADMIN_PORT}/report?watch") as response:
                    async for line in response.content:
                        self._take(pod, line, load_balancer)
            await asyncio.sleep(_RETRY)

    def _take(self, pod: tuple[str, str], line: bytes, load_balancer: tuple[str, str]) -> None:
        try:
            report = ProxyReport.model_validate_json(line)
        except ValidationError:
            log.warning("%s/%s reports what can't be read", *pod)
            return
        self.newest[pod] = report
        self._news.set()
        self._changed(load_balancer)
