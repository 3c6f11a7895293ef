"""What proxies report: one open stream to each proxy's admin port."""

import asyncio
import logging
import zlib
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, suppress

from elbow_api.names import ADMIN_PORT
from elbow_api.proxy_report import ProxyReport
from elbow_api.usage import UsageReport
from pydantic import ValidationError

from elbow_operator.owned import Key
from elbow_operator.status.drain import served

log = logging.getLogger("elbow")

_RETRY = 1.0
_CONNECT = 3.0
_SILENT = 75.0
_SETTLE = 3.0
_FORGET = 45.0
"""Seconds without a stream after which a proxy's last report says nothing any more."""
_LONGEST = 2**24
_USAGE = b'{"usage":'
"""How a line begins that tells what is billed; any other is a report."""
_REQUEST = b"GET /report?watch HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n"


class Newest(Mapping[Key, ProxyReport]):
    """The newest report of every proxy pod. Kept packed: of thousands, few are looked at."""

    def __init__(self) -> None:
        self._packed: dict[Key, bytes] = {}
        self._news: dict[Key, int] = {}
        self._served: dict[Key, frozenset[str]] = {}

    def __getitem__(self, pod: Key) -> ProxyReport:
        return ProxyReport.model_validate_json(zlib.decompress(self._packed[pod]))

    def __iter__(self) -> Iterator[Key]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)

    def served(self, pod: Key) -> frozenset[str]:
        """The pods a proxy isn't done with; worked out when it is asked for, and kept until the next report."""
        if pod not in self._served:
            self._served[pod] = served(self[pod])
        return self._served[pod]

    def put(self, pod: Key, line: bytes) -> bool:
        """Take a report as it was sent; returns whether it says something new, counters apart. Raises ValidationError."""
        news = hash(ProxyReport.model_validate_json(line).news())
        self._packed[pod] = zlib.compress(line, 1)
        self._served.pop(pod, None)
        before, self._news[pod] = self._news.get(pod), news
        return before != news

    def forget(self, pod: Key) -> bool:
        """Drop a pod's report; returns whether there was one."""
        self._news.pop(pod, None)
        self._served.pop(pod, None)
        return self._packed.pop(pod, None) is not None


class Reports:
    """Follows what every proxy pod reports."""

    def __init__(
        self, changed: Callable[[Key], None], counted: Callable[[Key, Key, UsageReport], None], port: int = ADMIN_PORT
    ) -> None:
        """`changed` is told of load balancers there is news of, `counted` what a pod of a load balancer is billed by."""
        self._changed = changed
        self._counted = counted
        self._port = port
        self._streams: dict[Key, tuple[str, asyncio.Task[None], Key]] = {}
        self._ending: set[Key] = set()
        """Pods that are told to stop: nobody waits for their first report."""
        self._news = asyncio.Event()
        self.newest = Newest()

    def follow(self, pod: Key, address: str, load_balancer: Key) -> None:
        """Follow a pod's reports at its address; one that is followed there already goes on."""
        known = self._streams.get(pod)
        if known is not None and known[0] == address:
            return
        if known is not None:  # it came back with another address
            known[1].cancel()
        self._streams[pod] = address, asyncio.create_task(self._follow(pod, address, load_balancer)), load_balancer

    def followed(self, load_balancer: Key) -> set[str]:
        """The names of a load balancer's pods that are followed."""
        return {pod[1] for pod, (_, _, of) in self._streams.items() if of == load_balancer}

    def ends(self, pod: Key) -> None:
        """A pod is told to stop: it is followed to its end, for what it counts and what it still serves."""
        self._ending.add(pod)

    async def settle(self) -> None:
        """Wait until every pod has reported, but not for one that doesn't."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE):
                while self._streams.keys() - self.newest.keys() - self._ending:
                    self._news.clear()
                    await self._news.wait()

    def drop(self, pod: Key) -> None:
        """Forget a pod."""
        if pod in self._streams:
            self._streams.pop(pod)[1].cancel()
        self._ending.discard(pod)
        self.newest.forget(pod)

    async def close(self) -> None:
        """Close all streams."""
        tasks = [task for _, task, _ in self._streams.values()]
        for pod in list(self._streams):
            self.drop(pod)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, pod: Key, address: str, load_balancer: Key) -> None:
        loop = asyncio.get_running_loop()
        heard = loop.time()
        while True:
            with suppress(OSError, EOFError, ValueError):
                async with aclosing(_lines(address, self._port)) as lines:
                    async for line in lines:
                        heard = loop.time()
                        if line.strip():  # an empty one says that it lives
                            self._take(pod, line, load_balancer)
            if loop.time() > heard + _FORGET and self.newest.forget(pod):
                log.warning("%s/%s reports nothing any more", *pod)
                self._changed(load_balancer)
            await asyncio.sleep(_RETRY)

    def _take(self, pod: Key, line: bytes, load_balancer: Key) -> None:
        try:
            if line.startswith(_USAGE):
                report = UsageReport.model_validate_json(line.strip()[len(_USAGE) : -1])
                self._counted(pod, load_balancer, report)
                return
            is_news = self.newest.put(pod, line)
        except ValidationError:
            log.warning("%s/%s reports what can't be read", *pod)
            return
        self._news.set()
        if is_news:
            self._changed(load_balancer)


async def _lines(address: str, port: int) -> AsyncGenerator[bytes, None]:
    """The lines of an agent's answer, which ends with its connection.

    A web client keeps ten times as much for each of thousands of streams. Raises OSError, EOFError and ValueError.
    """
    async with asyncio.timeout(_CONNECT):
        reader, writer = await asyncio.open_connection(address, port, limit=_LONGEST)
    try:
        writer.write(_REQUEST)
        async with asyncio.timeout(_CONNECT):
            head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
            raise ValueError(head.partition(b"\r\n")[0])
        while True:
            async with asyncio.timeout(_SILENT):
                line = await reader.readline()
            if not line:
                return
            yield line
    finally:
        writer.close()
