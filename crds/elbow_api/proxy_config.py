"""What a proxy is told: the accepted spec, and what surrounds it."""

from enum import StrEnum

from pydantic import Field

from elbow_api.base import Model
from elbow_api.load_balancer import LoadBalancerSpec
from elbow_api.target_group import Address


class ZoneState(StrEnum):
    """Whether a zone is to get clients; one that is not known is active."""

    ACTIVE = "active"
    IMPAIRED = "impaired"
    SHIFTED = "shifted"


class Zone(Model):
    """A zone of the load balancer."""

    name: str
    state: ZoneState = ZoneState.ACTIVE


class NodeAddress(Address):
    """A node as a target."""

    node: str | None = None
    """Its name."""


class ProxyConfig(Model):
    """The whole of what all proxies of one load balancer serve."""

    name: str
    namespace: str
    generation: int
    """The generation of the spec, reported back once it runs."""
    spec: LoadBalancerSpec
    zones: tuple[Zone, ...] = ()
    node_addresses: dict[str, list[NodeAddress]] = Field(default_factory=dict)
    """The addresses of the nodes a target group selects, by group."""
    awaited: tuple[str, ...] = ()
    """Pods to be used though they aren't ready: they wait for nothing but the proxies to find them healthy."""
