"""How clients reach a load balancer: each type, its addresses, and what its status says of them."""

import json
from collections.abc import Callable

from harness.cluster_objects import balancer
from harness.kube import Space, answers, ask, settled
from harness.poll import until


def addresses(space: Space) -> dict[str, tuple[str, str]]:
    return {a["zone"]: (a["type"], a["value"]) for a in space.status()["addresses"]}


def give(space: Space, zone: str, **ingress: str) -> None:
    """What a cloud does: write a Service's address."""
    status = json.dumps({"status": {"loadBalancer": {"ingress": [ingress]}}})
    space.kubectl("patch", "service", f"elb-web-{zone}", "--subresource=status", "--type=merge", "--patch", status)


def test_every_type_in_turn_without_a_new_pod(web: Space, zones: tuple[str, ...]) -> None:
    pods = {pod["metadata"]["uid"] for pod in web.proxies()}

    web.apply(balancer(exposure={"type": "ClusterIP"}))
    settled(web)
    assert {z: v for z, (_, v) in addresses(web).items()} == {
        zone: web.get("service", f"elb-web-{zone}")["spec"]["clusterIP"] for zone in zones
    }
    (target, *_) = web.pods("app=web")
    for host in (addresses(web)["zone-b"][1], web.status()["dnsName"]):
        asks = f"import urllib.request; print(urllib.request.urlopen('http://{host}', timeout=10).read().decode())"
        said = web.kubectl("exec", target["metadata"]["name"], "--", "python3", "-c", asks)
        assert '"name": "web-' in said

    web.apply(balancer(exposure={"type": "LoadBalancer", "annotations": {"cloud.example/tier": "gold"}}))
    ready = web.until_condition("Ready", status="False", reason="AddressPending")
    assert ready["message"] == "the zones' Services have no address yet"
    assert web.condition("Programmed")["status"] == "True"
    assert web.status()["addresses"] == []
    service = web.get("service", "elb-web-zone-a")
    assert service["spec"]["type"] == "LoadBalancer"
    assert service["metadata"]["annotations"]["cloud.example/tier"] == "gold"
    give(web, "zone-a", ip="192.0.2.1")
    give(web, "zone-b", hostname="b.cloud.example")
    settled(web)
    until(lambda: len(addresses(web)) == 2, limit=20, every=0.3)
    assert addresses(web) == {"zone-a": ("IPAddress", "192.0.2.1"), "zone-b": ("Hostname", "b.cloud.example")}

    web.apply(balancer())
    settled(web)
    for zone in zones:
        until(answers(lambda zone=zone: web.door(zone)), limit=20, every=0.3)
        assert ask(web.door(zone))["name"].startswith("web-")
    assert {pod["metadata"]["uid"] for pod in web.proxies()} == pods


def by_host_port(space: Space, **proxy: object) -> None:
    """One proxy a zone, at its node's own port."""
    listeners = [{"name": "http", "protocol": "HTTP", "port": 28080, "targetGroup": "web"}]
    space.apply(balancer(exposure={"type": "HostPort"}, listeners=listeners, proxy={"replicas": 1, **proxy}))


def at_work(space: Space, zone: str) -> bool:
    return bool(space.get("deployment", f"elb-web-{zone}").get("status", {}).get("availableReplicas"))


def is_new(space: Space, zone: str) -> bool:
    deployment = space.get("deployment", f"elb-web-{zone}")
    status = deployment["status"]
    return (
        deployment["spec"]["template"]["spec"]["initContainers"][0]["resources"]["requests"]["cpu"] == "20m"
        and status["observedGeneration"] == deployment["metadata"]["generation"]
        and status.get("updatedReplicas") == status.get("availableReplicas") == 1
    )


def test_host_ports_answer_at_the_nodes(make_space: Callable[[str], Space], zones: tuple[str, ...]) -> None:
    space = make_space("privileged")
    space.serve(replicas=3)
    by_host_port(space)
    space.wait("condition=Ready", "lb/web")
    found = {zone: value for zone, (_, value) in addresses(space).items()}
    assert set(found) == set(zones)
    for address in found.values():
        until(answers(lambda address=address: (address, 28080)), limit=20, every=0.3)


def test_proxies_with_host_ports_are_replaced_zone_by_zone(
    make_space: Callable[[str], Space], zones: tuple[str, ...]
) -> None:
    space = make_space("privileged")
    space.serve(replicas=1)
    by_host_port(space)
    space.wait("condition=Ready", "lb/web")
    until(lambda: all(at_work(space, zone) for zone in zones), limit=30, every=0.2)

    by_host_port(space, resources={"requests": {"cpu": "20m", "memory": "256Mi"}, "limits": {"memory": "256Mi"}})

    without: set[frozenset[str]] = set()

    def done() -> bool:
        without.add(frozenset(zone for zone in zones if not at_work(space, zone)))
        return all(is_new(space, zone) for zone in zones)

    until(done, limit=150, every=0.05, say="every zone has its new proxy")
    assert without == {frozenset(), *(frozenset({zone}) for zone in zones)}
