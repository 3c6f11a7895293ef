"""Zones: failover, shift, and a zone that is lost."""

from datetime import UTC, datetime, timedelta

from elbow_api.timestamp import timestamp
from elbow_kube.object import Object
from harness.client import Client
from harness.cluster_objects import balancer
from harness.kube import ROOT, Space, answers, no_operator, nodes_of, run, settled
from harness.load import Load
from harness.poll import stays, until


def state(web: Space, zone: str) -> str:
    return next((z["state"] for z in web.status().get("zones", []) if z["name"] == zone), "")


def is_ready(pod: Object) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def has_ready_proxy(web: Space, zone: str) -> bool:
    return any(map(is_ready, web.proxies(zone)))


def is_serving(pod: Object) -> bool:
    """Whether a proxy answers requests, ready or not."""
    address = pod["status"].get("podIP")
    return bool(address) and answers(lambda: (address, 80))()


def tell(web: Space, zone: str, path: str) -> None:
    """Break or mend a zone's targets."""
    for pod in web.pods("app=web"):
        if pod["metadata"]["name"] in web.names(zone):
            say(pod, path)


def say(pod: Object, path: str) -> None:
    """Break or mend a target."""
    with Client(8080, pod["status"]["podIP"]) as client:
        assert client.request("POST", path).status == 200


def test_a_zone_with_nothing_healthy_leaves_and_comes_back(web: Space) -> None:
    web.apply(balancer(crossZone="disabled"))
    settled(web)
    door = web.door("zone-a")
    with Load(door[1], host=door[0], posts=False, pause=0.05) as load:
        tell(web, "zone-b", "/break")
        until(lambda: state(web, "zone-b") == "impaired", limit=60, every=0.3, say="zone-b is impaired")
        until(lambda: not has_ready_proxy(web, "zone-b"), limit=30, every=0.3, say="its proxies aren't ready")
        assert "zone-b" not in {address["zone"] for address in web.status()["addresses"]}
        assert web.kubectl("get", "lb", "web", "--no-headers").split()[3] == "2/3"
        tell(web, "zone-b", "/mend")
        until(lambda: state(web, "zone-b") == "active", limit=60, every=0.3, say="zone-b is active")
        until(lambda: has_ready_proxy(web, "zone-b"), limit=30, every=0.3, say="its proxies are ready")
        settled(web)
    load.assert_clean(least=50)


def test_when_every_zone_is_impaired_all_stay(web: Space, zones: tuple[str, ...]) -> None:
    web.apply(balancer(crossZone="disabled"))
    settled(web)
    for zone in zones:
        tell(web, zone, "/break")

    def all_sick() -> bool:
        (group,) = web.status()["targetGroups"]
        return bool(group["unhealthy"] == 6)

    until(all_sick, limit=60, every=0.3, say="all targets are unhealthy")
    until(lambda: all(state(web, zone) == "active" for zone in zones), limit=30, every=0.3)
    until(lambda: all(has_ready_proxy(web, zone) for zone in zones), limit=30, every=0.3)
    for zone in zones:
        until(answers(lambda zone=zone: web.door(zone)), limit=20, every=0.3)
    for zone in zones:
        tell(web, zone, "/mend")
    settled(web)


def test_a_shift_keeps_away_from_a_zone_until_it_ends(web: Space) -> None:
    until_when = datetime.now(UTC) + timedelta(seconds=12)
    shift = {"awayFrom": "zone-c", "until": timestamp(until_when)}
    web.apply(balancer(zonalShift=shift))
    until(lambda: state(web, "zone-c") == "shifted", limit=20, every=0.3, say="zone-c is shifted")
    until(lambda: not has_ready_proxy(web, "zone-c"), limit=20, every=0.3, say="its proxies aren't ready")
    until(lambda: state(web, "zone-c") == "active", limit=60, every=0.3, say="the shift is over")
    settled(web)


