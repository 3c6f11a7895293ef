"""The whole status of a load balancer."""

from collections.abc import Iterable
from typing import Any

from elbow_api.listener import Listener
from elbow_api.proxy_config import ZoneState
from elbow_api.proxy_report import TargetGroupReport
from elbow_api.target_group import TargetGroup
from elbow_api.target_health import TargetHealth

from elbow_operator.status.condition import Condition, merge
from elbow_operator.status.observed import Observed
from elbow_operator.status.reason import Reason
from elbow_operator.status.zone import zone_states

_MOST_TARGETS = 100
_ORDER = ("unhealthy", "unhealthy.draining", "initial", "draining", "unavailable", "healthy", "unused")

Status = dict[str, Any]


def fold(observed: Observed, before: Status, now: str) -> Status:
    """The status now; `before` keeps the times of conditions that didn't change. `now` is UTC, ISO 8601."""
    states = zone_states(observed)
    zones = [_zone(observed, zone, states[zone]) for zone in observed.zones]
    addresses = [
        {"zone": s.zone or "none", "type": kind, "value": value}
        for s in observed.services
        if states.get(s.zone) is ZoneState.ACTIVE
        for kind, value in s.addresses
    ]
    groups = [_group(observed, group) for group in (observed.spec.target_groups if observed.spec else [])]
    listeners = [
        _listener(observed, listener, before, now) for listener in (observed.spec.listeners if observed.spec else [])
    ]
    active = [zone for zone, state in states.items() if state is ZoneState.ACTIVE]
    conditions = _conditions(observed, active, bool(addresses), listeners)
    able = sum(zone["state"] == "active" and zone["proxies"]["ready"] > 0 for zone in zones)
    return {
        "observedGeneration": observed.generation,
        "conditions": merge(before.get("conditions", []), conditions, observed.generation, now),
        "dnsName": observed.dns_name,
        "addresses": addresses,
        "zones": zones,
        "listeners": listeners,
        "targetGroups": groups,
        "summary": {
            "address": addresses[0]["value"] if addresses else "",
            "zones": f"{able}/{len(zones)}",
            "targets": f"{sum(g['healthy'] for g in groups)}/{sum(g['healthy'] + g['unhealthy'] + g['initial'] for g in groups)}",
            "listeners": ",".join(
                f"{li.protocol}:{li.port}" for li in (observed.spec.listeners if observed.spec else [])
            ),
        },
    }


def _zone(observed: Observed, zone: str, state: ZoneState) -> Status:
    pods = [pod for pod in observed.pods if pod.zone == zone]
    converged = sum(_runs(observed, pod.report) for pod in pods)
    why = {ZoneState.ACTIVE: "", ZoneState.IMPAIRED: "TooFewHealthyTargets", ZoneState.SHIFTED: "ZonalShift"}[state]
    if state is ZoneState.IMPAIRED and zone in observed.lost:
        why = "NoReadyNodes"
    return {
        "name": zone or "none",
        "state": state.value,
        **({"reason": why} if why else {}),
        "proxies": {
            "desired": observed.desired.get(zone, 0),
            "ready": sum(pod.ready for pod in pods),
            "converged": converged,
        },
    }


def _runs(observed: Observed, report: Any) -> bool:
    return report is not None and report.converged and report.generation == observed.running


def _conditions(observed: Observed, active: list[str], has_address: bool, listeners: list[Status]) -> list[Condition]:
    if observed.faults:
        text = "; ".join(map(str, observed.faults))[:1000]
        accepted = Condition("Accepted", False, Reason.INVALID, text)
    elif not observed.zones:
        accepted = Condition("Accepted", False, Reason.NO_ZONES, "no zone has a ready node")
    else:
        accepted = Condition("Accepted", True, Reason.ACCEPTED)
    programmed = _programmed(observed, active, accepted)
    ready = _ready(programmed, has_address, listeners)
    working = accepted.true and not ready.true
    return [
        accepted,
        programmed,
        ready,
        Condition(
            "Reconciling",
            working,
            Reason.RECONCILING if working else Reason.RECONCILED,
            ready.message if working else "",
        ),
        Condition(
            "Stalled",
            not accepted.true,
            Reason.STALLED if not accepted.true else Reason.NOT_STALLED,
            "" if accepted.true else accepted.message,
        ),
    ]


