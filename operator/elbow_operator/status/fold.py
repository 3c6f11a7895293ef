"""The whole status of a load balancer."""

from collections.abc import Iterable
from typing import Any

from elbow_api.listener import Listener
from elbow_api.names import zone_name
from elbow_api.proxy_config import ZoneState
from elbow_api.proxy_report import TargetGroupReport
from elbow_api.target_group import TargetGroup
from elbow_api.target_health import SICK_FIRST, TargetHealth

from elbow_operator.plan.dns import HOSTNAME
from elbow_operator.status.capacity import capacity, provisioned
from elbow_operator.status.condition import Condition, merge
from elbow_operator.status.observed import Dns, Observed
from elbow_operator.status.reason import Reason
from elbow_operator.status.zone import addresses, zone_states

_MOST_TARGETS = 100

Status = dict[str, Any]


def fold(observed: Observed, before: Status, now: str) -> Status:
    """The status now; `before` keeps the times of conditions that didn't change. `now` is UTC, ISO 8601."""
    states = zone_states(observed)
    zones = [_zone(observed, zone, states[zone]) for zone in observed.zones]
    found = addresses(observed, states)
    wanted = observed.spec.listeners if observed.spec else []
    listeners = [_listener(observed, listener, before, now) for listener in wanted]
    groups = [_group(observed, group) for group in (observed.spec.target_groups if observed.spec else [])]
    active = [zone for zone, state in states.items() if state is ZoneState.ACTIVE]
    conditions = _conditions(observed, active, bool(found), listeners)
    if (told := provisioned(observed)) is not None:
        conditions.append(told)
    if observed.dns is not None:
        conditions.append(_published(observed.dns, bool(found)))
    able = sum(zone["state"] == "active" and zone["proxies"]["ready"] > 0 for zone in zones)
    usage = _usage(observed, before)
    return {
        **({"usage": usage} if usage else {}),
        "observedGeneration": observed.generation,
        "conditions": merge(before.get("conditions", []), conditions, observed.generation, now),
        "dnsName": observed.dns_name,
        "addresses": found,
        "zones": zones,
        "listeners": listeners,
        "targetGroups": groups,
        **({} if (reserved := capacity(observed, before, now)) is None else {"capacity": reserved}),
        "summary": {
            "address": found[0]["value"] if found else "",
            "zones": f"{able}/{len(zones)}",
            "targets": f"{sum(g['healthy'] for g in groups)}/{sum(g['healthy'] + g['unhealthy'] + g['initial'] for g in groups)}",
            "listeners": ",".join(f"{listener.protocol}:{listener.port}" for listener in wanted),
        },
    }


def _usage(observed: Observed, before: Status) -> Status | None:
    """What is billed, but for hours that merely pass: an idle load balancer's status isn't written each hour."""
    told = before.get("usage")
    if observed.usage is None or (told and {**observed.usage, "hours": told["hours"]} == told):
        return told
    return dict(observed.usage)


def _zone(observed: Observed, zone: str, state: ZoneState) -> Status:
    pods = [pod for pod in observed.pods if pod.zone == zone]
    converged = sum(_runs(observed, pod.report) for pod in pods)
    why = _WHY.get(state)
    if state is ZoneState.IMPAIRED and zone in observed.lost:
        why = Reason.NO_READY_NODES
    return {
        "name": zone_name(zone),
        "state": state.value,
        **({"reason": why.value} if why else {}),
        "proxies": {
            "desired": observed.desired.get(zone, 0),
            "ready": sum(pod.ready for pod in pods),
            "converged": converged,
        },
    }


_WHY = {ZoneState.IMPAIRED: Reason.TOO_FEW_HEALTHY_TARGETS, ZoneState.SHIFTED: Reason.ZONAL_SHIFT}


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
    work = "; ".join(filter(None, ["" if ready.true else ready.message, _replacing(observed)]))[:1000]
    working = accepted.true and bool(work)
    return [
        accepted,
        programmed,
        ready,
        Condition(
            "Reconciling",
            working,
            Reason.RECONCILING if working else Reason.RECONCILED,
            work if working else "",
        ),
        Condition(
            "Stalled",
            not accepted.true,
            Reason.STALLED if not accepted.true else Reason.NOT_STALLED,
            "" if accepted.true else accepted.message,
        ),
    ]


def _replacing(observed: Observed) -> str:
    """Which zones' proxies are still to be replaced, and what keeps them from it."""
    if not observed.replacing:
        return ""
    names = ", ".join(zone_name(zone) for zone in observed.replacing)
    whys = [f"zone {zone_name(zone)}: {why}" for zone in observed.replacing if (why := observed.obstacles.get(zone))]
    return "; ".join([f"proxies are replaced zone by zone; still to come: {names}", *whys])


def _programmed(observed: Observed, active: list[str], accepted: Condition) -> Condition:
    """Every zone that is to get clients has a ready proxy, and each of those runs this generation."""
    if not accepted.true:
        return Condition("Programmed", False, accepted.reason, accepted.message)
    if observed.refused:
        return Condition("Programmed", False, Reason.OBJECT_REFUSED, "; ".join(observed.refused)[:1000])
    for zone in active:
        ready = [pod for pod in observed.pods if pod.zone == zone and pod.ready]
        if not ready:
            return Condition("Programmed", False, Reason.PROXIES_PENDING, _no_proxy(observed, zone))
        if behind := [pod.name for pod in ready if not _runs(observed, pod.report)]:
            return Condition(
                "Programmed",
                False,
                Reason.PROXIES_PENDING,
                f"{', '.join(behind[:5])}: not yet at generation {observed.running}",
            )
    return Condition("Programmed", True, Reason.PROGRAMMED)


def _no_proxy(observed: Observed, zone: str) -> str:
    why = observed.obstacles.get(zone)
    return f"zone {zone_name(zone)} has no ready proxy" + (f": {why}"[:500] if why else "")


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


def _published(dns: Dns, has_address: bool) -> Condition:
    if dns.fault is not None:
        return Condition("DnsPublished", False, *dns.fault)
    if not dns.names:
        text = f"it has no name: annotate it with {HOSTNAME}, or install the chart with externalDns.domain"
        return Condition("DnsPublished", False, Reason.HOSTNAME_MISSING, text)
    if not has_address:
        return Condition("DnsPublished", False, Reason.ADDRESS_PENDING, "the zones' Services have no address yet")
    return Condition("DnsPublished", True, Reason.DNS_PUBLISHED)


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
    ordered = sorted(targets, key=lambda t: (SICK_FIRST.index(t["state"]), t["address"], t["port"], t.get("zone", "")))
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
            if key not in worst or SICK_FIRST.index(target.state) < SICK_FIRST.index(worst[key].state):
                worst[key] = target
    return [
        target.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"weight", "drained"})
        for target in worst.values()
    ]
