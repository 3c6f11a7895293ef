"""From EndpointSlices to targets and those that leave (Kubernetes: discovery.k8s.io/v1)."""

from collections.abc import Collection, Iterable

from elbow_api.target_group import ServiceTargets
from elbow_kube.object import Object
from elbow_kube.service import is_tcp, port_of, ports_told

from elbow_dataplane.model.target import Target


def targets_of(
    wanted: ServiceTargets, service: Object | None, slices: Iterable[Object], awaited: Collection[str] = ()
) -> tuple[Target, ...]:
    """The registered targets of a Service: endpoints that serve and are not terminating.

    One that is not ready yet is left to the readiness the cluster knows better, unless its pod is awaited: that one gets
    ready by being found healthy. One that terminates is deregistered, which begins its drain.
    """
    found: dict[tuple[str, int], Target] = {}
    name = port_name(wanted, service)
    for piece in slices:
        port = _port(piece, name)
        if port is None or piece.get("addressType") == "FQDN":
            continue
        for endpoint in piece.get("endpoints") or []:
            conditions = endpoint.get("conditions") or {}
            pod = _pod(endpoint)
            if conditions.get("terminating") or (conditions.get("ready") is False and pod not in awaited):
                continue
            for address in endpoint["addresses"][:1]:
                found[address, port] = Target(
                    address, port, endpoint.get("zone"), pod=pod, node=endpoint.get("nodeName")
                )
    return tuple(found[key] for key in sorted(found))


def port_name(wanted: ServiceTargets, service: Object | None) -> str | None:
    """The name of the Service's port as EndpointSlices have it; none if the Service has no such port for TCP."""
    port = port_of(service, wanted.port)
    return None if port is None else str(port.get("name") or "")


def fault_of(wanted: ServiceTargets, service: Object | None) -> str | None:
    """Why a Service gives no targets, if it can't."""
    if service is None:
        return f"Service {wanted.name} doesn't exist"
    if service["spec"].get("type") == "ExternalName":
        return (
            f"Service {wanted.name} is of type ExternalName, which has no endpoints to check and balance; use addresses"
        )
    if port_of(service, wanted.port) is None:
        return f"Service {wanted.name} has no port {wanted.port}; it has {ports_told(service)}"
    return None


def _pod(endpoint: Object) -> str | None:
    behind = endpoint.get("targetRef") or {}
    return str(behind["name"]) if behind.get("kind") == "Pod" and behind.get("name") else None


def _port(piece: Object, name: str | None) -> int | None:
    for port in piece.get("ports") or []:
        if name is not None and (port.get("name") or "") == name and port.get("port") and is_tcp(port):
            return int(port["port"])
    return None
