"""Where kubelets ask before they end a pod with the label elbow.dev/drain: its preStop hook is an HTTP GET of this."""

import asyncio
import logging
from contextlib import suppress

from aiohttp import web
from elbow_kube.client import ApiError, Client
from elbow_kube.object import Object

from elbow_operator.drains import Drains, Resigned
from elbow_operator.plan.drain import PORT

log = logging.getLogger("elbow")

_LONGEST = 3600
_AGAIN = 1.5
"""Seconds a replica that doesn't lead keeps a question; the kubelet asks ten times, in which another one leads."""
_QUIET, _LINGER = 5.0, 20.0
"""Seconds without a question after which one that led needn't hand on any more, and the most it does so."""
_ANNOUNCE = 10.0


class PreStop:
    """Open on every replica, for as long as the process lives."""

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
