"""The ports of a Service (Kubernetes: ServicePort)."""

from elbow_kube.object import Object


def port_of(service: Object | None, wanted: int | str) -> Object | None:
    """The port with this number or name; only TCP is balanced, so none of another protocol."""
    return next((port for port in _ports(service) if wanted in (port["port"], port.get("name")) and is_tcp(port)), None)


def ports_told(service: Object | None) -> str:
    """All its ports for a message, those of another protocol too: 80 (web), 53/UDP."""
    return ", ".join(map(_told, _ports(service))) or "none"


def is_tcp(port: Object) -> bool:
    """Whether a port, of a Service or of an EndpointSlice, is for TCP, which it is if it says nothing."""
    return bool(port.get("protocol", "TCP") == "TCP")


def _ports(service: Object | None) -> list[Object]:
    return (service or {}).get("spec", {}).get("ports") or []


def _told(port: Object) -> str:
    number = str(port["port"]) if is_tcp(port) else f"{port['port']}/{port['protocol']}"
    return f"{number} ({port['name']})" if port.get("name") else number
