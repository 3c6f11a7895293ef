"""From EndpointSlices to targets."""

from typing import Any

import pytest
from elbow_api.target_group import ServiceTargets
from elbow_dataplane.sources.endpoints import fault_of, targets_of

SERVICE = {"spec": {"ports": [{"name": "http", "port": 80}, {"name": "admin", "port": 81}]}}
WEB = ServiceTargets(name="web", port=80)


def endpoint(address: str, **conditions: bool) -> dict[str, Any]:
    return {"addresses": [address], "conditions": {"ready": True, **conditions}, "zone": "zone-a"}


def piece(*endpoints: dict[str, Any], port: int = 8080, name: str = "http", kind: str = "IPv4") -> dict[str, Any]:
    ports = [{"name": name, "port": port, "protocol": "TCP"}, {"name": "admin", "port": 9000, "protocol": "TCP"}]
    return {"addressType": kind, "ports": ports, "endpoints": list(endpoints)}


def addresses(*pieces: dict[str, Any], wanted: ServiceTargets = WEB) -> list[tuple[str, int]]:
    return [target.key for target in targets_of(wanted, SERVICE, pieces)]


def test_endpoints_of_all_slices_are_targets_at_the_pods_port() -> None:
    assert addresses(piece(endpoint("10.0.0.2")), piece(endpoint("10.0.0.1"))) == [
        ("10.0.0.1", 8080),
        ("10.0.0.2", 8080),
    ]


def test_an_endpoint_that_terminates_is_deregistered() -> None:
    assert addresses(
        piece(endpoint("10.0.0.1"), endpoint("10.0.0.2", ready=False, serving=True, terminating=True))
    ) == [("10.0.0.1", 8080)]


def test_a_target_knows_its_pod_and_node() -> None:
    named = endpoint("10.0.0.1") | {"nodeName": "a1", "targetRef": {"kind": "Pod", "name": "web-1"}}
    by_hand = endpoint("10.0.0.2") | {"targetRef": {"kind": "VirtualMachine", "name": "vm"}}

    first, second = targets_of(WEB, SERVICE, [piece(named, by_hand)])

    assert (first.pod, first.node) == ("web-1", "a1")
    assert (second.pod, second.node) == (None, None)


def test_an_endpoint_that_is_not_ready_is_none() -> None:
    assert addresses(piece(endpoint("10.0.0.1", ready=False))) == []


def test_a_pod_that_is_awaited_is_a_target_before_it_is_ready_and_not_once_it_ends() -> None:
    named = {"targetRef": {"kind": "Pod", "name": "web-1"}}
    other = {"targetRef": {"kind": "Pod", "name": "web-2"}}
    unready, ends = endpoint("10.0.0.1", ready=False), endpoint("10.0.0.3", ready=False, terminating=True)
    pieces = [piece(unready | named, endpoint("10.0.0.2", ready=False) | other, ends | named)]

    assert [t.key for t in targets_of(WEB, SERVICE, pieces, ("web-1",))] == [("10.0.0.1", 8080)]


def test_an_unknown_readiness_counts_as_ready() -> None:
    assert addresses(piece({"addresses": ["10.0.0.1"], "conditions": {}})) == [("10.0.0.1", 8080)]


def test_slices_may_have_different_ports() -> None:
    assert addresses(piece(endpoint("10.0.0.1")), piece(endpoint("10.0.0.2"), port=8081)) == [
        ("10.0.0.1", 8080),
        ("10.0.0.2", 8081),
    ]


def test_a_port_is_found_by_its_name() -> None:
    assert addresses(piece(endpoint("10.0.0.1")), wanted=ServiceTargets(name="web", port="admin")) == [
        ("10.0.0.1", 9000)
    ]


def test_both_families_are_targets() -> None:
    found = addresses(piece(endpoint("10.0.0.1")), piece(endpoint("fd00::1"), kind="IPv6"))
    assert found == [("10.0.0.1", 8080), ("fd00::1", 8080)]


def test_a_thousand_endpoints_in_many_slices() -> None:
    pieces = [piece(*(endpoint(f"10.0.{n}.{i}") for i in range(100))) for n in range(10)]
    assert len(addresses(*pieces)) == 1000


def test_a_target_keeps_its_zone() -> None:
    (target,) = targets_of(WEB, SERVICE, [piece(endpoint("10.0.0.1"))])
    assert target.zone == "zone-a"


@pytest.mark.parametrize(
    ("service", "why"),
    [
        (None, "Service web doesn't exist"),
        ({"spec": {"type": "ExternalName"}}, "ExternalName"),
        ({"spec": {"ports": [{"port": 8443}, {"port": 81, "name": "admin"}]}}, "no port 80; it has 8443, 81 (admin)"),
        ({"spec": {"ports": [{"port": 80, "protocol": "UDP", "name": "dns"}]}}, "no port 80; it has 80/UDP (dns)"),
        ({"spec": {"clusterIP": "None"}}, "no port 80; it has none"),
    ],
)
def test_a_service_that_gives_no_targets_says_why(service: dict[str, Any] | None, why: str) -> None:
    assert why in str(fault_of(WEB, service))


def test_a_port_whose_name_the_service_has_not_is_told_like_a_number() -> None:
    assert fault_of(ServiceTargets(name="web", port="htpp"), SERVICE) == (
        "Service web has no port htpp; it has 80 (http), 81 (admin)"
    )


def test_of_two_ports_with_one_number_that_for_tcp_is_meant() -> None:
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]
    found = {
        "addressType": "IPv4",
        "ports": [{**ports[0], "port": 5300}, {**ports[1], "port": 5353}],
        "endpoints": [endpoint("10.0.0.1")],
    }
    (target,) = targets_of(ServiceTargets(name="dns", port=53), {"spec": {"ports": ports}}, [found])
    assert target.port == 5353


def test_a_good_service_has_no_fault() -> None:
    assert fault_of(WEB, SERVICE) is None