def _programmed(observed: Observed, active: list[str], accepted: Condition) -> Condition:
    """Every zone that is to get clients has a ready proxy, and each of those runs this generation."""
    if not accepted.true:
        return Condition("Programmed", False, accepted.reason, accepted.message)
    for zone in active:
        ready = [pod for pod in observed.pods if pod.zone == zone and pod.ready]
        if not ready:
            return Condition("Programmed", False, Reason.PROXIES_PENDING, f"zone {zone or 'none'} has no ready proxy")
        if behind := [pod.name for pod in ready if not _runs(observed, pod.report)]:
            return Condition(
                "Programmed",
                False,
                Reason.PROXIES_PENDING,
                f"{', '.join(behind[:5])}: not yet at generation {observed.running}",
            )
    return Condition("Programmed", True, Reason.PROGRAMMED)


def _ready(programmed: Condition, has_address: bool, listeners: list[Status]) -> Condition:
    if not programmed.true:
        return Condition("Ready", False, programmed.reason, programmed.message)
    if not has_address:
        return Condition("Ready", False, Reason.ADDRESS_PENDING, "the zones' Services have no address yet")
    for listener in listeners:
        for condition in listener["conditions"]:
            if condition["status"] != "True":
                return Condition(
                    "Ready", False, Reason.LISTENER_NOT_READY, f"listener {listener['name']}: {condition['message']}"
                )
    return Condition("Ready", True, Reason.READY)


def _listener(observed: Observed, listener: Listener, before: Status, now: str) -> Status:
    old: Status = next((found for found in before.get("listeners", []) if found["name"] == listener.name), {})
    return {
        "name": listener.name,
        "port": listener.port,
        "attachedTargetGroup": listener.target_group,
        "conditions": merge(old.get("conditions", []), [_resolved(observed, listener)], observed.generation, now),
    }


def _resolved(observed: Observed, listener: Listener) -> Condition:
    """Whether what a listener names is there, as its proxies tell."""
    told = sorted({fault for pod in observed.pods if pod.report for fault in pod.report.faults})
    for subject, reason in (
        (f"listener {listener.name}: ", Reason.CERTIFICATE_MISSING),
        (f"target group {listener.target_group}: ", Reason.TARGETS_MISSING),
    ):
        for fault in told:
            if fault.startswith(subject):
                return Condition("ResolvedRefs", False, reason, fault.removeprefix(subject))
    return Condition("ResolvedRefs", True, Reason.RESOLVED)


def _group(observed: Observed, group: TargetGroup) -> Status:
    views = [
        (pod.zone, found)
        for pod in observed.pods
        if pod.report
        for found in pod.report.target_groups
        if found.name == group.name
    ]
    targets = _targets(views)
    counts = {state: sum(t["state"] in states for t in targets) for state, states in _COUNTED.items()}
    ordered = sorted(targets, key=lambda t: (_ORDER.index(t["state"]), t["address"], t["port"], t.get("zone", "")))
    return {"name": group.name, **counts, "targets": ordered[:_MOST_TARGETS]}


_COUNTED = {
    "healthy": ("healthy", "unavailable"),
    "unhealthy": ("unhealthy", "unhealthy.draining"),
    "initial": ("initial",),
    "draining": ("draining",),
    "unused": ("unused",),
}


def _targets(views: Iterable[tuple[str, TargetGroupReport]]) -> list[Status]:
    """One line a target; the worst view of all proxies counts, for a target that one proxy can't reach is not well."""
    worst: dict[tuple[str, int], TargetHealth] = {}
    for _, view in views:
        for target in view.targets:
            key = (target.address, target.port)
            if key not in worst or _ORDER.index(target.state) < _ORDER.index(worst[key].state):
                worst[key] = target
    return [
        target.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"weight"})
        for target in worst.values()
    ]
