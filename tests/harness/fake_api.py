"""An API server that misbehaves on demand: lists and watches of objects held in memory, over HTTP."""

import asyncio
import json
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Any

from aiohttp import web
from elbow_kube.object import Object

from harness.background import Background
from harness.ports import Ports


class Trouble(Enum):
    """What is wrong with it."""

    NONE = auto()
    THROTTLING = auto()
    """Every request is answered with 429."""
    EXPIRED = auto()
    """Every request is answered with 401: the token is too old."""
    SLOW = auto()
    """Every answer comes a second late."""
    COMPACTED = auto()
    """A watch is told that its version is gone, 410."""
    SILENT = auto()
    """A watch is open, and nothing ever comes."""
    BROKEN = auto()
    """An answer breaks off in the middle of a line."""


class FakeApi:
    """Open from `start` to `stop`; may be started again on the same port."""

    def __init__(self, background: Background, ports: Ports) -> None:
        self.background = background
        self.port = ports.take()
        self.trouble = Trouble.NONE
        self.requests: list[str] = []
        """Every request so far: LIST or WATCH, and its path."""
        self._objects: dict[str, dict[str, Object]] = {}
        self._history: list[tuple[int, str, str, Object]] = []
        self._version = 1
        self._news: set[asyncio.Event] = set()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Open the port."""

        async def opened() -> None:
            application = web.Application()
            self._route(application.router)
            self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
            await self._runner.setup()
            await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()

        self.background.run(opened())

    def stop(self) -> None:
        """Close the port and every connection."""

        async def closed() -> None:
            if self._runner is not None:
                await self._runner.cleanup()
                self._runner = None

        self.background.run(closed())

    def put(self, path: str, document: Object) -> None:
        """Create or change an object of the list at a path."""
        name = document["metadata"]["name"]
        kind = "MODIFIED" if name in self._objects.get(path, {}) else "ADDED"
        self.background.call(lambda: self._record(path, kind, document))

    def remove(self, path: str, name: str) -> None:
        """Delete an object."""
        self.background.call(lambda: self._record(path, "DELETED", self._objects[path][name]))

    def now(self, trouble: Trouble) -> None:
        """Have this trouble from now on, watches that are open included."""

        def change() -> None:
            self.trouble = trouble
            self._wake()

        self.background.call(change)

    def _route(self, router: web.UrlDispatcher) -> None:
        router.add_get("/{path:.*}", self._answer)

    def _record(self, path: str, kind: str, document: Object) -> None:
        self._version += 1
        meta = {**document["metadata"], "resourceVersion": str(self._version)}
        made = {**document, "metadata": meta}
        known = self._objects.setdefault(path, {})
        known.pop(meta["name"], None) if kind == "DELETED" else known.__setitem__(meta["name"], made)
        self._history.append((self._version, path, kind, made))
        self._wake()

    def _wake(self) -> None:
        for event in self._news:
            event.set()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        watches = request.query.get("watch") == "1"
        self.requests.append(f"{'WATCH' if watches else 'LIST'} {request.path}")
        if self.trouble is Trouble.SLOW:
            await asyncio.sleep(1)
        if self.trouble in (Trouble.THROTTLING, Trouble.EXPIRED):
            status = 429 if self.trouble is Trouble.THROTTLING else 401
            return web.json_response({"message": self.trouble.name}, status=status)
        return await self._watch(request) if watches else self._list(request)

    def _list(self, request: web.Request) -> web.Response:
        """A page of the list: all names in order, from the one that `continue` names."""
        found = self._chosen(request, self._listed(request.path))
        found.sort(key=lambda item: str(item["metadata"]["name"]))
        begin, limit = int(request.query.get("continue") or 0), int(request.query.get("limit") or 10**6)
        more = str(begin + limit) if begin + limit < len(found) else ""
        kind = f"{found[0]['kind']}List" if found else "List"
        meta = {"resourceVersion": str(self._version), "continue": more}
        return web.json_response(
            {"apiVersion": "v1", "kind": kind, "metadata": meta, "items": found[begin : begin + limit]}
        )

    def _listed(self, path: str) -> Iterable[Object]:
        """What the list at a path holds."""
        return self._objects.get(path, {}).values()

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        sent, news = int(request.query["resourceVersion"]), asyncio.Event()
        self._news.add(news)
        try:
            while True:
                news.clear()
                if self.trouble is Trouble.COMPACTED:
                    gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}
                    await response.write(json.dumps(gone).encode() + b"\n")
                    return response
                if self.trouble is Trouble.BROKEN:
                    await response.write(b'{"type": "MODIFIED", "obj')
                    request.transport.abort()
                    return response
                if self.trouble is not Trouble.SILENT:
                    for version, _, kind, made in [h for h in self._history if h[0] > sent and h[1] == request.path]:
                        if self._chosen(request, [made]):
                            await response.write(json.dumps({"type": kind, "object": made}).encode() + b"\n")
                        sent = version
                await news.wait()
        finally:
            self._news.discard(news)

    @staticmethod
    def _chosen(request: web.Request, documents: Any) -> list[Object]:
        """Those that the selectors of a request choose."""
        labels = [pair.partition("=") for pair in request.query.get("labelSelector", "").split(",") if pair]
        fields = dict(pair.split("=") for pair in request.query.get("fieldSelector", "").split(",") if pair)

        def fits(document: Object) -> bool:
            meta = document["metadata"]
            own = meta.get("labels") or {}
            labelled = all(key in own and (not equals or own[key] == value) for key, equals, value in labels)
            return labelled and fields.get("metadata.name", meta["name"]) == meta["name"]

        return [document for document in documents if fits(document)]


Start = Callable[[], FakeApi]
