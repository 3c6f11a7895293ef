"""Traffic through every zone's proxies, while targets come and go."""

from harness.client import Client
from harness.cluster_objects import balancer
from harness.kube import Space, ask, settled, who
from harness.load import Load
from harness.poll import until


def test_every_zone_answers_from_all_targets(web: Space, zones: tuple[str, ...]) -> None:
    everyone = {pod["metadata"]["name"] for pod in web.pods("app=web")}
    assert len(everyone) == 6
    for zone in zones:
        assert who(web.door(zone), 12) == everyone


def test_the_name_inside_the_cluster_answers(web: Space) -> None:
    (pod, *_) = web.pods("app=web")
    asks = "import urllib.request; print(urllib.request.urlopen('http://elb-web', timeout=10).read().decode())"
    assert '"name": "web-' in web.kubectl("exec", pod["metadata"]["name"], "--", "python3", "-c", asks)


def test_with_cross_zone_off_a_zone_uses_its_own_targets_alone(web: Space, zones: tuple[str, ...]) -> None:
    web.apply(balancer(crossZone="disabled"))
    web.until_condition("Programmed", status="True")
    settled(web)
    for zone in zones:
        assert who(web.door(zone), 10) == web.names(zone)


def test_a_cookie_leads_to_the_same_target_through_every_zone(web: Space, zones: tuple[str, ...]) -> None:
    web.apply(balancer({"stickiness": {"type": "lb_cookie"}}))
    settled(web)
    host, port = web.door("zone-a")
    with Client(port, host) as client:
        first = client.get("/")
    cookies = [value.split(";")[0] for name, value in first.headers if name.lower() == "set-cookie"]
    assert cookies
    sent = [("Cookie", "; ".join(cookies))]
    mine = ask(web.door("zone-a"), headers=sent)["name"]
    for zone in zones:
        assert {ask(web.door(zone), headers=sent)["name"] for _ in range(5)} == {mine}


def test_scaling_the_targets_drops_nothing(web: Space) -> None:
    host, port = web.door("zone-b")
    with Load(port, host=host, posts=False, pause=0.05) as load:
        web.kubectl("scale", "deployment/web", "--replicas=9")
        settled(web, 9)
        load.wait_for(50)
        web.kubectl("scale", "deployment/web", "--replicas=4")
        settled(web, 4)
        load.wait_for(50)
    load.assert_clean(least=100)


def test_a_rollout_of_the_targets_drops_nothing(web: Space) -> None:
    before = {pod["metadata"]["name"] for pod in web.pods("app=web")}
    host, port = web.door("zone-c")
    with Load(port, host=host, posts=False, pause=0.05) as load:
        web.kubectl("rollout", "restart", "deployment/web")
        web.kubectl("rollout", "status", "deployment/web", "--timeout=150s")
        settled(web)
        load.wait_for(50)
    load.assert_clean(least=100)
    assert not before & who((host, port), 12)


def test_a_rollout_of_the_proxies_drops_nothing(web: Space, zones: tuple[str, ...]) -> None:
    before = {pod["metadata"]["name"] for pod in web.proxies()}
    host, port = web.door("zone-b")
    bigger = {"requests": {"cpu": "20m", "memory": "256Mi"}, "limits": {"memory": "256Mi"}}
    with Load(port, host=host, posts=False, pause=0.05) as load:
        web.apply(balancer(proxy={"replicas": 1, "resources": bigger}))
        for zone in zones:
            web.kubectl("rollout", "status", f"deployment/elb-web-{zone}", "--timeout=150s")
        until(lambda: not before & _all_proxies(web), limit=120, every=0.5, say="the old proxies are gone")
        load.wait_for(50)
    load.assert_clean(least=100)


def _all_proxies(web: Space) -> set[str]:
    found = web.get("pods", "--selector=elbow.dev/load-balancer=web")["items"]
    return {pod["metadata"]["name"] for pod in found}
