"""One load balancer: its picture of zones, proxies and targets, and all its status says."""

from elbow_api.names import zone_name
from elbow_kube.object import Object

from elbow_console.view.balancers import COUNTED, line
from elbow_console.view.proxy import proxy
from elbow_console.view.snapshot import Key, Snapshot


def balancer(snapshot: Snapshot, wanted: Key) -> Object | None:
    """Everything the page of one shows; None if there is no such load balancer."""
    found = snapshot.load_balancers.get(wanted)
    if found is None:
        return None
    spec, status = found["spec"], found.get("status") or {}
    metadata = found["metadata"]
    proxies = [proxy(pod) for pod in snapshot.proxies(wanted)]
    groups = [_group(group, status) for group in spec.get("targetGroups") or []]
    return {
        **line(found),
        "generation": metadata.get("generation", 0),
        "observedGeneration": status.get("observedGeneration", 0),
        "crossZone": spec.get("crossZone", "enabled"),
        "deletionProtection": spec.get("deletionProtection", False),
        "zonalShift": spec.get("zonalShift"),
        "conditions": status.get("conditions") or [],
        "addresses": status.get("addresses") or [],
        "listeners": [_listener(listener, status) for listener in spec.get("listeners") or []],
        "groups": [{key: group[key] for key in group if key != "targets"} for group in groups],
        "zones": _zones(status, proxies, groups),
    }


def _listener(listener: Object, status: Object) -> Object:
    told: Object = next((one for one in status.get("listeners") or [] if one["name"] == listener.get("name")), {})
    resolved: Object = next((one for one in told.get("conditions") or [] if one["type"] == "ResolvedRefs"), {})
    return {
        "name": listener.get("name", ""),
        "protocol": listener.get("protocol", ""),
        "port": listener.get("port", 0),
        "targetGroup": listener.get("targetGroup", ""),
        "fault": resolved.get("message", "") if resolved.get("status") == "False" else "",
        "reason": resolved.get("reason", "") if resolved.get("status") == "False" else "",
    }


def _group(group: Object, status: Object) -> Object:
    told: Object = next((one for one in status.get("targetGroups") or [] if one["name"] == group.get("name")), {})
    counted = {state: told.get(state) or 0 for state in COUNTED}
    targets = told.get("targets") or []
    check, sticky = group.get("healthCheck") or {}, group.get("stickiness") or {}
    return {
        "name": group.get("name", ""),
        "protocol": group.get("protocol", ""),
        "source": _source(group.get("targets") or {}),
        "healthCheck": _check(check, group),
        "stickiness": sticky.get("type", ""),
        "algorithm": group.get("algorithm", "round_robin"),
        "deregistrationDelay": group.get("deregistrationDelay", "300s"),
        "counts": counted,
        "more": max(0, sum(counted.values()) - len(targets)),
        "targets": targets,
    }


def _source(targets: Object) -> str:
    if service := targets.get("service"):
        return f"Service {service.get('name')}:{service.get('port')}"
    if nodes := targets.get("nodes"):
        return f"nodes, port {nodes.get('port')}"
    return f"{len(targets.get('addresses') or [])} addresses"


def _check(check: Object, group: Object) -> str:
    if check.get("enabled") is False:
        return "off"
    protocol = check.get("protocol") or group.get("protocol", "")
    path = f" {check.get('path', '/')}" if protocol in ("HTTP", "HTTPS") else ""
    return f"{protocol}{path} every {check.get('interval', '30s')}"


def _zones(status: Object, proxies: list[Object], groups: list[Object]) -> list[Object]:
    """The zones of the status, and those in which a proxy or a target was found besides."""
    told = {zone["name"]: zone for zone in status.get("zones") or []}
    targets = [{**target, "group": group["name"]} for group in groups for target in group["targets"]]
    names = [*told, *sorted({_zone(one) for one in [*proxies, *targets]} - told.keys())]
    return [
        {
            "name": name,
            "state": told.get(name, {}).get("state", "unused"),
            "reason": told.get(name, {}).get("reason", ""),
            "wanted": told.get(name, {}).get("proxies", {}).get("desired", 0),
            "addresses": [one["value"] for one in status.get("addresses") or [] if one.get("zone") == name],
            "proxies": [one for one in proxies if _zone(one) == name],
            "targets": [target for target in targets if _zone(target) == name],
        }
        for name in names
    ]


def _zone(found: Object) -> str:
    return zone_name(found.get("zone") or "")
