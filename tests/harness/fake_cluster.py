"""An API server held in memory that takes writes of load balancers, and passes on to proxies' metrics pages."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

from harness.background import Background
from harness.fake_api import FakeApi, Object, Trouble
from harness.ports import Ports

API = "/apis/elbow.dev/v1alpha1"
BALANCERS = f"{API}/loadbalancers"
_NAMESPACED = re.compile(r"(/.+)/namespaces/([^/]+)/([^/]+)")
_SERVERS = {"uid": "0b1d5c2e-0000-4000-8000-000000000001", "creationTimestamp": "2026-11-25T04:00:00Z"}


class FakeCluster(FakeApi):
    """Objects are put at the paths of lists over all namespaces; no two of a kind share a name."""

    def __init__(self, background: Background, ports: Ports) -> None:
        super().__init__(background, ports)
        self.metrics: Callable[[str], str] = lambda _: ""
        """The metrics page of a proxy, by its pod's name."""
        self.reports: dict[str, Object] = {}
        """The report of a proxy, by its pod's name; one without any can't be reached."""
        self.logs: dict[str, list[str]] = {}
        """The lines of a pod's log, as the kubelet stamps them."""
        self.writes: list[tuple[str, str, Any]] = []
        """Every write that wasn't a dry run: method, path with its query, body."""
        self.refusal: tuple[int, str] | None = None
        """What every write, dry or not, is answered with."""
        self.unreadable: set[str] = set()
        """Paths of lists that are answered with 403, and pods/proxy."""

    def balancer(self, name: str) -> Object | None:
        """A load balancer as it is now."""
        return self.background.call(lambda: self._objects.get(BALANCERS, {}).get(name))

    def names(self, path: str) -> list[str]:
        """The names of what is in a list."""
        return self.background.call(lambda: list(self._objects.get(path, {})))

    def _route(self, router: web.UrlDispatcher) -> None:
        router.add_get(API, self._discover)
        router.add_get("/api/v1/namespaces/{namespace}/pods/{pod}/proxy/{page}", self._proxied)
        router.add_get("/api/v1/namespaces/{namespace}/pods/{pod}/log", self._logged)
        router.add_get(API + "/namespaces/{namespace}/loadbalancers/{name}", self._one)
        router.add_route("*", API + "/namespaces/{namespace}/loadbalancers/{name}", self._write)
        super()._route(router)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path in self.unreadable:
            return _status(403, f"{request.path} is forbidden")
        return await super()._answer(request)

    async def _discover(self, _: web.Request) -> web.Response:
        if self.trouble is Trouble.EXPIRED:
            return _status(401, "Unauthorized")
        return web.json_response({"kind": "APIResourceList"})

    async def _proxied(self, request: web.Request) -> web.Response:
        if "pods/proxy" in self.unreadable:
            return _status(403, 'pods is forbidden: User "me" cannot get resource "pods/proxy"')
        pod, page = request.match_info["pod"].partition(":")[0], request.match_info["page"]
        if page == "metrics":
            return web.Response(text=self.metrics(pod))
        if page != "report" or pod not in self.reports:
            return _status(503, "error trying to reach service: connection refused")
        return web.json_response(self.reports[pod])

    async def _logged(self, request: web.Request) -> web.Response:
        if "pods/log" in self.unreadable:
            return _status(403, 'pods is forbidden: User "me" cannot get resource "pods/log"')
        return web.Response(text="".join(f"{line}\n" for line in self.logs.get(request.match_info["pod"], [])))

    def _listed(self, path: str) -> Iterable[Object]:
        """A list over all namespaces, or the part of it that is of one."""
        if (found := _NAMESPACED.fullmatch(path)) is None:
            return super()._listed(path)
        whole = super()._listed(f"{found[1]}/{found[3]}")
        return [one for one in whole if one["metadata"].get("namespace") == found[2]]

    async def _one(self, request: web.Request) -> web.Response:
        found = self._objects.get(BALANCERS, {}).get(request.match_info["name"])
        if found is None or found["metadata"]["namespace"] != request.match_info["namespace"]:
            return _status(404, f'loadbalancers.elbow.dev "{request.match_info["name"]}" not found')
        return web.json_response(found)

    async def _write(self, request: web.Request) -> web.Response:
        name, body = request.match_info["name"], await request.text()
        document = json.loads(body) if body else None
        dry = request.query.get("dryRun") == "All"
        if not dry:
            self.writes.append((request.method, request.path_qs, document))
        if self.refusal is not None:
            return _status(*self.refusal)
        known = self._objects.get(BALANCERS, {}).get(name)
        if request.method == "DELETE":
            self._record(BALANCERS, "DELETED", known or {})
            return web.json_response({})
        if isinstance(document, list):
            document = _patched(known or {}, document)
        elif (
            request.method == "PUT"
            and document["metadata"]["resourceVersion"] != (known or {})["metadata"]["resourceVersion"]
        ):
            return _status(409, "the object has been modified; please apply your changes to the latest version")
        status = {"status": known["status"]} if known and "status" in known else {}
        made = {**document, **status, "metadata": {**_SERVERS, **document["metadata"]}}
        if not dry:
            self._record(BALANCERS, "MODIFIED" if known else "ADDED", made)
        return web.json_response(made)


def _patched(document: Object, operations: list[Object]) -> Object:
    spec = dict(document["spec"])
    for operation in operations:
        field = operation["path"].removeprefix("/spec/")
        if operation["op"] == "test":
            continue
        if operation["op"] == "add":
            spec[field] = operation["value"]
        else:
            del spec[field]
    return {**document, "spec": spec}


def _status(code: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "code": code, "message": message}, status=code)
