"""What is known of the cluster at one moment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from elbow_api.names import LOAD_BALANCER, ZONE
from elbow_kube.object import Object

Key = tuple[str, str]
"""A namespace and a name."""


@dataclass(frozen=True)
class Snapshot:
    """The objects the page is made of."""

    load_balancers: Mapping[Key, Object] = field(default_factory=dict)
    pods: Mapping[Key, Object] = field(default_factory=dict)
    """The pods of proxies."""

    def proxies(self, load_balancer: Key) -> Iterator[Object]:
        """The pods of a load balancer's proxies, by zone and name."""
        namespace, name = load_balancer
        found = [
            pod
            for (space, _), pod in self.pods.items()
            if space == namespace and labels(pod).get(LOAD_BALANCER) == name
        ]
        yield from sorted(found, key=lambda pod: (labels(pod).get(ZONE, ""), pod["metadata"]["name"]))


def key(document: Object) -> Key:
    """Which one it is."""
    metadata = document["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def labels(document: Object) -> Mapping[str, str]:
    """Its labels."""
    return document["metadata"].get("labels") or {}
