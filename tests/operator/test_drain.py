"""The end of targets that wait for it: which pods are meant, who is waited for, and what the kubelet is answered."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession
from elbow_api.proxy_report import ProxyReport
from elbow_api.target_health import State
from elbow_kube.client import Client
from elbow_kube.login import KubeConfig
from elbow_operator import drains, prestop
from elbow_operator.drains import Drains
from elbow_operator.plan.cluster import Replica
from elbow_operator.plan.drain import endpoint_slice
from elbow_operator.prestop import PreStop
from elbow_operator.reports import Newest
from elbow_operator.status.drain import holder, leaving, meant, served
from harness.background import Background
from harness.fake_api import FakeApi, Trouble
from harness.observed import report
from harness.ports import Ports
from kubernetes.aio.client import Configuration

_PODS = "/api/v1/namespaces/shop/pods"


def told(*targets: tuple[str, str, bool | None]) -> ProxyReport:
    """A proxy's report of targets: the pod, its state, whether it is drained."""
    whole = report("zone-a", [state for _, state, _ in targets])
    (group,) = whole.target_groups
    named = [
        found.model_copy(update={"pod": pod, "drained": drained})
        for found, (pod, _, drained) in zip(group.targets, targets, strict=True)
    ]
    return whole.model_copy(update={"target_groups": [group.model_copy(update={"targets": named})]})


def pod(name: str, *, ends: bool = True) -> dict[str, Any]:
    times = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if ends else {}
    labels = {"elbow.dev/drain": "acknowledged"}
    metadata = {"name": name, "namespace": "shop", "labels": labels, **times}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}}


WEB = frozenset({"web-1"})


def test_a_pod_is_served_until_its_proxy_says_that_it_is_drained() -> None:
    for state in State:
        assert served(told(("web-1", state, None))) == WEB
    assert served(told(("web-1", "draining", True), ("web-2", "draining", None))) == {"web-2"}
    assert served(told()) == set()


def test_a_pod_in_two_groups_is_served_until_both_are_drained() -> None:
    one, other = told(("web-1", "draining", True)), told(("web-1", "draining", None))
    both = one.model_copy(update={"target_groups": [*one.target_groups, *other.target_groups]})
    assert served(both) == WEB


def test_every_proxy_that_reports_is_waited_for() -> None:
    assert holder(WEB, {"a": frozenset(), "b": WEB}, ["a", "b"]) == "b"
    assert holder(WEB, {"a": frozenset(), "b": frozenset({"web-2"})}, ["a", "b"]) is None


def test_a_proxy_that_ends_itself_is_waited_for() -> None:
    assert holder(WEB, {"a": frozenset(), "b": WEB}, ["a"]) == "b"


def test_a_ready_proxy_that_reports_nothing_is_waited_for() -> None:
    assert holder(WEB, {"a": frozenset()}, ["a", "b"]) == "b"
    assert holder(frozenset(), {"a": WEB}, ["b"]) is None


def test_a_pod_whose_container_alone_is_ended_does_not_wait() -> None:
    assert leaving([pod("web-1", ends=False), pod("web-2")]) == {"web-2"}


def test_a_beginning_means_all_whose_names_begin_so_and_a_name_means_one() -> None:
    pods = ["web-1", "web-12", "api-1"]
    assert meant("web-1", pods) == {"web-1"}
    assert meant("web-1*", pods) == {"web-1", "web-12"}
    assert meant("web-*", pods) == {"web-1", "web-12"}


@pytest.mark.parametrize(("address", "family"), [("10.0.0.1", "IPv4"), ("fd00::1", "IPv6")])
def test_the_endpoint_is_the_replica_that_leads_and_goes_with_its_pod(address: str, family: str) -> None:
    made = endpoint_slice(Replica("elbow-operator-x", "uid-1", address), "elbow-system")
    assert (made["addressType"], made["endpoints"][0]["addresses"]) == (family, [address])
    assert [owner["uid"] for owner in made["metadata"]["ownerReferences"]] == ["uid-1"]


class Leader:
    """A replica that leads, and what its proxies report."""

    def __init__(self, client: Client, port: int) -> None:
        self.client, self.port = client, port
        self.newest, self.ready = Newest(), ["elb-web-1"]
        self.prestop = PreStop()
        self.lead()

    def lead(self, *namespaces: str) -> None:
        self.drains = Drains(self.client, namespaces, self.newest, lambda _: self.ready)
        self.prestop.lead(self.drains)

    def tell(self, *targets: tuple[str, str, bool | None]) -> None:
        line = told(*targets).model_dump_json(by_alias=True, exclude_none=True).encode()
        self.newest.put(("shop", "elb-web-1"), line)
        self.drains.news("shop")

    async def ask(self, name: str, most: int = 30, *, follow: bool = True) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.port}/drained/shop/{name}?at-most={most}"
        async with ClientSession() as session, session.get(url, allow_redirects=follow) as answer:
            return answer.status, await answer.text() or answer.headers.get("Location", "")


