"""The ProxyConfig of a load balancer."""

from collections.abc import Iterable, Mapping

from elbow_api.load_balancer import LoadBalancer
from elbow_api.proxy_config import NodeAddress, ProxyConfig, Zone, ZoneState

from elbow_operator.plan.cluster import Node


def proxy_config(
    load_balancer: LoadBalancer,
    generation: int,
    zones: Iterable[str],
    nodes: Iterable[Node],
    states: Mapping[str, ZoneState],
    awaited: Iterable[str] = (),
) -> ProxyConfig:
    """What every proxy of the load balancer serves."""
    known = list(nodes)
    return ProxyConfig(
        name=load_balancer.metadata.name,
        namespace=load_balancer.metadata.namespace,
        generation=generation,
        spec=load_balancer.spec,
        zones=tuple(Zone(name=zone, state=states.get(zone, ZoneState.ACTIVE)) for zone in zones if zone),
        node_addresses={
            group.name: _addresses(known, group.targets.nodes.selector, group.targets.nodes.port)
            for group in load_balancer.spec.target_groups
            if group.targets.nodes is not None
        },
        awaited=tuple(awaited),
    )


def _addresses(nodes: list[Node], selector: Mapping[str, str], port: int) -> list[NodeAddress]:
    return [
        NodeAddress(ip=ip, port=port, zone=node.zone or None, node=node.name)
        for node in sorted(nodes, key=lambda node: node.name)
        if node.ready and all(node.labels.get(key) == value for key, value in selector.items())
        for ip in node.addresses
    ]
