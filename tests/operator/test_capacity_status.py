"""What is said of capacity that is set aside: the state of each reservation, the condition over all, and Events."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from elbow_api.capacity import LEAD
from elbow_api.load_balancer import LoadBalancer
from elbow_operator.plan.capacity import plan
from elbow_operator.status.events import events
from elbow_operator.status.fold import fold
from elbow_operator.status.observed import Observed, ProxyPod
from harness.observed import LATER, NOW, ZONES, load_balancer, observed, report
from harness.reservations import END, MINUTE, NEEDED, START, launch, reserved


def seen(resource: LoadBalancer, now: datetime, ready: int = 1, **other: Any) -> Observed:
    """Zones each with so many ready proxies, at a time."""
    pods = tuple(ProxyPod(f"{zone}-{n}", zone, True) for zone in ZONES for n in range(ready))
    return observed(resource, pods=pods, capacity=plan(resource.spec, 3, now), **other)


def told(found: Observed, name: str = "launch") -> tuple[str, str]:
    (one,) = [r for r in fold(found, {}, NOW)["capacity"]["reservations"] if r["name"] == name]
    return one["state"], one.get("message", "")


def provisioned(found: Observed) -> tuple[str, str] | None:
    by_type = {c["type"]: (c["status"], c["reason"]) for c in fold(found, {}, NOW)["conditions"]}
    return by_type.get("CapacityProvisioned")


def test_it_is_pending_then_provisioned_then_ended() -> None:
    resource = reserved(launch())
    early, starting = seen(resource, START - LEAD - MINUTE), seen(resource, START - LEAD, ready=2)
    there, over = seen(resource, START, ready=NEEDED), seen(resource, END, ready=NEEDED)

    assert told(early) == ("pending", "its proxies are started 15 minutes ahead")
    assert told(starting)[0] == "pending"
    assert f"zone zone-b: 2 of {NEEDED} proxies are ready" in told(starting)[1]
    assert told(there) == ("provisioned", "")
    assert told(over) == ("ended", "")
    assert [provisioned(each) for each in (early, starting, there, over)] == [
        None,
        ("False", "CapacityPending"),
        ("True", "CapacityProvisioned"),
        None,
    ]
    assert provisioned(observed(load_balancer())) is None
    assert "capacity" not in fold(observed(load_balancer()), {}, NOW)


@pytest.mark.parametrize(
    ("spec", "other", "words"),
    [
        (
            {"proxy": {"replicas": 1, "maxReplicas": 2}},
            {},
            f"{NEEDED} proxies are needed in each zone and at most 2 allowed; give each proxy more CPU and memory, or raise spec.proxy.maxReplicas",
        ),
        (
            {},
            {"obstacles": {"zone-b": "0/4 nodes are available: 2 Insufficient cpu."}},
            f"zone zone-b: 1 of {NEEDED} proxies are ready: 0/4 nodes are available: 2 Insufficient cpu.",
        ),
        ({}, {"lost": frozenset({"zone-c"})}, "zone zone-c has no ready node"),
        (
            {"exposure": {"type": "HostPort"}},
            {"ports": dict.fromkeys(ZONES, 2)},
            f"zone zone-a: {NEEDED} proxies are needed, and 2 nodes are ready: with host ports each runs one",
        ),
        (
            {},
            {"refused": ("Deployment elb-web-zone-a: 403: exceeded quota",)},
            "Deployment elb-web-zone-a: 403: exceeded quota",
        ),
        ({}, {"zones": ()}, "no zone has a ready node"),
    ],
    ids=["max-replicas", "no-room", "zone-lost", "host-ports", "refused", "no-zones"],
)
def test_it_fails_and_says_what_is_missing(spec: dict[str, Any], other: dict[str, Any], words: str) -> None:
    found = seen(reserved(launch(), **spec), START, **other)

    state, message = told(found)
    assert state == "failed"
    assert words in message
    assert provisioned(found) == ("False", "CapacityMissing")


def test_a_zone_that_gets_no_clients_has_its_proxies_all_the_same() -> None:
    found = seen(reserved(launch()), START, ready=NEEDED, shifted=frozenset({"zone-b"}))
    away = [replace(pod, ready=False, report=report("zone-b")) if pod.zone == "zone-b" else pod for pod in found.pods]

    assert told(replace(found, pods=tuple(away))) == ("provisioned", "")
    assert told(replace(found, pods=tuple(away[1:]), shifted=frozenset()))[0] == "pending"


def test_what_can_never_be_had_is_told_long_before() -> None:
    found = seen(reserved(launch(requestsPerSecond=10_000_000)), START - timedelta(days=30))

    state, message = told(found)
    assert (state, message.endswith("and at most 100 allowed; give each proxy more CPU and memory")) == ("failed", True)


def test_those_that_began_first_are_served_first() -> None:
    resource = reserved(launch("late", START + MINUTE), launch("early"))
    found = seen(resource, START + MINUTE, ready=NEEDED)

    assert told(found, "early")[0] == "provisioned"
    assert told(found, "late")[0] == "pending"


def test_a_state_says_since_when_it_is() -> None:
    resource = reserved(launch(), minimumUnits=1)
    before = fold(seen(resource, START, ready=1), {}, NOW)
    same = fold(seen(resource, START, ready=2), before, LATER)
    after = fold(seen(resource, START, ready=NEEDED), same, LATER)

    assert [status["capacity"]["reservations"][0]["since"] for status in (before, same, after)] == [NOW, NOW, LATER]
    assert after["capacity"]["minimumUnits"]["state"] == "provisioned"
    assert after["capacity"]["proxiesPerZone"] == NEEDED


def test_changes_of_state_are_events_but_what_was_over_when_it_was_written() -> None:
    resource = reserved(launch())
    steps = [
        seen(resource, START - LEAD - MINUTE),
        seen(resource, START, ready=2),
        seen(resource, START, ready=2, obstacles={"zone-a": "no room"}),
        seen(resource, START, ready=NEEDED),
        seen(resource, START + MINUTE, ready=NEEDED),
        seen(resource, END, ready=NEEDED),
    ]
    status: dict[str, Any] = {}
    found = []
    for step in steps:
        after = fold(step, status, NOW)
        found.append([(e.reason.value, e.warning) for e in events(status, after) if e.reason.startswith("Capacity")])
        status = after
    assert found == [
        [],
        [],
        [("CapacityMissing", True)],
        [("CapacityProvisioned", False)],
        [],
        [("CapacityEnded", False)],
    ]
    assert not [e for e in events({}, fold(steps[-1], {}, NOW)) if e.reason.startswith("Capacity")]
