"""What belongs to one load balancer, as the API server told."""

from dataclasses import dataclass, field
from math import inf
from typing import Any

from elbow_api.load_balancer import LoadBalancer
from elbow_api.names import ZONE, zone_called
from elbow_api.proxy_config import ZoneState
from elbow_kube.object import Object
from elbow_kube.packed import Packed, pack, unpack
from elbow_kube.watch import without_managers

Key = tuple[str, str]
"""A namespace and a name."""


@dataclass
class Owned:
    """The newest state of what belongs to one load balancer, as the API server told."""

    objects: Packed[tuple[str, str]] = field(default_factory=Packed)
    """By kind and name."""
    pods: Packed[str] = field(default_factory=Packed)
    applied: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """What was applied, and the version the API server gave it, where it then wasn't to the letter what was planned."""
    good: LoadBalancer | None = None
    """The last spec that could be accepted."""
    good_generation: int = 0
    states: dict[str, ZoneState] = field(default_factory=dict)
    secret: dict[str, str] = field(default_factory=dict)
    """What the Secret held when it was last seen."""
    wrote: float = -inf
    """When the status was last written, by the loop's clock."""
    seen: tuple[int, float] = (0, -inf)
    """The newest generation, and when it was first seen."""
    usage: dict[str, Any] | None = None
    """What its status is to tell of what it is billed by."""
    _load_balancer: bytes | None = None

    @property
    def load_balancer(self) -> Object | None:
        """The LoadBalancer itself, with the status that was last told or written."""
        return None if self._load_balancer is None else unpack(self._load_balancer)

    @load_balancer.setter
    def load_balancer(self, document: Object) -> None:
        self._load_balancer = pack(without_managers(document))

    @property
    def is_there(self) -> bool:
        """Whether the LoadBalancer exists, as far as is known."""
        return self._load_balancer is not None

    @property
    def zones(self) -> set[str]:
        """The zones that have proxies already."""
        return {in_zone(document) for (kind, _), document in self.objects.items() if kind == "Deployment"}

    def pods_in(self, zone: str) -> list[Object]:
        """A zone's proxies."""
        return [pod for pod in self.pods.values() if in_zone(pod) == zone]


def at(document: Object) -> tuple[str, str]:
    """By what an object of a load balancer is found: its kind and name."""
    return document["kind"], document["metadata"]["name"]


def in_zone(document: Object) -> str:
    """The zone an object of a load balancer is for; empty if it is for all."""
    return zone_called(document["metadata"]["labels"].get(ZONE, ""))
