"""A load balancer's state in ELB's words (ELB: LoadBalancerState), and why."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from elbow_kube.object import Object, conditions


class Code(StrEnum):
    """ELB's codes of a load balancer's state."""

    ACTIVE = "active"
    PROVISIONING = "provisioning"
    ACTIVE_IMPAIRED = "active_impaired"
    FAILED = "failed"
    DELETING = "deleting"


@dataclass(frozen=True)
class State:
    """A code, a reason of the conditions, and a sentence."""

    code: Code
    reason: str = ""
    message: str = ""

    def plain(self) -> Object:
        """As JSON has it."""
        return asdict(self)


def state_of(load_balancer: Object) -> State:
    """The state now.

    active_impaired serves, but not everywhere or not everything; failed waits for its user.
    """
    if load_balancer["metadata"].get("deletionTimestamp"):
        return State(Code.DELETING, "", "It is being deleted")
    status, found = load_balancer.get("status") or {}, conditions(load_balancer)
    if not found:
        return State(Code.PROVISIONING, "Pending", "The operator has not seen it yet")
    accepted, ready = found.get("Accepted", {}), found.get("Ready", {})
    if accepted.get("status") == "False":
        return State(Code.FAILED, _reason(accepted), _message(accepted))
    zones = status.get("zones") or []
    serves = bool(status.get("addresses")) and any(zone["proxies"].get("ready") for zone in zones)
    if ready.get("status") != "True":
        return State(Code.ACTIVE_IMPAIRED if serves else Code.PROVISIONING, _reason(ready), _message(ready))
    return _impairment(zones) or State(Code.ACTIVE)


def _impairment(zones: list[Object]) -> State | None:
    for zone in zones:
        if zone["state"] == "impaired":
            return State(Code.ACTIVE_IMPAIRED, zone.get("reason", ""), f"zone {zone['name']} is impaired")
        if zone["state"] == "active" and not zone["proxies"].get("ready"):
            return State(Code.ACTIVE_IMPAIRED, "NoReadyProxy", f"zone {zone['name']} has no ready proxy")
    return None


def _reason(condition: Mapping[str, str]) -> str:
    return condition.get("reason") or "Pending"


def _message(condition: Mapping[str, str]) -> str:
    return condition.get("message") or ""
