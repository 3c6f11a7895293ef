"""Zone failover: which zones get clients (ELB sections 2.8 and 14.4)."""

from elbow_operator.status.zone import zone_states
from harness.observed import ZONES, load_balancer, observed

SICK = ("unhealthy", "unhealthy")


def states(seen: object) -> dict[str, str]:
    return {zone: state.value for zone, state in zone_states(seen).items()}


def test_zones_with_healthy_targets_are_active() -> None:
    assert states(observed()) == dict.fromkeys(ZONES, "active")


def test_a_zone_that_sees_nothing_healthy_is_impaired() -> None:
    assert states(observed(states={"zone-b": SICK})) == {"zone-a": "active", "zone-b": "impaired", "zone-c": "active"}


def test_when_all_zones_are_impaired_all_stay() -> None:
    assert states(observed(states=dict.fromkeys(ZONES, SICK))) == dict.fromkeys(ZONES, "active")


def test_a_zone_nobody_reports_of_is_active() -> None:
    seen = observed()
    assert states(observed(pods=seen.pods[:1])) == dict.fromkeys(ZONES, "active")


def test_minimum_healthy_dns_is_what_a_zone_needs() -> None:
    group = {
        "name": "web",
        "protocol": "HTTP",
        "targets": {"service": {"name": "web", "port": 80}},
        "minimumHealthy": {"dns": "60%"},
    }
    resource = load_balancer(targetGroups=[group])
    half = ("healthy", "unhealthy")
    assert states(observed(resource, {"zone-b": half}))["zone-b"] == "impaired"
    assert states(observed(states={"zone-b": half}))["zone-b"] == "active"


def test_one_proxy_that_sees_healthy_targets_keeps_its_zone() -> None:
    seen = observed(states={"zone-b": SICK})
    twin = next(pod for pod in observed().pods if pod.zone == "zone-b")
    assert states(observed(pods=(*seen.pods, twin)))["zone-b"] == "active"


def test_a_group_without_a_listener_impairs_nothing() -> None:
    spare = {"name": "spare", "protocol": "HTTP", "targets": {"service": {"name": "x", "port": 80}}}
    used = {"name": "web", "protocol": "HTTP", "targets": {"service": {"name": "web", "port": 80}}}
    assert states(observed(load_balancer(targetGroups=[used, spare]))) == dict.fromkeys(ZONES, "active")


def test_a_zone_without_a_ready_node_is_impaired() -> None:
    assert states(observed(lost=frozenset({"zone-c"})))["zone-c"] == "impaired"


def test_a_shifted_zone_is_away_though_it_is_well() -> None:
    assert states(observed(shifted=frozenset({"zone-a"})))["zone-a"] == "shifted"


def test_a_shifted_zone_stays_away_when_all_others_are_impaired() -> None:
    seen = observed(states={"zone-b": SICK, "zone-c": SICK}, shifted=frozenset({"zone-a"}))
    assert states(seen) == {"zone-a": "shifted", "zone-b": "active", "zone-c": "active"}
