"""How far a pod has come, by its status (Kubernetes: PodStatus)."""

from collections.abc import Iterator

from elbow_kube.object import Object, conditions

_STARTING = ("ContainerCreating", "PodInitializing")
"""Why a container waits that merely starts."""


def containers(pod: Object) -> list[Object]:
    """The statuses of its containers, sidecars and what else runs ahead first."""
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def unscheduled(pod: Object) -> Object | None:
    """The condition that says why no node takes it; None where one did, or nobody has looked yet."""
    scheduled = conditions(pod).get("PodScheduled", {})
    return scheduled if scheduled.get("status") == "False" else None


def stuck(pod: Object) -> Iterator[tuple[Object, Object]]:
    """The containers that can't start: of each its status, and what it waits for, with `reason` and maybe `message`."""
    for container in containers(pod):
        waiting = container.get("state", {}).get("waiting", {})
        if waiting.get("reason") and waiting["reason"] not in _STARTING:
            yield container, waiting
