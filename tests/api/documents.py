"""Resources to try: the least one, changed."""

from typing import Any

from elbow_api.fault import Refused
from elbow_api.load_balancer import parse

Fields = dict[str, Any]
TLS = {"certificates": [{"file": "web.pem"}]}


def document(listener: Fields | None = None, group: Fields | None = None, **spec: Any) -> Fields:
    """The least resource, with fields of its listener, its target group and its spec changed; `...` removes one."""
    return {
        "apiVersion": "elbow.dev/v1alpha1",
        "kind": "LoadBalancer",
        "metadata": {"name": "web"},
        "spec": changed(
            {
                "listeners": [
                    changed({"name": "http", "port": 80, "protocol": "HTTP", "targetGroup": "web"}, listener or {})
                ],
                "targetGroups": [
                    changed({"name": "web", "protocol": "HTTP", "targets": {"addresses": []}}, group or {})
                ],
            },
            spec,
        ),
    }


def changed(fields: Fields, changes: Fields) -> Fields:
    """Fields with others in place of them; `...` removes one."""
    return {key: value for key, value in (fields | changes).items() if value is not ...}


def https(listener: Fields | None = None, group: Fields | None = None) -> Fields:
    """An HTTPS listener over the group."""
    return document({"protocol": "HTTPS", "port": 443, "tls": TLS} | (listener or {}), group)


def tcp(listener: Fields | None = None, group: Fields | None = None, **spec: Any) -> Fields:
    """A TCP listener over a TCP group."""
    return document({"protocol": "TCP"} | (listener or {}), {"protocol": "TCP"} | (group or {}), **spec)


def check(**fields: Any) -> Fields:
    """A group with that health check."""
    return document(group={"healthCheck": fields})


def sticky(**fields: Any) -> Fields:
    """A group with that stickiness."""
    return document(group={"stickiness": fields})


def targets(*addresses: Fields, **spec: Any) -> Fields:
    """A group with those targets."""
    return document(group={"targets": {"addresses": list(addresses)}}, **spec)


def refusals(resource: Fields) -> dict[str, str]:
    """What is said to each field; nothing for a resource that is taken."""
    try:
        parse(resource)
    except Refused as refused:
        return {fault.field: fault.message for fault in refused.faults}
    return {}


LAUNCH: Fields = {
    "name": "launch",
    "start": "2030-01-31T18:00:00Z",
    "end": "2030-01-31T20:00:00Z",
    "requestsPerSecond": 10_000,
}


def reserved(**fields: Any) -> Fields:
    """A reservation, changed."""
    return document(capacity={"reservations": [changed(LAUNCH, fields)]})


L, G = "spec.listeners[0]", "spec.targetGroups[0]"
R = "spec.capacity.reservations[0]"
ONE: Fields = {"ip": "10.0.0.1", "port": 80}
NAMED = [{"name": f"l{i}", "port": i + 1, "protocol": "HTTP", "targetGroup": "web"} for i in range(51)]
GROUPS = [{"name": f"g{i}", "protocol": "HTTP", "targets": {"addresses": []}} for i in range(51)]
