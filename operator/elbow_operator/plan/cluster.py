"""What the planner needs to know of the cluster."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from elbow_api.names import NODE_ZONE
from elbow_kube.object import Object, holds

from elbow_operator.plan.dns import ExternalDns


@dataclass(frozen=True)
class Node:
    """A node of the cluster."""

    name: str
    zone: str
    """Empty where nodes have no zone label."""
    ready: bool
    addresses: tuple[str, ...] = ()
    """Its internal addresses."""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Replica:
    """The pod this operator is."""

    name: str
    uid: str
    address: str


@dataclass(frozen=True)
class Settings:
    """How the operator was installed."""

    agent_image: str
    proxy_image: str
    pull_policy: str = "IfNotPresent"
    namespace: str = "elbow-system"
    identity: str = "operator"
    """What this replica calls itself in the Lease."""
    watch_namespaces: tuple[str, ...] = ()
    """The namespaces looked after; none: all."""
    external_dns: ExternalDns | None = None
    """Whether and how names are made for external-dns."""
    metrics_namespace: str = ""
    """Where Prometheus runs, which may read the proxies' metrics; empty: nowhere."""
    replica: Replica | None = None
    """None: it runs outside of the cluster, where nodes don't reach it."""


def zones_of(nodes: Iterable[Node], wanted: Iterable[str] | None, present: Iterable[str] = ()) -> tuple[str, ...]:
    """The zones a load balancer has: those asked for, or every zone with a ready node (RESOURCE: zones).

    A zone that is present already keeps its Service and addresses while all its nodes are down.
    """
    if wanted is not None:
        return tuple(wanted)
    nodes = list(nodes)
    there = {node.zone for node in nodes}
    return tuple(sorted({node.zone for node in nodes if node.ready} | (there & set(present))))


def node_of(document: Object) -> Node:
    """A node from the API server."""
    metadata, found = document["metadata"], document.get("status", {}).get("addresses", [])
    addresses = tuple(address["address"] for address in found if address["type"] == "InternalIP")
    labels = metadata.get("labels") or {}
    return Node(metadata["name"], labels.get(NODE_ZONE, ""), holds(document, "Ready"), addresses, labels)
