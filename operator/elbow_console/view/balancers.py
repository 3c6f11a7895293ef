"""The list of load balancers."""

from elbow_kube.object import Object

from elbow_console.view.snapshot import Snapshot
from elbow_console.view.state import state_of

COUNTED = ("healthy", "unhealthy", "initial", "draining", "unused")


def balancers(snapshot: Snapshot) -> list[Object]:
    """A line for each, by namespace and name."""
    return [line(found) for _, found in sorted(snapshot.load_balancers.items())]


def line(load_balancer: Object) -> Object:
    """What the list shows of one."""
    metadata, spec, status = load_balancer["metadata"], load_balancer["spec"], load_balancer.get("status") or {}
    zones = status.get("zones") or []
    return {
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "created": metadata.get("creationTimestamp", ""),
        "state": state_of(load_balancer).plain(),
        "scheme": spec.get("scheme", "internet-facing"),
        "dnsName": status.get("dnsName", ""),
        "addresses": [address["value"] for address in status.get("addresses") or []],
        "listeners": [
            {"protocol": listener.get("protocol", ""), "port": listener.get("port", 0)}
            for listener in spec.get("listeners") or []
        ],
        "zones": [
            {"name": zone["name"], "state": zone["state"], "ready": zone.get("proxies", {}).get("ready") or 0}
            for zone in zones
        ],
        "targets": counts(status),
    }


def counts(status: Object) -> Object:
    """Targets by state, over all target groups."""
    groups = status.get("targetGroups") or []
    return {state: sum(group.get(state) or 0 for group in groups) for state in COUNTED}
