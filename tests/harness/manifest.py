"""Manifests: a LoadBalancer as plain data, with health checks quick enough for a test."""

from collections.abc import Iterable
from typing import Any, Protocol

Manifest = dict[str, Any]
Fields = dict[str, Any]

CHECK: Fields = {"interval": "1s", "timeout": "500ms", "healthyThreshold": 2, "unhealthyThreshold": 2}
"""A health check that finds out soon."""


class Addressed(Protocol):
    """Anything a manifest can name as a target."""

    def address(self, **fields: Any) -> Fields:
        """Its ip, port, and what else belongs to it."""


def load_balancer(listeners: list[Fields], groups: list[Fields], *, name: str = "web", **spec: Any) -> Manifest:
    """The whole resource; spec takes crossZone, zones and so on."""
    return {
        "apiVersion": "elbow.dev/v1alpha1",
        "kind": "LoadBalancer",
        "metadata": {"name": name},
        "spec": {"listeners": listeners, "targetGroups": groups, **spec},
    }


def listener(
    port: int, protocol: str = "HTTP", *, name: str | None = None, group: str = "web", **fields: Any
) -> Fields:
    """A listener; its name is its protocol's unless given."""
    return {"name": name or protocol.lower(), "port": port, "protocol": protocol, "targetGroup": group, **fields}


def tls(*bundles: Any, **fields: Any) -> Fields:
    """A listener's `tls` over certificate files."""
    return {"certificates": [{"file": str(bundle)} for bundle in bundles], **fields}


def group(
    targets: Iterable[Addressed | Fields],
    protocol: str = "HTTP",
    *,
    name: str = "web",
    check: Fields | None = None,
    **fields: Any,
) -> Fields:
    """A target group over targets; `check` changes the quick health check, None in it removes a field."""
    wanted = CHECK | ({"path": "/healthz"} if protocol in ("HTTP", "HTTPS") else {}) | (check or {})
    return {
        "name": name,
        "protocol": protocol,
        "targets": {"addresses": [t if isinstance(t, dict) else t.address() for t in targets]},
        "healthCheck": {key: value for key, value in wanted.items() if value is not None},
        **fields,
    }


def http(port: int, targets: Iterable[Addressed | Fields], *, listens: Fields | None = None, **fields: Any) -> Manifest:
    """One HTTP listener over one group; fields are the group's, `listens` the listener's."""
    return load_balancer([listener(port, **(listens or {}))], [group(targets, **fields)])


def tcp(port: int, targets: Iterable[Addressed | Fields], *, listens: Fields | None = None, **fields: Any) -> Manifest:
    """One TCP listener over one group; fields are the group's, `listens` the listener's."""
    return load_balancer([listener(port, "TCP", **(listens or {}))], [group(targets, "TCP", **fields)])
