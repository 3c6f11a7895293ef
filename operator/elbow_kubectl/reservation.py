"""A reservation of capacity: made from what ELB's pre-warming form asks, and what it will mean (ELB section 7.2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click
from elbow_api.timestamp import timestamp
from elbow_kube.object import Object

if TYPE_CHECKING:
    from elbow_api.load_balancer import LoadBalancer

_MOST = 32
"""Reservations a load balancer can have."""


@dataclass(frozen=True)
class Meaning:
    """What a reservation makes of a load balancer."""

    proxies: int
    """In each zone, for this reservation alone."""
    zones: int
    replicas: int
    """In each zone, without it."""
    most: int
    """In each zone at most."""
    begins: str
    """When its proxies are started."""


def moment(text: str, base: datetime, parameter: click.Parameter | None = None) -> datetime:
    """A time: `now`, `+2h` after a base, or 2026-01-31T18:00:00Z; to the second."""
    from elbow_api.duration import Duration

    try:
        if text == "now":
            return base.replace(microsecond=0)
        if text.startswith("+"):
            span = Duration.parse(text[1:]).milliseconds
            return (base + timedelta(milliseconds=span)).replace(microsecond=0)
        found = datetime.fromisoformat(text).replace(microsecond=0)
        if found.tzinfo is None:
            raise click.BadParameter(f"{text!r} has no time zone; end it with Z or +01:00", param=parameter)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{text!r} is no time; write now, +2h, or 2026-01-31T18:00:00Z", param=parameter
        ) from None


def note(text: str, answers: Iterable[str]) -> str:
    """What people wrote, and the answers of the form that change no size."""
    return "; ".join(filter(None, (text, *answers)))


def with_reservation(spec: Object, new: Object, now: datetime) -> Object:
    """spec.capacity with one more, or in the place of that of its name; where there are too many, what is over goes."""
    capacity = spec.get("capacity") or {}
    there: list[Object] = capacity.get("reservations") or []
    kept = [one for one in there if one["name"] != new["name"]]
    if len(kept) >= _MOST:
        kept = [one for one in kept if datetime.fromisoformat(one["end"]) > now]
    at = next((i for i, one in enumerate(there) if one["name"] == new["name"]), len(kept))
    return {**capacity, "reservations": [*kept[:at], new, *kept[at:]]}


def without_reservations(load_balancer: Object, names: Iterable[str]) -> Object | None:
    """spec.capacity without some; none where nothing is left. Raises ClickException for one that isn't there."""
    capacity = load_balancer["spec"].get("capacity") or {}
    left: list[Object] = capacity.get("reservations") or []
    for name in names:
        if name not in [one["name"] for one in left]:
            known = ", ".join(one["name"] for one in left) or "none"
            raise click.ClickException(f"{load_balancer['metadata']['name']} has no reservation {name}; it has {known}")
        left = [one for one in left if one["name"] != name]
    rest = {key: value for key, value in capacity.items() if key != "reservations"}
    return {**rest, **({"reservations": left} if left else {})} or None


def checked(load_balancer: Object, capacity: Object) -> "LoadBalancer":
    """The load balancer with that capacity; raises ClickException with every fault of it."""
    from elbow_api.fault import Refused
    from elbow_api.load_balancer import parse

    try:
        return parse({**load_balancer, "spec": {**load_balancer["spec"], "capacity": capacity}})
    except Refused as refused:
        raise click.ClickException("\n".join(map(str, refused.faults))) from None


def meaning(resource: "LoadBalancer", name: str, zones: int) -> Meaning:
    """What a reservation of that name makes of so many zones."""
    from elbow_api.capacity import LEAD
    from elbow_api.proxy import MOST_REPLICAS
    from elbow_api.proxy_capacity import capacity_of, per_zone, reservation_load

    spec = resource.spec
    there = spec.capacity.reservations or [] if spec.capacity else []
    reservation = next(one for one in there if one.name == name)
    load = reservation_load(reservation, spec.listeners)
    return Meaning(
        proxies=capacity_of(spec.proxy).needed([per_zone(load, zones)]),
        zones=zones,
        replicas=spec.proxy.replicas,
        most=spec.proxy.max_replicas or MOST_REPLICAS,
        begins=timestamp(reservation.start_time - LEAD),
    )


def zones_of(load_balancer: Object) -> list[str]:
    """Its zones: those there are, or those asked for while there is no status."""
    there = (load_balancer.get("status") or {}).get("zones") or []
    return [zone["name"] for zone in there] or load_balancer["spec"].get("zones") or []


def rows(load_balancer: Object) -> list[Object]:
    """What is set aside for it, each with its state; a minimum of units first."""
    capacity, status = load_balancer["spec"].get("capacity") or {}, load_balancer.get("status") or {}
    states = status.get("capacity") or {}
    by_name = {one["name"]: one for one in states.get("reservations") or []}
    metadata = load_balancer["metadata"]
    head = {"namespace": metadata.get("namespace", ""), "loadBalancer": metadata["name"]}
    found: list[Object] = []
    if (units := capacity.get("minimumUnits")) is not None:
        found.append({**head, "minimumUnits": units, **_state(states.get("minimumUnits"))})
    there = capacity.get("reservations") or []
    return found + [{**head, **one, **_state(by_name.get(one["name"]))} for one in there]


COLUMNS = ["RESERVATION", "START", "END", "RPS", "CONN/S", "TLS%", "PROXIES", "STATE", "MESSAGE"]


def cells(row: Object) -> list[object]:
    """A row for people, in these columns; proxies are those of each zone."""
    named = row.get("name") or f"{row['minimumUnits']} units"
    figures = [row.get(key) for key in ("requestsPerSecond", "connectionsPerSecond", "tlsPercent")]
    return [named, row.get("start"), row.get("end"), *figures, row["proxiesPerZone"], row["state"], row["message"]]


def _state(told: Object | None) -> Object:
    told = told or {}
    return {key: told.get(key) for key in ("state", "message", "since", "proxiesPerZone")}
