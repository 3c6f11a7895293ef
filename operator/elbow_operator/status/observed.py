"""What is known of a load balancer at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from elbow_api.fault import Fault
from elbow_api.load_balancer import LoadBalancerSpec
from elbow_api.proxy_report import ProxyReport


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
