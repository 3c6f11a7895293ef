"""What is known of a load balancer at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from elbow_api.fault import Fault
from elbow_api.load_balancer import LoadBalancerSpec
from elbow_api.proxy_report import ProxyReport

from elbow_operator.plan.capacity import Plan
from elbow_operator.status.reason import Reason


@dataclass(frozen=True)
class ProxyPod:
    """A proxy, as the cluster and it itself report it."""

    name: str
    zone: str
    ready: bool
    report: ProxyReport | None = None


@dataclass(frozen=True)
class ZoneService:
    """A zone's Service: the addresses clients use."""

    zone: str
    addresses: tuple[tuple[str, str], ...] = ()
    """Pairs of a type, IPAddress or Hostname, and a value."""


@dataclass(frozen=True)
class Dns:
    """The names external-dns is told, and why it isn't."""

    names: tuple[str, ...]
    fault: tuple[Reason, str] | None = None


@dataclass(frozen=True)
class Observed:
    """Everything a status is made of."""

    generation: int
    """The generation of the newest spec."""
    running: int
    """The generation proxies were told to run; older while the newest is invalid."""
    spec: LoadBalancerSpec | None
    """The spec that runs; none before the first valid one."""
    faults: tuple[Fault, ...]
    """Why the newest spec was refused."""
    zones: tuple[str, ...]
    desired: Mapping[str, int]
    """Proxies wanted by zone."""
    pods: tuple[ProxyPod, ...] = ()
    services: tuple[ZoneService, ...] = ()
    dns_name: str = ""
    shifted: frozenset[str] = field(default_factory=frozenset)
    lost: frozenset[str] = field(default_factory=frozenset)
    """Zones none of whose nodes is ready."""
    refused: tuple[str, ...] = ()
    """What the API server refused, and why."""
    obstacles: Mapping[str, str] = field(default_factory=dict)
    """What keeps a zone's proxies from starting, by zone."""
    replacing: tuple[str, ...] = ()
    """The zones whose proxies are still to be replaced, or are being replaced."""
    capacity: Plan | None = None
    """What capacity that is set aside asks of each zone; none before the first valid spec."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """How many proxies a zone's ready nodes have ports for, where they use the nodes' own."""
    dns: Dns | None = None
    """None: external-dns isn't fed."""
    usage: Mapping[str, Any] | None = None
    """What it is billed by, in whole hours; None before it is known."""
