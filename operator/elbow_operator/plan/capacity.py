"""How many proxies each zone gets for capacity that is set aside, and when (ELB sections 7.2 and 7.3)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from elbow_api.capacity import LEAD, Reservation
from elbow_api.load_balancer import LoadBalancerSpec
from elbow_api.proxy import MOST_REPLICAS, ExposureType
from elbow_api.proxy_capacity import capacity_of, per_zone, reservation_load, unit_load

from elbow_operator.plan.cluster import Node


class Phase(StrEnum):
    """Where a reservation stands by the clock alone."""

    AHEAD = "ahead"
    """Its proxies aren't started yet."""
    IN_FORCE = "in force"
    ENDED = "ended"


@dataclass(frozen=True)
class Reserved:
    """Capacity set aside: a reservation, or the minimum of units."""

    name: str | None
    """None: the minimum of units."""
    phase: Phase
    proxies: int
    """What it takes in each zone by itself."""
    needed: int
    """What a zone must have for it: with all those in force that began before it."""


@dataclass(frozen=True)
class Plan:
    """What a moment asks of every zone."""

    proxies: int
    """The least there are to be: what is needed, as far as it may be had."""
    needed: int
    """What is needed, spec.proxy.replicas included."""
    most: int
    """What a zone may have."""
    reserved: tuple[Reserved, ...] = ()
    """The minimum of units first, then reservations in the order of the spec."""


def plan(spec: LoadBalancerSpec, zones: int, now: datetime) -> Plan:
    """The least proxies of each of so many zones at a time: never below spec.proxy.replicas, never above maxReplicas."""
    replicas, most = spec.proxy.replicas, spec.proxy.max_replicas or MOST_REPLICAS
    reserved = tuple(_reserved(spec, zones, now))
    needed = max([replicas, *(one.needed for one in reserved if one.phase is Phase.IN_FORCE)])
    return Plan(min(needed, most), needed, most, reserved)


def _reserved(spec: LoadBalancerSpec, zones: int, now: datetime) -> Iterable[Reserved]:
    if spec.capacity is None:
        return
    proxy = capacity_of(spec.proxy)
    if (units := spec.capacity.minimum_units) is not None:
        needed = proxy.needed([per_zone(unit_load(units, spec.listeners), zones)])
        yield Reserved(None, Phase.IN_FORCE, needed, needed)
    there = spec.capacity.reservations or []
    loads = {one.name: per_zone(reservation_load(one, spec.listeners), zones) for one in there}
    in_force = [one.name for one in sorted(there, key=_by_start) if _phase(one, now) is Phase.IN_FORCE]
    for one in there:
        alone = proxy.needed([loads[one.name]])
        needed = alone
        if one.name in in_force:  # first come, first served, as ELB has it
            needed = proxy.needed([loads[name] for name in in_force[: in_force.index(one.name) + 1]])
        yield Reserved(one.name, _phase(one, now), alone, needed)


def _by_start(reservation: Reservation) -> tuple[datetime, str]:
    return reservation.start_time, reservation.name


def _phase(reservation: Reservation, now: datetime) -> Phase:
    if now >= reservation.end_time:
        return Phase.ENDED
    return Phase.IN_FORCE if now + LEAD >= reservation.start_time else Phase.AHEAD


def changes_in(spec: LoadBalancerSpec, now: datetime) -> float | None:
    """Seconds until the clock alone changes the plan; none: it never does."""
    moments = [
        left
        for one in (spec.capacity.reservations or [] if spec.capacity else [])
        for left in (one.start_time - now - LEAD, one.end_time - now)
        if left > timedelta()
    ]
    return min(moments).total_seconds() if moments else None


def ports(spec: LoadBalancerSpec, zones: Iterable[str], nodes: Iterable[Node]) -> dict[str, int]:
    """How many proxies each zone's ready nodes have ports for; empty where proxies don't use the nodes' own."""
    if spec.exposed_by is not ExposureType.HOST_PORT:
        return {}
    ready = [node.zone for node in nodes if node.ready]
    return {zone: ready.count(zone) for zone in zones}
