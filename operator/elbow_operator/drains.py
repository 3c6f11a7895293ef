"""What kubelets ask before they end a pod with the label elbow.dev/drain: whether the proxies are done with it."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

from aiohttp import web
from elbow_kube.client import ApiError, Client, Object
from elbow_kube.watch import pages

from elbow_operator.plan.drain import PORT
from elbow_operator.reports import Newest
from elbow_operator.status.drain import LABEL, holder, leaving, meant

log = logging.getLogger("elbow")

_LONGEST = 3600
_RETRY = 1.0
_AGAIN = 1.5
"""Seconds a replica that doesn't lead keeps a question; the kubelet asks ten times, in which another one leads."""
_QUIET, _LINGER = 5.0, 20.0
"""Seconds without a question after which one that led needn't hand on any more, and the most it does so."""
_ANNOUNCE = 10.0


class Resigned(Exception):  # noqa: N818  (it reads as what happened)
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


class Door:
    """Where kubelets ask: open on every replica, for as long as the process lives."""

    def __init__(self) -> None:
        self.drains: Drains | None = None
        """None while another replica leads."""
        self._asked = 0.0
        self._led = False
        application = web.Application()
        application.add_routes([web.get("/drained/{namespace:[a-z0-9-]+}/{name}", self._answer)])
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)

    async def open(self, port: int = PORT) -> None:
        """Listen."""
        await self._runner.setup()
        await web.TCPSite(self._runner, None, port).start()

    def lead(self, drains: Drains) -> None:
        """Answer from now on."""
        self.drains, self._led = drains, True

    def resign(self) -> None:
        """Answer nothing any more: who waits is told to ask again, and finds the replica that leads then."""
        if self.drains is not None:
            self.drains.resign()
            self.drains = None
        self._asked = asyncio.get_running_loop().time()

    async def close(self) -> None:
        """Close, once those that still ask here were handed on."""
        now = asyncio.get_running_loop().time
        end = now() + _LINGER if self._led else 0.0
        while (quiet := min(self._asked + _QUIET, end)) > now():  # noqa: ASYNC110 - quiet is a matter of time
            await asyncio.sleep(quiet - now())
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        loop = asyncio.get_running_loop()
        began = self._asked = loop.time()
        try:
            most = min(int(request.query.get("at-most", _LONGEST)), _LONGEST)
        except ValueError:
            return web.Response(status=400, text="at-most: a number of seconds\n")
        namespace, name = request.match_info["namespace"], request.match_info["name"]
        try:
            async with asyncio.timeout(most):
                if self.drains is not None:
                    with suppress(Resigned):
                        await self.drains.wait(namespace, name)
                        log.info("%s/%s: drained in %.1f s", namespace, name, loop.time() - began)
                        return web.Response(text="drained\n")
                await asyncio.sleep(_AGAIN)
        except TimeoutError:
            log.warning("%s/%s: not drained within %d s", namespace, name, most)
            return web.Response(text="not drained in time\n")
        self._asked = loop.time()
        left = max(1, most - int(loop.time() - began))
        answer = web.Response(status=307, headers={"Location": str(request.rel_url.update_query({"at-most": left}))})
        answer.force_close()  # on this connection it would ask this replica again
        return answer


async def announce(client: Client, endpoint_slice: Object) -> None:
    """Have the Service lead here, whoever changes it, until cancelled."""
    trouble = ""
    while True:
        try:
            await client.apply(endpoint_slice)
            trouble = ""
        except (ApiError, OSError) as error:
            if str(error) != trouble:
                trouble = str(error)
                log.warning("pods that wait for their drain don't find this replica: %s", trouble)
        await asyncio.sleep(_ANNOUNCE)
