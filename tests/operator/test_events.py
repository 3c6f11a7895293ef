"""What is told of a load balancer's changes, and that nothing is told while nothing changes."""

from dataclasses import replace
from typing import Any

from elbow_api.fault import Fault
from elbow_operator.status.events import events
from elbow_operator.status.fold import fold
from elbow_operator.status.observed import Observed, ZoneService
from elbow_operator.status.reason import Reason
from harness.observed import LATER, NOW, ZONES, observed, report

SICK = ("unhealthy", "unhealthy")


def told(before: Observed | None, after: Observed) -> list[tuple[str, str]]:
    """What is told, as (reason, note); Warnings have a ! before the reason."""
    old = fold(before, {}, NOW) if before else {}
    found = events(old, fold(after, old, LATER))
    return [("!" * event.warning + event.reason.value, event.note) for event in found]


def reasons(before: Observed | None, after: Observed) -> list[str]:
    return [reason for reason, _ in told(before, after)]


def seen_by_proxies(fault: str, **other: Any) -> Observed:
    seen = observed(**other)
    return replace(seen, pods=tuple(replace(p, report=report(p.zone, faults=[fault])) for p in seen.pods))


def test_nothing_is_told_while_nothing_changes() -> None:
    for seen in (
        observed(),
        observed(states={"zone-b": SICK}),
        observed(services=()),
        observed(faults=(Fault((), "x"),)),
        observed(refused=("Service elb-web: 403: no",)),
        seen_by_proxies("listener http: Secret cert doesn't exist"),
    ):
        assert told(seen, seen) == []


def test_a_new_one_tells_its_way_to_ready() -> None:
    starting = observed(pods=(), services=tuple(ZoneService(zone) for zone in ZONES))
    assert told(None, starting) == [("Accepted", "the spec can be accepted")]
    assert told(starting, observed()) == [
        ("Programmed", "every ready proxy runs generation 1"),
        ("Ready", "every listener can serve"),
        ("AddressAssigned", "clients reach it at 10.9.0.1 (zone-a), 10.9.0.2 (zone-b), 10.9.0.3 (zone-c)"),
    ]


def test_each_fault_of_a_refused_spec_is_told_once() -> None:
    fault = Fault(("spec", "listeners", 0, "port"), "must be at most 65535")
    bad = observed(generation=2, faults=(fault,))
    assert told(observed(), bad) == [("!Invalid", "spec.listeners[0].port: must be at most 65535")]
    worse = observed(generation=3, faults=(Fault(("spec", "zones"), "at least 1 needed"),))
    assert told(bad, worse) == [("!Invalid", "spec.zones: at least 1 needed")]
    assert reasons(bad, observed()) == ["Accepted", "Programmed", "Ready"]


def test_a_new_generation_that_runs_is_told() -> None:
    seen = observed(generation=2, running=2)
    seen = replace(seen, pods=tuple(replace(p, report=report(p.zone, generation=2)) for p in seen.pods))
    assert told(observed(), seen) == [("Programmed", "every ready proxy runs generation 2")]


def test_a_zones_comings_and_goings_are_told() -> None:
    lost = observed(lost=frozenset({"zone-b"}))
    assert told(observed(), lost) == [("!ZoneImpaired", "zone zone-b gets no clients: NoReadyNodes")]
    assert told(lost, observed()) == [("ZoneActive", "zone zone-b gets clients")], "and not its address once more"
    shifted = observed(shifted=frozenset({"zone-a"}))
    assert told(observed(), shifted) == [
        ("ZoneShifted", "zone zone-a gets no clients until the zonal shift ends: ZonalShift")
    ]
    two = observed(zones=ZONES[:2], services=observed().services[:2])
    assert told(observed(), two) == [("ZoneRemoved", "zone zone-c has gone")]
    assert told(two, observed()) == [
        ("ZoneAdded", "zone zone-c has come"),
        ("AddressAssigned", "clients reach it at 10.9.0.3 (zone-c)"),
    ]


def test_a_target_group_with_nothing_healthy_is_told_and_so_is_its_cure() -> None:
    sick = observed(states=dict.fromkeys(ZONES, SICK))
    assert told(observed(), sick) == [
        ("!NoHealthyTargets", "target group web: none of its 2 targets is healthy"),
    ]
    assert told(sick, observed()) == [("HealthyTargets", "target group web has healthy targets again")]


def test_targets_not_checked_yet_are_no_news() -> None:
    new = observed(states=dict.fromkeys(ZONES, ("initial", "unhealthy")))
    assert "!NoHealthyTargets" not in reasons(None, new)
    assert reasons(new, observed()) == []


def test_what_a_listener_misses_is_told_by_name() -> None:
    missing = seen_by_proxies("listener http: Secret cert doesn't exist")
    assert told(observed(), missing) == [("!CertificateMissing", "listener http: Secret cert doesn't exist")]
    assert told(missing, observed()) == [
        ("Ready", "every listener can serve"),
        ("ResolvedRefs", "listener http: what was missing is there"),
    ]


def test_addresses_that_change_or_vanish_are_told() -> None:
    moved = replace(observed().services[0], addresses=(("IPAddress", "10.9.0.9"),))
    seen = observed(services=(moved, *observed().services[1:]))
    assert told(observed(), seen) == [("AddressAssigned", "clients reach it at 10.9.0.9 (zone-a)")]
    gone = observed(services=tuple(ZoneService(zone) for zone in ZONES))
    assert told(observed(), gone) == [("!AddressPending", "no zone has an address any more")]


def test_an_object_the_api_server_refuses_is_told() -> None:
    refused = observed(refused=("Deployment elb-web-zone-a: 422: quantities must match",))
    note = "Deployment elb-web-zone-a: 422: quantities must match"
    assert told(observed(), refused) == [("!ObjectRefused", note)]


def test_reasons_are_of_the_closed_list_and_fit_an_event() -> None:
    assert all(reason.value.isalnum() and len(reason.value) <= 128 for reason in Reason)
