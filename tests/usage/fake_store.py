"""ConfigMaps of an API server, with versions, as far as usage needs them."""

from urllib.parse import parse_qs, urlsplit

from elbow_api.ledger import LABEL
from elbow_kube.client import ApiAway, ApiError, path_of
from elbow_kube.object import Object

LIST = "/api/v1/configmaps"


class FakeStore:
    """The client of it, too."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.writes = 0
        self.breaks = 0
        """So many of the next requests are carried out and then not answered."""
        self._version = 0

    async def get(self, path: str) -> Object:
        at = urlsplit(path)
        if at.path != LIST:
            return self._there(path)
        selector = parse_qs(at.query)["labelSelector"][0]
        wanted = selector.partition("=")[2] or selector.partition("(")[2].rstrip(")")
        found = [o for o in self.objects.values() if o["metadata"]["labels"][LABEL] in wanted.split(",")]
        return {"apiVersion": "v1", "kind": "ConfigMapList", "metadata": {"resourceVersion": "1"}, "items": found}

    async def create(self, document: Object) -> Object:
        if path_of(document) in self.objects:
            raise ApiError(409, "it is there")
        return self._put(path_of(document), document)

    async def merge(self, document: Object, change: Object) -> Object:
        there = self._there(path_of(document))
        version = change.get("metadata", {}).get("resourceVersion")
        if version not in (None, there["metadata"]["resourceVersion"]):
            raise ApiError(409, "it was modified")
        return self._put(path_of(document), {**there, "data": {**there["data"], **change["data"]}})

    async def delete(self, document: Object) -> None:
        self.objects.pop(path_of(document), None)

    def data(self, name: str) -> dict[str, str]:
        (found,) = [o["data"] for o in self.objects.values() if o["metadata"]["name"] == name]
        return dict(found)

    def names(self) -> list[str]:
        return sorted(o["metadata"]["name"] for o in self.objects.values())

    def _there(self, path: str) -> Object:
        if path not in self.objects:
            raise ApiError(404, "it isn't there")
        return self.objects[path]

    def _put(self, path: str, document: Object) -> Object:
        self.writes += 1
        self._version += 1
        self.objects[path] = {**document, "metadata": {**document["metadata"], "resourceVersion": str(self._version)}}
        if self.breaks:
            self.breaks -= 1
            raise ApiAway("no answer in time")
        return self.objects[path]