@pytest.fixture
def api(background: Background, ports: Ports) -> Any:
    api = FakeApi(background, ports)
    api.start()
    yield api
    api.stop()


@pytest.fixture
async def leader(api: FakeApi, ports: Ports, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Leader]:
    monkeypatch.setattr(prestop, "_AGAIN", 0.1)
    monkeypatch.setattr(drains, "_RETRY", 0.1)
    monkeypatch.setattr(prestop, "_QUIET", 0.3)
    client = Client(KubeConfig(Configuration(host=api.url)))
    leader = Leader(client, ports.take())
    await leader.prestop.open(leader.port)
    yield leader
    leader.prestop.resign()
    await leader.prestop.close()
    await client.close()


async def waits(question: "asyncio.Task[tuple[int, str]]") -> bool:
    await asyncio.wait({question}, timeout=0.4)
    return not question.done()


async def test_the_answer_comes_when_the_last_proxy_is_done(api: FakeApi, leader: Leader) -> None:
    api.put(_PODS, pod("web-1"))
    leader.tell(("web-1", "healthy", None))
    question = asyncio.create_task(leader.ask("web-*"))
    assert await waits(question)
    leader.tell(("web-1", "draining", None))
    assert await waits(question)
    leader.tell(("web-1", "draining", True))
    assert await asyncio.wait_for(question, 5) == (200, "drained\n")


async def test_a_pod_that_nothing_is_known_of_and_one_that_stays_have_their_answer(
    api: FakeApi, leader: Leader
) -> None:
    api.put(_PODS, pod("web-1", ends=False))
    leader.tell(("web-1", "healthy", None))
    assert await leader.ask("web-1") == (200, "drained\n")
    assert await leader.ask("db-1") == (200, "drained\n")


async def test_a_pod_of_a_namespace_that_is_not_looked_after_has_its_answer(api: FakeApi, leader: Leader) -> None:
    api.put(_PODS, pod("web-1"))
    leader.tell(("web-1", "healthy", None))
    leader.lead("bank")
    assert await leader.ask("web-1") == (200, "drained\n")
    assert api.requests == []


async def test_what_is_no_namespace_is_not_asked_for(api: FakeApi, leader: Leader) -> None:
    assert (await leader.ask("..%2Fconfigmaps/web-1"))[0] == 404
    assert api.requests == []


async def test_the_wait_is_bounded(api: FakeApi, leader: Leader) -> None:
    api.put(_PODS, pod("web-1"))
    leader.tell(("web-1", "healthy", None))
    assert await leader.ask("web-1", 1) == (200, "not drained in time\n")


async def test_while_the_api_server_gives_no_list_the_answer_waits(api: FakeApi, leader: Leader) -> None:
    api.put(_PODS, pod("web-1"))
    leader.tell(("web-1", "draining", True))
    api.now(Trouble.THROTTLING)
    question = asyncio.create_task(leader.ask("web-1"))
    assert await waits(question)
    api.now(Trouble.NONE)
    assert await asyncio.wait_for(question, 5) == (200, "drained\n")


async def test_who_asks_while_a_list_is_made_shares_the_next(api: FakeApi, leader: Leader) -> None:
    api.put(_PODS, pod("web-1"))
    leader.tell(("web-1", "draining", True))
    api.now(Trouble.SLOW)
    first = asyncio.create_task(leader.ask("web-1"))
    async with asyncio.timeout(5):
        while not api.requests:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert {await question for question in [first, *(asyncio.create_task(leader.ask("web-1")) for _ in range(9))]} == {
        (200, "drained\n")
    }
    assert len(api.requests) == 2


async def test_who_waits_when_another_replica_leads_asks_again_for_the_rest_of_its_time(
    api: FakeApi, leader: Leader
) -> None:
    api.put(_PODS, pod("web-1"))
    leader.tell(("web-1", "healthy", None))
    question = asyncio.create_task(leader.ask("web-1", follow=False))
    assert await waits(question)
    leader.prestop.resign()
    assert await asyncio.wait_for(question, 5) == (307, "/drained/shop/web-1?at-most=30")
    question = asyncio.create_task(leader.ask("web-1"))
    assert await waits(question)
    leader.lead()
    leader.tell(("web-1", "draining", True))
    assert await asyncio.wait_for(question, 5) == (200, "drained\n")


async def test_a_replica_that_led_stays_until_nobody_asks_it_any_more(leader: Leader) -> None:
    leader.prestop.resign()
    closing = asyncio.create_task(leader.prestop.close())
    assert (await leader.ask("web-1", follow=False))[0] == 307
    assert not closing.done()
    await asyncio.wait_for(closing, 5)
