"""Whether capacity that is set aside is there, and what is missing where it isn't (ELB section 7.3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from elbow_api.capacity import LEAD
from elbow_api.names import zone_name
from elbow_api.proxy import MOST_REPLICAS
from elbow_api.proxy_config import ZoneState

from elbow_operator.plan.capacity import Phase, Plan, Reserved
from elbow_operator.status.condition import Condition
from elbow_operator.status.observed import Observed
from elbow_operator.status.reason import Reason
from elbow_operator.status.zone import zone_states

Status = dict[str, Any]
_SCALED = ("Deployment ", "HorizontalPodAutoscaler ")
_LONGEST = 500


class State(StrEnum):
    """As ELB has them, and one for what is over."""

    PENDING = "pending"
    """Not there yet: it isn't time, or proxies are starting."""
    PROVISIONED = "provisioned"
    FAILED = "failed"
    """Something must change first."""
    ENDED = "ended"


@dataclass(frozen=True)
class Finding:
    """The state of one, and what is to be said of it."""

    state: State
    message: str = ""


def findings(observed: Observed) -> list[tuple[Reserved, Finding]]:
    """The state of each; none without spec.capacity."""
    plan = observed.capacity
    return [] if plan is None else [(reserved, state(observed, plan, reserved)) for reserved in plan.reserved]


def capacity(observed: Observed, before: Status, now: str) -> Status | None:
    """status.capacity; `before` keeps the times of states that didn't change. None without spec.capacity."""
    if observed.capacity is None or observed.spec is None or observed.spec.capacity is None:
        return None
    old: Status = before.get("capacity") or {}
    were = {one["name"]: one for one in old.get("reservations") or []}
    found: Status = {"proxiesPerZone": observed.capacity.proxies, "reservations": []}
    for reserved, finding in findings(observed):
        if reserved.name is None:
            told = _told(reserved, finding, old.get("minimumUnits"), now)
            found["minimumUnits"] = {"units": observed.spec.capacity.minimum_units, **told}
        else:
            told = _told(reserved, finding, were.get(reserved.name), now)
            found["reservations"].append({"name": reserved.name, **told})
    return found


def _told(reserved: Reserved, finding: Finding, old: Status | None, now: str) -> Status:
    since = old["since"] if old and old.get("state") == finding.state else now
    return {
        "state": finding.state.value,
        **({"message": finding.message} if finding.message else {}),
        "since": since,
        "proxiesPerZone": reserved.proxies,
    }


def provisioned(observed: Observed) -> Condition | None:
    """The condition over all that is to be there now, and what can't be; none while nothing is."""
    found = findings(observed)
    for sought, reason in ((State.FAILED, Reason.CAPACITY_MISSING), (State.PENDING, Reason.CAPACITY_PENDING)):
        told = [
            f"{reserved.name or 'minimumUnits'}: {finding.message}"
            for reserved, finding in found
            if finding.state is sought and (sought is State.FAILED or reserved.phase is Phase.IN_FORCE)
        ]
        if told:
            return Condition("CapacityProvisioned", False, reason, "; ".join(told)[:1000])
    if any(finding.state is State.PROVISIONED for _, finding in found):
        return Condition("CapacityProvisioned", True, Reason.CAPACITY_PROVISIONED)
    return None


def state(observed: Observed, plan: Plan, reserved: Reserved) -> Finding:
    """Where a reservation stands, by the clock and by the proxies that are ready."""
    if reserved.phase is Phase.ENDED:
        return Finding(State.ENDED)
    if reserved.phase is Phase.AHEAD:
        if why := _beyond(plan, reserved):
            return Finding(State.FAILED, why)
        return Finding(State.PENDING, f"its proxies are started {LEAD.total_seconds() / 60:.0f} minutes ahead")
    short = {zone: ready for zone in observed.zones if (ready := _ready(observed, zone)) < reserved.needed}
    if not short and observed.zones:
        return Finding(State.PROVISIONED)
    if why := "; ".join(_missing(observed, plan, reserved, short)):
        return Finding(State.FAILED, why[:_LONGEST])
    return Finding(State.PENDING, "; ".join(_count(zone, ready, reserved) for zone, ready in short.items()))


def _ready(observed: Observed, zone: str) -> int:
    """Proxies that can serve: the ready ones; where the zone itself gets no clients, which makes them all unready, those that run."""
    away = zone_states(observed)[zone] is not ZoneState.ACTIVE
    return sum(
        pod.ready or (away and pod.report is not None and pod.report.converged)
        for pod in observed.pods
        if pod.zone == zone
    )


def _count(zone: str, ready: int, reserved: Reserved) -> str:
    return f"zone {zone_name(zone)}: {ready} of {reserved.needed} proxies are ready"


def _missing(observed: Observed, plan: Plan, reserved: Reserved, short: dict[str, int]) -> Iterator[str]:
    if why := _beyond(plan, reserved):
        yield why
        return
    if not observed.zones:
        yield "no zone has a ready node"
    yield from (text for text in observed.refused if text.startswith(_SCALED))
    for zone, ready in short.items():
        if zone in observed.lost:
            yield f"zone {zone_name(zone)} has no ready node"
        elif (ports := observed.ports.get(zone)) is not None and ports < reserved.needed:
            count = f"zone {zone_name(zone)}: {reserved.needed} proxies are needed"
            yield f"{count}, and {ports} nodes are ready: with host ports each runs one"
        elif obstacle := observed.obstacles.get(zone):
            yield f"{_count(zone, ready, reserved)}: {obstacle}"


def _beyond(plan: Plan, reserved: Reserved) -> str:
    if reserved.needed <= plan.most:
        return ""
    cure = "give each proxy more CPU and memory" + (
        ", or raise spec.proxy.maxReplicas" if plan.most < MOST_REPLICAS else ""
    )
    return f"{reserved.needed} proxies are needed in each zone and at most {plan.most} allowed; {cure}"
