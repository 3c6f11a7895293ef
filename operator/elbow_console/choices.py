"""What the form offers: Services with their ports, the cluster's zones, namespaces, TLS policies."""

from elbow_api.names import LOAD_BALANCER, NODE_ZONE, zone_called
from elbow_api.tls_policy import TlsPolicy
from elbow_kube.client import ApiError
from elbow_kube.object import Object

from elbow_console.live import Live
from elbow_console.view.snapshot import labels


async def choices(live: Live, namespace: str) -> Object:
    """All of them; a list the user may not read is empty, and the form takes what is typed."""
    services = [_service(found) for found in await _items(live, live.path("/api/v1", "services")) if _is_offered(found)]
    nodes = await _items(live, "/api/v1/nodes")
    zones = {labels(node).get(NODE_ZONE, "") for node in nodes}
    zones |= {
        zone_called(zone["name"])
        for found in live.snapshot.load_balancers.values()
        for zone in (found.get("status") or {}).get("zones") or []
    }
    spaces = {service["namespace"] for service in services} | {space for space, _ in live.snapshot.load_balancers}
    return {
        "namespace": live.namespace or namespace,
        "namespaces": sorted(spaces | {live.namespace or namespace}),
        "services": sorted(services, key=lambda one: (one["namespace"], one["name"])),
        "zones": sorted(zone for zone in zones if zone),
        "policies": [policy.value for policy in TlsPolicy],
    }


async def _items(live: Live, path: str) -> list[Object]:
    try:
        found: list[Object] = (await live.client.get(path)).get("items") or []
    except ApiError:
        return []
    return found


def _is_offered(service: Object) -> bool:
    """Not the load balancers' own, and not a mere name."""
    return LOAD_BALANCER not in labels(service) and service["spec"].get("type") != "ExternalName"


def _service(service: Object) -> Object:
    return {
        "namespace": service["metadata"]["namespace"],
        "name": service["metadata"]["name"],
        "ports": [
            {"port": port["port"], "name": port.get("name", "")}
            for port in service["spec"].get("ports") or []
            if port.get("protocol", "TCP") == "TCP"
        ],
    }
