"""Names, addresses and folders of the cluster: what every other module agrees on."""

import os
from dataclasses import dataclass
from pathlib import Path


class ClusterError(Exception):
    """Something a person must know or do; its text is shown as it is."""


@dataclass(frozen=True)
class Node:
    """One node: a machine's worth of namespaces. `number` (from 1) makes its addresses unique."""

    name: str
    zone: str
    number: int

    @property
    def addresses(self) -> tuple[str, str]:
        """The node's IPv4 and IPv6 address."""
        return f"10.89.0.{10 + self.number}", f"fd00:89::{10 + self.number}"

    @property
    def pod_subnets(self) -> tuple[str, str]:
        """The IPv4 and IPv6 subnet that the node's pods take their addresses from."""
        return f"10.244.{self.number}.0/24", f"fd00:244:0:{self.number}::/64"


NODES = (Node("a1", "zone-a", 1), Node("a2", "zone-a", 2), Node("b1", "zone-b", 3), Node("c1", "zone-c", 4))
HOST_ADDRESSES = ("10.89.0.1", "fd00:89::1")
NODE_PREFIXES = (24, 64)
POD_RANGES = ("10.244.0.0/16", "fd00:244::/48")
SERVICE_RANGES = ("10.96.0.0/16", "fd00:96::/112")
API_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"
DNS_DOMAIN = "cluster.local"
API_SERVER = f"https://{HOST_ADDRESSES[0]}:6443"

# Every node has folders of its own in these places, so nothing that a node must see may live there.
PRIVATE_TO_NODES = ("/run", "/var/lib", "/var/log")


def node_named(name: str) -> Node:
    """The node of that name. Raises ClusterError when there is none."""
    for node in NODES:
        if node.name == name:
            return node
    raise ClusterError(f"no node {name}: there are {', '.join(n.name for n in NODES)}")


@dataclass(frozen=True)
class Layout:
    """Where one cluster lives. Clusters of different names run side by side and don't see each other."""

    name: str
    cache: Path

    @classmethod
    def from_environment(cls) -> "Layout":
        """ELBOW_CLUSTER names the cluster (default `elbow`), ELBOW_CACHE its folder (default ~/.cache/elbow)."""
        user_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        cache = Path(os.environ.get("ELBOW_CACHE") or user_cache / "elbow").absolute()
        for place in PRIVATE_TO_NODES:
            if cache.is_relative_to(place):
                raise ClusterError(f"ELBOW_CACHE can't be below {place}: nodes have a {place} of their own")
        return cls(os.environ.get("ELBOW_CLUSTER") or "elbow", cache)

    @property
    def bin(self) -> Path:
        """The programs that scripts/cluster-programs builds."""
        return self.cache / "bin"

    @property
    def home(self) -> Path:
        """All that the cluster writes; see disk.py."""
        return self.cache / "cluster" / self.name

    @property
    def keys(self) -> Path:
        """Private keys and certificates."""
        return self.home / "keys"

    @property
    def host(self) -> str:
        """The network namespace of etcd, the control plane, DNS, and everything that talks to the cluster."""
        return f"{self.name}-host"

    @property
    def cgroup(self) -> str:
        """The control group of all nodes' groups."""
        return f"{self.name}-cluster"

    @property
    def network_namespaces(self) -> tuple[str, ...]:
        """All of them, the host's first."""
        return (self.host, *(self.network_namespace(node) for node in NODES))

    def network_namespace(self, node: Node) -> str:
        """The node's own; its pods have others, which end with the node."""
        return f"{self.name}-{node.name}"

    def node_home(self, node: Node) -> Path:
        """The node's settings and disk."""
        return self.home / "nodes" / node.name

    def log(self, program: str, node: Node | None = None) -> Path:
        """The log file of a program, of the control plane or of a node."""
        return self.home / "log" / (f"{node.name}-{program}" if node else program)

    def kubeconfig(self, user: str = "admin") -> Path:
        """A user's access to the API server; the users are in keys.py."""
        return self.home / f"{user}.kubeconfig"
