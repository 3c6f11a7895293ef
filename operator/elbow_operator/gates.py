"""The readiness gates of targets, opened one by one as the proxies report them healthy."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from elbow_api.timestamp import timestamp
from elbow_kube.client import ApiError, Client
from elbow_kube.object import Object

from elbow_operator.plan.cluster import Node
from elbow_operator.status.gate import OVERLAP, Balancer, awaited, condition, is_waiting


class Gates:
    """The pods with a gate, as the API server told."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._pods: dict[str, dict[str, Object]] = {}
        """By namespace and name."""

    def take(self, pod: Object, *, gone: bool) -> None:
        """A pod as it is now."""
        metadata = pod["metadata"]
        pods = self._pods.setdefault(metadata["namespace"], {})
        if gone or metadata.get("deletionTimestamp"):
            pods.pop(metadata["name"], None)
        else:
            pods[metadata["name"]] = pod
        if not pods:
            del self._pods[metadata["namespace"]]

    def awaited(self, namespace: str) -> tuple[str, ...]:
        """The namespace's pods that proxies are to use though they aren't ready."""
        return awaited(self._pods.get(namespace, {}).values(), datetime.now(UTC))

    def overlap(self, namespace: str) -> float | None:
        """Seconds until the clock changes that; none if it doesn't."""
        return OVERLAP if self.awaited(namespace) else None

    def waiting(self, namespace: str) -> list[Object]:
        """The namespace's pods whose gate is closed."""
        return [pod for pod in self._pods.get(namespace, {}).values() if is_waiting(pod)]

    async def open(self, namespace: str, balancers: Iterable[Balancer], nodes: Mapping[str, Node]) -> None:
        """Tell each waiting pod how far the proxies are; raises ApiError where the API server refuses."""
        known, now = list(balancers), timestamp(datetime.now(UTC))
        for pod in self.waiting(namespace):
            node = nodes.get(pod["spec"].get("nodeName", ""))
            if written := condition(pod, node.zone if node else "", known, now):
                await self._write(pod, written)

    async def _write(self, pod: Object, written: Object) -> None:
        metadata = {key: pod["metadata"][key] for key in ("name", "namespace", "uid")}
        status = {"conditions": [written]}
        try:
            await self.client.apply_status({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status})
        except ApiError as error:
            if error.status not in (404, 409):  # it is gone, or another one has its name
                raise
