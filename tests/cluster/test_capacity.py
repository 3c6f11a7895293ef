"""Capacity set aside on a real cluster: there before its start, gone after its end, and said to fail where it can't be had."""

from datetime import UTC, datetime, timedelta
from typing import Any

from elbow_api.load_balancer import parse
from elbow_api.proxy import amount
from elbow_kube.object import Object
from elbow_operator.plan.capacity import plan
from harness.cluster_objects import balancer
from harness.kube import Space, nodes_of, settled
from harness.load import Load
from harness.poll import until


def reservation(start: datetime, end: datetime, requests: int) -> Object:
    """What spec.capacity holds."""
    times = {"start": start.isoformat(timespec="seconds"), "end": end.isoformat(timespec="seconds")}
    return {"reservations": [{"name": "launch", **times, "requestsPerSecond": requests}]}


def requests_for(proxies: int, **spec: Any) -> int:
    """A rate that takes so many proxies in each of three zones."""
    start = datetime.now(UTC)
    for requests in range(1000, 1_000_000, 1000):
        document = balancer(**spec, capacity=reservation(start, start + timedelta(hours=1), requests))
        if plan(parse(document).spec, 3, start).needed == proxies:
            return requests
    raise AssertionError(proxies)


def told(space: Space, name: str = "web") -> Object:
    """The state of the reservation."""
    found: list[Object] = (space.status(name).get("capacity") or {}).get("reservations") or [{}]
    return found[0]


def replicas(space: Space) -> set[int]:
    """What the zones' Deployments are to have."""
    items = space.get("deployment", "--selector", "elbow.dev/load-balancer=web")["items"]
    return {item["spec"]["replicas"] for item in items}


def happened(space: Space) -> set[str]:
    """The reasons of all Events of the load balancer."""
    events = space.get("events.events.k8s.io")["items"]
    return {event["reason"] for event in events if event["regarding"]["kind"] == "LoadBalancer"}


def test_a_reservation_is_there_before_its_start_and_ends_without_a_failed_request(web: Space) -> None:
    requests = requests_for(2)
    host, port = web.door("zone-b")  # a zone of one node: that keeps a proxy, whichever goes
    with Load(port, host=host, posts=False, pause=0.05) as load:
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=1)
        web.apply(balancer(capacity=reservation(start, start + timedelta(hours=1), requests)))
        until(lambda: replicas(web) == {2}, limit=45, every=0.3, say="every zone is to have two proxies")
        assert datetime.now(UTC) < start
        until(lambda: told(web).get("state") == "provisioned", limit=150, every=0.3, say="the proxies are there")
        assert web.condition("CapacityProvisioned")["status"] == "True"
        settled(web)
        load.wait_for(50)
        begun = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
        end = begun + timedelta(minutes=1, seconds=10)
        web.apply(balancer(capacity=reservation(begun, end, requests)))
        until(lambda: told(web).get("state") == "ended", limit=60, every=0.3, say="it is over")
        assert datetime.now(UTC) >= end
        until(lambda: replicas(web) == {1}, limit=30, every=0.3, say="every zone is to have one proxy")
        settled(web)
        load.wait_for(50)
    load.assert_clean(least=100)
    assert {"CapacityProvisioned", "CapacityEnded"} <= happened(web)


def test_a_reservation_that_does_not_fit_fails_and_says_what_is_missing(space: Space) -> None:
    """Two proxies that each take more than half of a node don't fit in a zone of one node."""
    (node,) = nodes_of("zone-b")
    most = amount(node["status"]["allocatable"]["cpu"])
    proxy = {"replicas": 1, "resources": {"requests": {"cpu": f"{round(most * 600)}m", "memory": "64Mi"}}}
    start = datetime.now(UTC).replace(microsecond=0)
    capacity = reservation(start, start + timedelta(hours=1), requests_for(2, proxy=proxy))
    space.apply(balancer(proxy=proxy, capacity=capacity))

    until(lambda: told(space).get("state") == "failed", limit=120, every=0.3, say="it is said to fail")

    until(lambda: "zone zone-b: " in told(space).get("message", ""), limit=60, every=0.3, say="the zone is named")
    assert "Insufficient cpu" in told(space)["message"]
    assert space.condition("CapacityProvisioned")["reason"] == "CapacityMissing"
    assert "CapacityMissing" in happened(space)