def test_a_zone_that_is_lost_is_told_and_comes_back(web: Space) -> None:
    cluster = str(ROOT / "scripts" / "cluster")
    (node,) = nodes_of("zone-b")
    door = web.door("zone-a")
    with Load(door[1], host=door[0], pause=0.05, posts=False) as load:
        run(cluster, "kill-node", node["metadata"]["name"])
        try:
            until(lambda: state(web, "zone-b") == "impaired", limit=90, every=0.5, say="zone-b is impaired")
            ready = web.until_condition("Ready", status="True", limit=90)
            assert ready["reason"] == "Ready"
            assert web.kubectl("get", "lb", "web", "--no-headers").split()[3] == "2/3"
        finally:
            run(cluster, "start-node", node["metadata"]["name"])
        until(lambda: state(web, "zone-b") == "active", limit=120, every=0.5, say="zone-b is active")
        web.until_condition("Ready", status="True", limit=120)
    assert load.served > 100


def test_minimum_healthy_dns_is_what_keeps_a_zone(web: Space) -> None:
    web.apply(balancer({"minimumHealthy": {"dns": 2}}, crossZone="disabled"))
    settled(web)
    (one, *_) = [pod for pod in web.pods("app=web") if pod["metadata"]["name"] in web.names("zone-b")]
    say(one, "/break")
    until(lambda: state(web, "zone-b") == "impaired", limit=60, every=0.3, say="zone-b is impaired")
    assert state(web, "zone-a") == "active"
    say(one, "/mend")
    until(lambda: state(web, "zone-b") == "active", limit=60, every=0.3, say="zone-b is active")


def test_without_the_operator_the_last_states_hold_and_new_proxies_become_ready(web: Space) -> None:
    web.apply(balancer(crossZone="disabled"))
    settled(web)
    tell(web, "zone-b", "/break")
    until(lambda: state(web, "zone-b") == "impaired", limit=60, every=0.3, say="zone-b is impaired")
    until(lambda: not has_ready_proxy(web, "zone-b"), limit=30, every=0.3, say="its proxies aren't ready")
    with no_operator():
        tell(web, "zone-b", "/mend")
        old = {pod["metadata"]["uid"] for zone in ("zone-a", "zone-b") for pod in web.proxies(zone)}
        web.kubectl("delete", "pod", "-l", "elbow.dev/zone in (zone-a,zone-b)", "--wait=false")

        def started(zone: str) -> list[Object]:
            return [pod for pod in web.proxies(zone) if pod["metadata"]["uid"] not in old]

        until(lambda: any(map(is_ready, started("zone-a"))), limit=60, every=0.3, say="zone-a's new proxy is ready")
        until(lambda: any(map(is_serving, started("zone-b"))), limit=60, every=0.3, say="zone-b's new proxy serves")
        stays(lambda: not any(map(is_ready, started("zone-b"))), during=3, every=0.5, say="it isn't ready")
    until(lambda: state(web, "zone-b") == "active", limit=60, every=0.3, say="zone-b is active")
    until(lambda: has_ready_proxy(web, "zone-b"), limit=30, every=0.3, say="its proxy is ready")
    settled(web)


def test_a_zone_is_renamed_by_its_nodes_label_and_back(web: Space) -> None:
    (node,) = nodes_of("zone-c")
    name, door = node["metadata"]["name"], web.door("zone-a")

    def zones() -> list[str]:
        return [zone["name"] for zone in web.status()["zones"]]

    with Load(door[1], host=door[0], posts=False, pause=0.05) as load:
        try:
            run("kubectl", "label", "node", name, "topology.kubernetes.io/zone=zone-d", "--overwrite")
            until(
                lambda: zones() == ["zone-a", "zone-b", "zone-d"], limit=30, every=0.3, say="zone-d instead of zone-c"
            )
            until(lambda: has_ready_proxy(web, "zone-d"), limit=60, every=0.3, say="zone-d has a proxy")
            until(answers(lambda: web.door("zone-d")), limit=30, every=0.3, say="zone-d answers")
            gone = "deployment/elb-web-zone-c", "service/elb-web-zone-c", "pdb/elb-web-zone-c"
            until(
                lambda: not web.kubectl("get", *gone, "--ignore-not-found"), limit=30, every=0.3, say="zone-c is gone"
            )
        finally:
            run("kubectl", "label", "node", name, "topology.kubernetes.io/zone=zone-c", "--overwrite")
        until(lambda: zones() == ["zone-a", "zone-b", "zone-c"], limit=30, every=0.3, say="zone-c is back")
        settled(web)
    load.assert_clean(least=50)
