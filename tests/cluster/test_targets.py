"""Targets that are Services of every kind."""

from collections.abc import Iterator

import pytest
from elbow_kube.object import Object
from harness.cluster_objects import LONG, balancer
from harness.kube import Space, ask, settled
from harness.poll import until

_WEB: Object = {"targets": {"service": {"name": "web", "port": "http"}}}


@pytest.fixture
def other(web: Space) -> Iterator[Space]:
    """The shop, with a LoadBalancer `other` that goes when the test ends."""
    yield web
    web.kubectl("delete", "lb", "other", "--ignore-not-found")


def counts(space: Space, name: str = "other") -> tuple[int, int, int]:
    """Healthy, unhealthy, initial."""
    groups = space.status(name).get("targetGroups") or [{"healthy": 0, "unhealthy": 0, "initial": 0}]
    return groups[0]["healthy"], groups[0]["unhealthy"], groups[0]["initial"]


def slices(service: str, addresses: list[str], ready: bool = True) -> list[Object]:
    """EndpointSlices of at most a hundred addresses each, as the cluster's controller writes them."""
    kind = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4"}
    return [
        {
            **kind,
            "metadata": {"name": f"{service}-{n}", "labels": {"kubernetes.io/service-name": service}},
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            "endpoints": [{"addresses": [ip], "conditions": {"ready": ready}} for ip in addresses[n : n + 100]],
        }
        for n in range(0, len(addresses), 100)
    ]


def bare(name: str, **spec: object) -> Object:
    """A Service whose endpoints are written by hand."""
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}]
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": ports, **spec}}


def test_a_port_may_be_named(web: Space) -> None:
    web.apply(balancer(_WEB))
    settled(web)
    assert ask(web.door("zone-a"))["name"].startswith("web-")


def test_a_thousand_endpoints_in_ten_slices_come_and_go(other: Space) -> None:
    # Nothing routes there: they fail their checks at once.
    addresses = [f"198.18.{n // 250}.{n % 250 + 1}" for n in range(1000)]
    other.apply(bare("many"), *slices("many", addresses))
    check = {"interval": "30s", "timeout": "5s"}
    group = {"targets": {"service": {"name": "many", "port": 80}}, "healthCheck": check}
    other.apply(balancer(group, name="other", exposure={"type": "ClusterIP"}))
    until(lambda: sum(counts(other)) == 1000, limit=90, every=0.3, say="a thousand targets")
    assert len(other.status("other")["targetGroups"][0]["targets"]) == 100  # the first hundred are listed
    other.kubectl("delete", "endpointslice", "many-0", "many-300", "many-900")
    until(lambda: sum(counts(other)) == 700, limit=60, every=0.3, say="700 targets")
    other.kubectl("delete", "service", "many")


def test_both_address_families_are_targets(other: Space) -> None:
    other.serve("both", 3, program=LONG)
    service = other.get("service", "both")["spec"]["selector"]
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    other.apply(bare("both", selector=service, ports=ports, ipFamilyPolicy="RequireDualStack"))
    check = {"path": "/", "interval": "3s", "timeout": "2s"}
    other.apply(balancer({"targets": {"service": {"name": "both", "port": 80}}, "healthCheck": check}, name="other"))
    until(lambda: counts(other) == (6, 0, 0), limit=90, every=0.3, say="six healthy targets")
    families = {":" in target["address"] for target in other.status("other")["targetGroups"][0]["targets"]}
    assert families == {True, False}
    other.kubectl("delete", "deployment,service", "both")


def test_a_service_of_type_external_name_is_refused_with_a_reason(other: Space) -> None:
    external = {"type": "ExternalName", "externalName": "example.com"}
    other.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "outside"}, "spec": external})
    other.apply(balancer({"targets": {"service": {"name": "outside", "port": 80}}}, name="other"))
    (listener,) = until(
        lambda: [
            found
            for found in other.status("other").get("listeners", [])
            if found["conditions"][0]["reason"] == "TargetsMissing"
        ],
        limit=60,
        every=0.3,
    )
    assert "Service outside is of type ExternalName" in listener["conditions"][0]["message"]
    other.kubectl("delete", "service", "outside")


def test_a_port_that_the_service_has_not_is_named(web: Space) -> None:
    web.apply(balancer({"targets": {"service": {"name": "web", "port": 8443}}}))
    ready = web.until_condition("Ready", status="False", reason="ListenerNotReady")
    assert ready["message"] == "listener http: Service web has no port 8443; it has 80 (http)"
    web.apply(balancer())
    settled(web)
