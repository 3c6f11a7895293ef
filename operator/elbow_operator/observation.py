"""What the API server and the proxies told of a load balancer, as what its status is made of."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from elbow_api.fault import Fault, shown
from elbow_api.load_balancer import LoadBalancer
from elbow_api.names import zone_name
from elbow_api.proxy import ExposureType
from elbow_api.proxy_report import ProxyReport
from elbow_kube.object import Object, holds

from elbow_operator.owned import Key, Owned, in_zone
from elbow_operator.plan.capacity import plan, ports
from elbow_operator.plan.cluster import Node
from elbow_operator.plan.dns import HOSTNAME, ExternalDns, hostnames, misnamed
from elbow_operator.plan.naming import name
from elbow_operator.status.observed import Dns, Observed, ProxyPod, ZoneService
from elbow_operator.status.obstacle import obstacle
from elbow_operator.status.reason import Reason


def observation(
    owned: Owned,
    load_balancer: LoadBalancer,
    generation: int,
    faults: tuple[Fault, ...],
    zones: tuple[str, ...],
    nodes: Collection[Node],
    reports: Mapping[Key, ProxyReport],
    now: datetime,
) -> Observed:
    """What is known of a load balancer now, its names for external-dns apart."""
    lb, shift = load_balancer.metadata, load_balancer.spec.zonal_shift
    deployments = {zone: owned.objects.get(("Deployment", name(lb.name, zone))) for zone in zones}
    return Observed(
        generation=generation,
        running=owned.good_generation,
        spec=load_balancer.spec,
        faults=faults,
        zones=zones,
        desired={zone: (d or {}).get("spec", {}).get("replicas", 0) for zone, d in deployments.items()},
        pods=proxies(owned, lb.namespace, reports),
        services=tuple(_zone_service(zone, owned, load_balancer, nodes) for zone in zones),
        dns_name=f"{name(lb.name)}.{lb.namespace}.svc",
        shifted=frozenset({shift.away_from} if shift and shift.until_time > now else ()),
        capacity=plan(load_balancer.spec, len(zones), now),
        ports=ports(load_balancer.spec, zones, nodes),
        lost=frozenset(zones) - {node.zone for node in nodes if node.ready},
        obstacles={zone: _nowhere(zone, nodes) or obstacle(d, owned.pods_in(zone)) for zone, d in deployments.items()},
    )


def _nowhere(zone: str, nodes: Iterable[Node]) -> str:
    """That a zone that was asked for is none of the cluster's, which ones there are."""
    there = sorted({node.zone for node in nodes})
    if zone in there:
        return ""
    return f"no node is in it; nodes are in {', '.join(map(zone_name, there)) or 'none'}"


def named(
    observed: Observed, load_balancer: LoadBalancer, annotations: Mapping[str, str], dns: ExternalDns
) -> Observed:
    """With the names external-dns is told, the first of which is the load balancer's own."""
    names = hostnames(load_balancer, annotations, dns)
    if bad := misnamed(names):
        fault = (Reason.HOSTNAME_INVALID, f"{HOSTNAME}: no host name: {', '.join(map(shown, bad[:5]))}")
        return replace(observed, dns=Dns((), fault))
    return replace(observed, dns=Dns(names), dns_name=names[0] if names else observed.dns_name)


def proxies(owned: Owned, namespace: str, reports: Mapping[Key, ProxyReport]) -> tuple[ProxyPod, ...]:
    """The proxies there are, each with what it last reported."""
    return tuple(_pod(pod, reports.get((namespace, pod_name))) for pod_name, pod in sorted(owned.pods.items()))


def _pod(pod: Object, report: ProxyReport | None) -> ProxyPod:
    return ProxyPod(pod["metadata"]["name"], in_zone(pod), holds(pod, "Ready"), report)


def _zone_service(zone: str, owned: Owned, load_balancer: LoadBalancer, nodes: Iterable[Node]) -> ZoneService:
    service = owned.objects.get(("Service", name(load_balancer.metadata.name, zone)))
    if service is None:
        return ZoneService(zone)
    match load_balancer.spec.exposed_by:
        case ExposureType.LOAD_BALANCER:
            ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
            found = [("IPAddress", i["ip"]) if i.get("ip") else ("Hostname", i["hostname"]) for i in ingress]
        case ExposureType.CLUSTER_IP:
            found = [("IPAddress", ip) for ip in service["spec"].get("clusterIPs", []) if ip != "None"]
        case _:
            found = [("IPAddress", ip) for ip in _node_addresses(zone, owned, service, nodes)]
    return ZoneService(zone, tuple(found))


def _node_addresses(zone: str, owned: Owned, service: Object, nodes: Iterable[Node]) -> list[str]:
    """Where a zone's NodePorts and host ports answer: at nodes with a ready proxy, unless others pass clients on."""
    passed_on = service["spec"].get("externalTrafficPolicy") == "Cluster"
    hosts = {pod["spec"].get("nodeName") for pod in owned.pods_in(zone) if holds(pod, "Ready")}
    return sorted(
        node.addresses[0]
        for node in nodes
        if node.zone == zone and node.ready and node.addresses and (passed_on or node.name in hosts)
    )
