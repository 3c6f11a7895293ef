"""Whether the proxies are done with pods that are being deleted."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

from elbow_kube.client import ApiError, Client
from elbow_kube.watch import pages

from elbow_operator.reports import Newest
from elbow_operator.status.drain import LABEL, holder, leaving, meant

log = logging.getLogger("elbow")

_RETRY = 1.0


class Resigned(Exception):
    """This replica doesn't lead any more."""


class Drains:
    """The questions, while this replica leads."""

    def __init__(
        self, client: Client, namespaces: Collection[str], newest: Newest, ready: Callable[[str], Iterable[str]]
    ) -> None:
        """`namespaces` are those looked after, none: all; `ready` names the ready proxies of one."""
        self._client = client
        self._namespaces = namespaces
        self._newest = newest
        self._ready = ready
        self._news: dict[str, asyncio.Event] = {}
        self._next: dict[str, asyncio.Task[frozenset[str]]] = {}
        """Lists that haven't begun yet, by namespace."""
        self._lists: set[asyncio.Task[frozenset[str]]] = set()
        self._listing = asyncio.Lock()
        self._resigned = False

    async def wait(self, namespace: str, name: str) -> None:
        """Until the pods that are meant are drained; a question of a namespace that isn't looked after has its answer.

        Of those whose names begin alike, all that are being deleted now are waited for. Raises Resigned.
        """
        if self._namespaces and namespace not in self._namespaces:
            return
        pods = meant(name, await self._leaving(namespace))
        while not self._resigned:
            news = self._news.setdefault(namespace, asyncio.Event())
            proxy = self._holder(namespace, pods)
            if proxy is None:
                return
            log.debug("%s/%s waits for %s", namespace, name, proxy)
            await news.wait()
        raise Resigned

    def news(self, namespace: str) -> None:
        """A proxy of a namespace came, went, or said something new."""
        if (news := self._news.pop(namespace, None)) is not None:
            news.set()

    def resign(self) -> None:
        """Leave the questions to another replica."""
        self._resigned = True
        for namespace in list(self._news):
            self.news(namespace)
        for task in self._lists:
            task.cancel()

    def _holder(self, namespace: str, pods: frozenset[str]) -> str | None:
        served = {key[1]: self._newest.served(key) for key in self._newest if key[0] == namespace}
        return holder(pods, served, self._ready(namespace))

    async def _leaving(self, namespace: str) -> frozenset[str]:
        """The pods that are being deleted, by a list that began after the question came: a watch may not have heard of it yet."""
        if namespace not in self._next:
            self._next[namespace] = task = asyncio.create_task(self._list(namespace))
            self._lists.add(task)
            task.add_done_callback(self._lists.discard)
        try:
            return await asyncio.shield(self._next[namespace])
        except asyncio.CancelledError:
            if self._resigned:
                raise Resigned from None
            raise

    async def _list(self, namespace: str) -> frozenset[str]:
        """One at a time; who asks while another one is made shares the next."""
        async with self._listing:
            del self._next[namespace]
            while True:
                with suppress(ApiError, OSError, ValueError):
                    found: set[str] = set()
                    path = f"/api/v1/namespaces/{namespace}/pods"
                    async for _, page in pages(self._client, path, {"labelSelector": LABEL}):
                        found |= leaving(page)
                    return frozenset(found)
                await asyncio.sleep(_RETRY)
