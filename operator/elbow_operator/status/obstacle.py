"""What keeps proxies from starting, as the cluster tells."""

from collections.abc import Iterable, Iterator
from typing import Any

Object = dict[str, Any]

_BUSY = ("ContainerCreating", "PodInitializing")


def obstacle(deployment: Object | None, pods: Iterable[Object]) -> str:
    """Why a zone's proxies don't start; nothing when they are just starting. Words that change by themselves are left out."""
    return next(_found(deployment or {}, pods), "")


def _found(deployment: Object, pods: Iterable[Object]) -> Iterator[str]:
    for condition in deployment.get("status", {}).get("conditions", []):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            yield str(condition.get("message", ""))
    for pod in pods:
        status = pod.get("status", {})
        for condition in status.get("conditions", []):
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                yield str(condition.get("message", ""))
        for container in (*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])):
            waiting = container.get("state", {}).get("waiting", {}).get("reason", "")
            if waiting and waiting not in _BUSY:
                yield f"container {container['name']} (image {container['image']}): {waiting}"
