"""What keeps proxies from starting, as the cluster tells."""

from collections.abc import Iterable, Iterator

from elbow_kube.object import Object, conditions, holds
from elbow_kube.pod import stuck, unscheduled


def obstacle(deployment: Object | None, pods: Iterable[Object]) -> str:
    """Why a zone's proxies don't start; nothing when they are just starting. Words that change by themselves are left out."""
    return next(_found(deployment or {}, pods), "")


def _found(deployment: Object, pods: Iterable[Object]) -> Iterator[str]:
    if holds(deployment, "ReplicaFailure"):
        yield str(conditions(deployment)["ReplicaFailure"].get("message", ""))
    for pod in pods:
        if (condition := unscheduled(pod)) is not None:
            yield str(condition.get("message", ""))
        for container, waiting in stuck(pod):
            yield f"container {container['name']} (image {container['image']}): {waiting['reason']}"
    if deployment.get("spec", {}).get("paused"):
        name = deployment["metadata"]["name"]
        yield f"Deployment {name} is paused; kubectl rollout resume deployment/{name}"
