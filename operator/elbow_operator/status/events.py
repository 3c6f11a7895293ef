"""What is worth telling of a change of status: nothing while nothing changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from elbow_operator.status.reason import Reason

Status = dict[str, Any]

_ZONE = {
    "active": (False, Reason.ZONE_ACTIVE, "gets clients"),
    "impaired": (True, Reason.ZONE_IMPAIRED, "gets no clients"),
    "shifted": (False, Reason.ZONE_SHIFTED, "gets no clients until the zonal shift ends"),
}


@dataclass(frozen=True)
class Event:
    """Something that happened to a load balancer."""

    warning: bool
    reason: Reason
    note: str


def events(before: Status, after: Status) -> list[Event]:
    """What happened between two statuses, the first of which is empty for a new load balancer."""
    return [
        *_conditions(before, after),
        *_zones(before, after),
        *_addresses(before, after),
        *_listeners(before, after),
        *_target_groups(before, after),
        *_capacity(before.get("capacity") or {}, after.get("capacity") or {}),
    ]


def _conditions(before: Status, after: Status) -> Iterator[Event]:
    """Accepted or not, objects the API server refuses, each generation that runs, and serving at last."""
    old, new = _by(before.get("conditions"), "type"), _by(after["conditions"], "type")
    for kind, well in _WELL.items():
        was, now = old.get(kind, {}), new.get(kind)
        if now is None:
            continue
        turned = was.get("status") != now["status"]
        other = turned or (was["reason"], was["message"]) != (now["reason"], now["message"])
        told = kind in ("Accepted", "DnsPublished") or now["reason"] == Reason.OBJECT_REFUSED
        if now["status"] == "False" and other and told and kind != "Ready":
            yield Event(True, Reason(now["reason"]), now["message"])
        elif now["status"] == "True" and (turned or (kind == "Programmed" and _generation(was) != _generation(now))):
            yield Event(False, Reason(now["reason"]), well.format(generation=_generation(now)))


_WELL = {
    "Accepted": "the spec can be accepted",
    "Programmed": "every ready proxy runs generation {generation}",
    "Ready": "every listener can serve",
    "DnsPublished": "its names and addresses are in a DNSEndpoint",
}


def _generation(condition: Status) -> Any:
    return condition.get("observedGeneration")


def _zones(before: Status, after: Status) -> Iterator[Event]:
    old, new = _by(before.get("zones"), "name"), _by(after["zones"], "name")
    for name, zone in new.items():
        was = old.get(name, {}).get("state", "active")
        if old and name not in old:
            yield Event(False, Reason.ZONE_ADDED, f"zone {name} has come")
        if zone["state"] != was:
            warning, reason, what = _ZONE[zone["state"]]
            why = f": {zone['reason']}" if "reason" in zone else ""
            yield Event(warning, reason, f"zone {name} {what}{why}")
    for name in old.keys() - new.keys():
        yield Event(False, Reason.ZONE_REMOVED, f"zone {name} has gone")


def _addresses(before: Status, after: Status) -> Iterator[Event]:
    """Addresses of zones that come back are told with the zones."""
    away = {zone["name"] for zone in before.get("zones", []) if zone["state"] != "active"}
    had = {(a["zone"], a["value"]) for a in before.get("addresses", [])}
    new = [a for a in after["addresses"] if (a["zone"], a["value"]) not in had and a["zone"] not in away]
    if new:
        listed = ", ".join(f"{a['value']} ({a['zone']})" for a in new[:10])
        yield Event(False, Reason.ADDRESS_ASSIGNED, f"clients reach it at {listed}")
    if had and not after["addresses"]:
        yield Event(True, Reason.ADDRESS_PENDING, "no zone has an address any more")


def _listeners(before: Status, after: Status) -> Iterator[Event]:
    old = {name: _resolved(listener) for name, listener in _by(before.get("listeners"), "name").items()}
    for name, listener in _by(after["listeners"], "name").items():
        was, now = old.get(name), _resolved(listener)
        if now["status"] == "False" and (was is None or was["message"] != now["message"]):
            yield Event(True, Reason(now["reason"]), f"listener {name}: {now['message']}")
        elif now["status"] == "True" and was is not None and was["status"] == "False":
            yield Event(False, Reason(now["reason"]), f"listener {name}: what was missing is there")


def _resolved(listener: Status) -> Status:
    found: Status = next(c for c in listener["conditions"] if c["type"] == "ResolvedRefs")
    return found


def _target_groups(before: Status, after: Status) -> Iterator[Event]:
    old = _by(before.get("targetGroups"), "name")
    for name, group in _by(after["targetGroups"], "name").items():
        was = old.get(name, _NOTHING)
        if _is_sick(group) and not _is_sick(was):
            note = f"target group {name}: none of its {group['unhealthy']} targets is healthy"
            yield Event(True, Reason.NO_HEALTHY_TARGETS, note)
        elif group["healthy"] and _is_sick(was):
            yield Event(False, Reason.HEALTHY_TARGETS, f"target group {name} has healthy targets again")


_CAPACITY = {
    "provisioned": (False, Reason.CAPACITY_PROVISIONED),
    "failed": (True, Reason.CAPACITY_MISSING),
    "ended": (False, Reason.CAPACITY_ENDED),
}


def _capacity(before: Status, after: Status) -> Iterator[Event]:
    """Reservations that are there, can't be, or are over; one that was over when it was written isn't told."""
    old = _by(before.get("reservations"), "name") | {"": before.get("minimumUnits") or {}}
    new = _by(after.get("reservations"), "name") | {"": after.get("minimumUnits") or {}}
    for name, now in new.items():
        was = old.get(name, {}).get("state")
        if now.get("state") in _CAPACITY and now["state"] != was and (was or now["state"] != "ended"):
            warning, reason = _CAPACITY[now["state"]]
            what = f"reservation {name}" if name else "the minimum of capacity units"
            yield Event(warning, reason, f"{what}: {now.get('message') or _CAPACITY_WORDS[now['state']]}")


_CAPACITY_WORDS = {"provisioned": "every zone has its proxies", "ended": "it is over", "failed": "it can't be had"}
_NOTHING: Status = {"healthy": 0, "unhealthy": 0, "initial": 0}


def _is_sick(group: Status) -> bool:
    """Targets there are, each was checked, and none is healthy."""
    return bool(group["unhealthy"] and not group["healthy"] and not group["initial"])


def _by(items: Any, key: str) -> dict[str, Status]:
    return {item[key]: item for item in items or []}
