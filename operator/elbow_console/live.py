"""The cluster as it is now: the objects the page is made of, kept current by watches."""

import asyncio
import time
from dataclasses import dataclass

import aiohttp
from elbow_kube.client import ApiError, Client
from elbow_kube.object import Object
from elbow_kube.watch import Change, watch
from kubernetes.aio.client import ApiException

from elbow_console.view.snapshot import Key, Snapshot, key

API = "/apis/elbow.dev/v1alpha1"
PROXIES = "app.kubernetes.io/name=elbow-proxy"
_PULSE = 2.0
_PATIENCE = 5.0
INSTALL = "helm install elbow helm/elbow -n elbow-system --create-namespace"


@dataclass(frozen=True)
class Away:
    """Why what is shown is old, and since when, in seconds of the Unix epoch."""

    since: float
    message: str


class Live:
    """Follows load balancers and their proxies, of one namespace or of all."""

    def __init__(self, client: Client, namespace: str | None) -> None:
        self.client = client
        self.namespace = namespace
        """None: all of them."""
        self.away: Away | None = None
        self.version = 0
        self._balancers: dict[Key, Object] = {}
        self._pods: dict[Key, Object] = {}
        self._news = asyncio.Condition()

    @property
    def snapshot(self) -> Snapshot:
        """The objects now."""
        return Snapshot(self._balancers, self._pods)

    async def run(self) -> None:
        """Follow, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow(self.path(API, "loadbalancers"), "", self._balancers))
            tasks.create_task(self._follow(self.path("/api/v1", "pods"), PROXIES, self._pods))
            tasks.create_task(self._pulse())

    async def newer(self, version: int, patience: float) -> int:
        """Wait until something has changed since a version, for so many seconds at most; the version now."""
        async with self._news:
            try:
                async with asyncio.timeout(patience):
                    await self._news.wait_for(lambda: self.version != version)
            except TimeoutError:
                pass
        return self.version

    async def tell(self) -> None:
        """Wake who waits for something newer."""
        async with self._news:
            self.version += 1
            self._news.notify_all()

    def path(self, api: str, plural: str) -> str:
        """Where objects of the namespaces that are followed are listed."""
        return f"{api}/namespaces/{self.namespace}/{plural}" if self.namespace else f"{api}/{plural}"

    async def _follow(self, path: str, selector: str, known: dict[Key, Object]) -> None:
        async for news in watch(self.client, path, selector):
            if isinstance(news, Change):
                if news.gone:
                    known.pop(key(news.document), None)
                else:
                    known[key(news.document)] = news.document
            await self.tell()

    async def _pulse(self) -> None:
        """Ask every few seconds whether the API server is there, and knows load balancers."""
        while True:
            why = await self._trouble()
            if (why is None) != (self.away is None) or (self.away and why and why != self.away.message):
                self.away = Away(self.away.since if self.away else time.time(), why) if why else None
                await self.tell()
            await asyncio.sleep(_PULSE)

    async def _trouble(self) -> str | None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.client.get(API)
        except ApiError as error:
            return says(error)
        except (ApiException, aiohttp.ClientError, OSError, ValueError) as error:
            return f"The API server doesn't answer ({str(error) or type(error).__name__})"
        return None


def says(error: ApiError) -> str:
    """What an answer of the API server means, and the way out."""
    if error.status == 401:
        return "The API server doesn't know you any more: log in again, then start the console again"
    if error.status == 404 and API not in str(error) and "could not find the requested resource" in str(error):
        return f"The cluster doesn't know load balancers; install Elbow: {INSTALL}"
    return str(error)


async def scope(client: Client, named: str | None, own: str) -> str | None:
    """The namespace that is followed: the one named; without one all (None) if the user may, else the context's own."""
    if named:
        return named
    try:
        await client.get(f"{API}/loadbalancers?limit=1")
    except ApiError as error:
        return own if error.status == 403 else None
    except (ApiException, aiohttp.ClientError, OSError):
        return None
    return None
