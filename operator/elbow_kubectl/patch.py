"""A change of a load balancer's spec that never overwrites somebody else's."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from elbow_kube.object import Object

if TYPE_CHECKING:
    from elbow_kubectl.cluster import Cluster

_TRIES = 5


async def change(cluster: "Cluster", name: str, field: str, value: Callable[[Object], Any]) -> Object:
    """Set a field of the spec to what a function makes of the newest object, or remove it where that is none.

    Raises ApiError where the API server refuses, also if others kept changing the spec meanwhile.
    """
    from elbow_kube.client import ApiError

    found = await cluster.load_balancer(name)
    for _ in range(_TRIES):
        wanted = value(found)
        if wanted == found["spec"].get(field):
            break
        try:
            return await cluster.patch(name, operations(found, field, wanted))
        except ApiError:
            newest = await cluster.load_balancer(name)
            if newest["metadata"]["generation"] == found["metadata"]["generation"]:
                raise
            found = newest
    return found


def operations(found: Object, field: str, value: Any) -> list[Object]:
    """JSON Patch that holds for this generation of the spec alone."""
    same = {"op": "test", "path": "/metadata/generation", "value": found["metadata"]["generation"]}
    if value is None:
        return [same, {"op": "remove", "path": f"/spec/{field}"}]
    return [same, {"op": "add", "path": f"/spec/{field}", "value": value}]
