"""What the operator tells Prometheus, from what its parts told."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from elbow_kube.client import ApiAway, ApiError, Client
from elbow_kube.login import KubeConfig
from elbow_kube.watch import watch
from elbow_operator.metrics import Failure, Metrics, failure
from elbow_operator.queue import Queue
from elbow_operator.status.convergence import Convergence, Proxies, converge
from elbow_operator.status.fold import fold
from harness.background import Background
from harness.fake_api import FakeApi
from harness.observed import NOW, observed
from harness.ports import Ports
from kubernetes.aio.client import Configuration
from prometheus_client import CollectorRegistry

WEB = {"namespace": "shop", "load_balancer": "web"}
KEY = ("shop", "web")


class Told:
    """A replica's metrics, and the time they are read at."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry, lambda: self.now)

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def leader(told: Told) -> Told:
    told.metrics.lead({})
    return told


def test_a_replica_that_does_not_lead_says_so_and_nothing_of_load_balancers(told: Told) -> None:
    told.metrics.tell(KEY, fold(observed(), {}, NOW))
    assert told("elbow_operator_leader") == 0
    assert told("elbow_operator_queue_length") is None
    assert told("elbow_load_balancer_convergence_age_seconds", **WEB) is None


def test_a_replica_that_leads_no_more_forgets_what_it_knew(leader: Told) -> None:
    leader.metrics.tell(KEY, fold(observed(), {}, NOW))
    leader.metrics.heard(("/api/v1/nodes", ""))
    leader.metrics.resign()
    leader.metrics.lead({})
    assert leader("elbow_operator_leader") == 1
    assert leader("elbow_load_balancer_convergence_age_seconds", **WEB) is None
    assert leader("elbow_operator_watch_age_seconds", resource="nodes") is None


def test_a_load_balancer_whose_proxies_all_run_what_is_wanted_has_age_0(leader: Told) -> None:
    leader.metrics.tell(KEY, fold(observed(), {}, NOW))
    leader.now += 60
    assert leader("elbow_load_balancer_convergence_age_seconds", **WEB) == 0
    assert leader("elbow_load_balancer_proxies_wanted", zone="zone-a", **WEB) == 1
    assert leader("elbow_load_balancer_proxies_ready", zone="zone-a", **WEB) == 1
    assert leader("elbow_load_balancer_proxies_behind", zone="zone-a", **WEB) == 0
    assert leader("elbow_load_balancer_condition", condition="Ready", **WEB) == 1
    assert leader("elbow_load_balancer_condition", condition="Stalled", **WEB) == 0


def test_a_change_ages_until_every_proxy_runs_it(leader: Told) -> None:
    leader.metrics.tell(KEY, fold(observed(generation=2, running=2), {}, NOW))
    leader.now += 5
    leader.metrics.tell(KEY, fold(observed(generation=3, running=3), {}, NOW))  # the older one isn't everywhere yet
    leader.now += 2
    assert leader("elbow_load_balancer_convergence_age_seconds", **WEB) == 7
    assert leader("elbow_load_balancer_proxies_behind", zone="zone-b", **WEB) == 1
    leader.metrics.tell(KEY, fold(observed(), {}, NOW))
    assert leader("elbow_load_balancer_convergence_age_seconds", **WEB) == 0


def test_a_proxy_that_is_missing_is_behind() -> None:
    status = fold(observed(pods=observed().pods[1:]), {}, NOW)
    found = converge(None, status, 10.0)
    assert found.zones["zone-a"] == Proxies(wanted=1, ready=0, behind=1)
    assert (found.behind, found.since) == (1, 10.0)


def test_more_proxies_than_wanted_are_not_behind() -> None:
    status = fold(observed(desired=dict.fromkeys(("zone-a", "zone-b", "zone-c"), 0)), {}, NOW)
    assert converge(Convergence(since=3.0), status, 10.0).since is None


def test_a_load_balancer_that_is_gone_is_told_of_no_more(leader: Told) -> None:
    leader.metrics.tell(KEY, fold(observed(), {}, NOW))
    leader.metrics.forget(KEY)
    assert leader("elbow_load_balancer_condition", condition="Ready", **WEB) is None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ApiAway("connection refused"), "ApiServerAway"),
        (TimeoutError(), "ApiServerAway"),
        (ApiError(503, "etcd is slow"), "ApiServerError"),
        (ApiError(429, "later"), "Throttled"),
        (ApiError(403, "no rights"), "Forbidden"),
        (ApiError(409, "changed"), "Conflict"),
        (ApiError(422, "denied"), "ObjectRefused"),
        (KeyError("spec"), "Internal"),
    ],
)
def test_why_a_look_failed_is_one_of_a_closed_list(error: Exception, reason: str) -> None:
    assert failure(error) == reason


def test_reasons_that_did_not_occur_are_told_as_0(leader: Told) -> None:
    for reason in Failure:
        assert leader("elbow_operator_reconcile_errors_total", reason=reason.value) == 0


async def test_a_look_that_fails_is_counted_timed_and_waits_on() -> None:
    told, begun, goes_on = Told(), asyncio.Event(), asyncio.Event()
    fails = [ApiError(403, "no rights")]

    async def look(_: tuple[str, str]) -> None:
        if fails:
            raise fails.pop()
        begun.set()
        await goes_on.wait()

    queue = Queue(look, told.metrics)
    queue.add(KEY)
    (since,) = queue.waiting.values()
    async with asyncio.timeout(20):
        await begun.wait()
    assert told("elbow_operator_reconcile_errors_total", reason="Forbidden") == 1
    assert queue.waiting == {KEY: since}, "since the first look, not since the last one"
    told.metrics.lead(queue.waiting)
    told.now = since + 3
    assert told("elbow_operator_queue_length") == 1
    assert told("elbow_operator_queue_age_seconds") == pytest.approx(3)
    goes_on.set()
    async with asyncio.timeout(20):
        while queue.waiting:  # noqa: ASYNC110  (it tells nobody)
            await asyncio.sleep(0.01)
    assert told("elbow_operator_queue_age_seconds") == 0
    assert told("elbow_operator_reconcile_duration_seconds_count") == 2
    await queue.close()


def test_of_the_watches_of_a_resource_the_oldest_counts(leader: Told) -> None:
    leader.metrics.heard(("/api/v1/namespaces/shop/pods", "a"))
    leader.now += 10
    leader.metrics.heard(("/api/v1/namespaces/bank/pods", "a"))
    leader.metrics.heard(("/api/v1/namespaces/shop/pods", "b"))
    leader.now += 1
    assert leader("elbow_operator_watch_age_seconds", resource="pods") == 11


@pytest.fixture
async def api(background: Background, ports: Ports) -> AsyncIterator[FakeApi]:
    api = FakeApi(background, ports)
    api.start()
    yield api
    api.stop()


async def test_a_watch_is_heard_once_for_the_list_and_once_for_what_happens(api: FakeApi) -> None:
    path, times = "/api/v1/nodes", asyncio.Queue[None]()
    api.put(path, {"kind": "Node", "metadata": {"name": "a1"}})

    async def follow() -> None:
        client = Client(KubeConfig(Configuration(host=api.url)))
        try:
            async for _ in watch(client, path, heard=lambda: times.put_nowait(None)):
                pass
        finally:
            await client.close()

    following = asyncio.ensure_future(follow())
    async with asyncio.timeout(20):
        await times.get()
        api.put(path, {"kind": "Node", "metadata": {"name": "a2"}})
        await times.get()
        assert times.empty()
    following.cancel()
    await asyncio.wait({following})
