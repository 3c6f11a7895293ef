"""Usage is kept in the cluster, exact over restarts of everything."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from elbow_api.ledger import Ledger
from elbow_api.usage import Counts, Usage, UsageReport
from elbow_kube.client import Client
from elbow_operator.meter import Meter
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from usage.fake_store import LIST, FakeStore

LB = ("shop", "web")
BEGIN = datetime(2026, 11, 30, 22, 30, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def report(stream: str, requests: int, since: datetime) -> UsageReport:
    counts = Counts(requests=requests, new_connections=requests, processed_bytes=1000 * requests)
    return UsageReport(stream=stream, since=since.isoformat(), usage=Usage(http=counts))


class Cluster:
    """The API server, the time, and the meter of the operator that leads."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.now = BEGIN
        self.pods = {"pod"}
        self.turned: list[tuple[str, str]] = []
        self.meter = self.another()

    def another(self) -> Meter:
        client = cast("Client", self.store)
        return Meter(client, self.turned.append, lambda _: self.pods, lambda: self.now)

    async def lead(self) -> None:
        """Another operator leads from now on."""
        self.meter = self.another()
        await self.meter.load([LIST], self.now)

    def counted(self, requests: int, stream: str = "s1", pod: str = "pod") -> None:
        self.meter.counted(("shop", pod), LB, report(stream, requests, BEGIN))

    async def later(self, time: timedelta) -> None:
        """So much later, with all written that is due."""
        self.now += time
        for _ in range(4):
            await self.meter.write()

    def ledger(self) -> Ledger:
        return Ledger.model_validate_json(self.store.data("elbow-usage-web")["ledger"])

    def billed(self) -> int:
        return billed(self.store)


def billed(store: FakeStore) -> int:
    """All requests that are written down."""
    hours: dict[str, Usage] = {}
    for document in store.objects.values():
        for key, text in document["data"].items():
            if key[:2] == "20":
                hours[key] = Usage.model_validate_json(text)
    for document in store.objects.values():
        if "ledger" in document["data"]:
            hours |= Ledger.model_validate_json(document["data"]["ledger"]).hours
    return sum(usage.http.requests for usage in hours.values())


async def test_what_was_counted_is_written_within_seconds_and_only_once() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    await cluster.later(20 * SECOND)
    assert cluster.billed() == 5
    writes = cluster.store.writes
    await cluster.later(HOUR / 10)
    assert cluster.store.writes == writes


async def test_an_idle_load_balancer_is_written_once_and_never_again() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    for _ in range(48):
        await cluster.later(HOUR)
    assert cluster.store.writes == 1
    assert cluster.meter.status(LB) == {
        "since": "2026-11-30T22:30:00Z",
        "hours": 49,
        "requests": 0,
        "newConnections": 0,
        "processedBytes": 0,
        "capacityUnits": "0",
    }


async def test_hours_that_are_over_go_into_their_months() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    for hour in range(4):
        cluster.counted(10 * (hour + 1))
        await cluster.later(HOUR)
    assert cluster.store.names() == ["elbow-usage-web", "elbow-usage-web.2026-11", "elbow-usage-web.2026-12"]
    assert list(cluster.store.data("elbow-usage-web.2026-11")) == ["2026-11-30T22", "2026-11-30T23"]
    assert list(cluster.store.data("elbow-usage-web.2026-12")) == ["2026-12-01T00", "2026-12-01T01"]
    assert cluster.ledger().hours == {}
    assert cluster.turned == [LB] * 4
    told: Any = cluster.meter.status(LB)
    assert (told["requests"], told["processedBytes"], told["hours"]) == (40, 40_000, 5)


async def test_the_status_tells_whole_hours() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    told: Any = cluster.meter.status(LB)
    assert told["requests"] == 0
    await cluster.later(HOUR)
    told = cluster.meter.status(LB)
    assert told["requests"] == 5


async def test_a_deleted_load_balancer_is_billed_to_its_last_proxys_end_and_then_only_its_months_are_left() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    await cluster.later(30 * SECOND)
    cluster.meter.gone(LB)
    cluster.counted(7)
    await cluster.later(30 * SECOND)
    cluster.pods.clear()
    assert cluster.meter.status(LB) is None
    await cluster.later(2 * HOUR)
    assert cluster.store.names() == ["elbow-usage-web.2026-11"]
    assert cluster.billed() == 7
    assert '"until":"2026-11-30T22:30:30Z"' in cluster.store.data("elbow-usage-web.2026-11")["lived.u1"]


async def test_one_made_anew_under_the_same_name_is_billed_apart() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    await cluster.later(30 * SECOND)
    cluster.meter.gone(LB)
    cluster.meter.lives(LB, "u2")
    cluster.counted(3, "s2", "other")
    await cluster.later(HOUR)
    assert cluster.billed() == 8
    assert "lived.u1" in cluster.store.data("elbow-usage-web.2026-11")
    assert list(cluster.ledger().lifetimes) == ["u2"]


async def test_one_deleted_while_nobody_led_is_billed_until_the_last_sign_of_it() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    await cluster.later(30 * SECOND)
    cluster.pods.clear()
    led = cluster.now
    cluster.now += 5 * HOUR
    cluster.meter = cluster.another()
    await cluster.meter.load([LIST], led)
    await cluster.later(3 * timedelta(minutes=1))
    assert f'"until":"{led:%Y-%m-%dT%H:%M:%SZ}"' in cluster.store.data("elbow-usage-web.2026-11")["lived.u1"]


async def test_another_operator_goes_on_where_the_last_one_wrote() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    await cluster.later(30 * SECOND)
    cluster.counted(8)  # not written
    await cluster.lead()
    cluster.meter.lives(LB, "u1")
    cluster.counted(9)
    await cluster.later(30 * SECOND)
    assert cluster.billed() == 9


async def test_an_operator_that_ends_writes_what_is_left() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    running = asyncio.create_task(cluster.meter.run())
    await asyncio.sleep(0)
    cluster.counted(5)
    running.cancel()
    await asyncio.wait({running})
    assert cluster.billed() == 5


async def test_of_two_that_think_they_lead_neither_counts_twice() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    await cluster.later(30 * SECOND)
    old = cluster.meter
    await cluster.lead()
    cluster.meter.lives(LB, "u1")
    for requests in (8, 12):
        for meter in (old, cluster.meter):
            meter.counted(("shop", "pod"), LB, report("s1", requests, BEGIN))
            cluster.now += HOUR
            for _ in range(4):
                await meter.write()
    cluster.now += HOUR
    for meter in (old, cluster.meter) * 3:
        await meter.write()
        cluster.now += 20 * SECOND
    assert cluster.billed() == 12


async def test_a_write_whose_answer_is_lost_is_not_repeated_on_top() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    cluster.store.breaks = 1
    await cluster.later(20 * SECOND)
    cluster.counted(7)
    await cluster.later(20 * SECOND)
    await cluster.later(20 * SECOND)
    assert cluster.billed() == 7


async def test_a_ledger_somebody_deletes_comes_back() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    await cluster.later(20 * SECOND)
    cluster.store.objects.clear()
    cluster.counted(7)
    await cluster.later(20 * SECOND)
    assert cluster.billed() == 7


async def test_months_are_kept_for_a_year_and_a_month() -> None:
    cluster = Cluster()
    for month in ("2025-09", "2025-10", "2025-11"):
        name = {"name": f"elbow-usage-web.{month}", "namespace": "shop"}
        labels = {"labels": {"elbow.dev/usage": month}, "annotations": {"elbow.dev/usage-of": "web"}}
        await cluster.store.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": name | labels, "data": {}})
    await cluster.meter.load([LIST], None)
    await cluster.later(SECOND)
    assert cluster.store.names() == ["elbow-usage-web.2025-10", "elbow-usage-web.2025-11"]


class Life(RuleBasedStateMachine):
    """A load balancer's proxies serve, report each ten seconds, lose reports, stop and die; operators come, go and overlap."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.cluster = Cluster()
        self.cluster.pods = set()
        self.stale: Meter | None = None
        self.served: dict[str, list[tuple[datetime, int]]] = {}
        """By pod: when, and how many by then."""
        self.sent: dict[str, list[int]] = {}
        self.sure = 0
        """What proxies that are gone had served a minute before their end."""
        self.gone = 0
        """What they had served at their end."""
        self.away = 0
        """For how many times ten seconds nobody leads."""
        self.number = 0

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(work)

    def _total(self, pod: str) -> int:
        return self.served[pod][-1][1]

    def _tell(self, pod: str, requests: int) -> None:
        if not self.away:
            self.cluster.meter.counted(("shop", pod), LB, report(f"s-{pod}", requests, BEGIN))

    @initialize()
    def begin(self) -> None:
        self.cluster.meter.lives(LB, "u1")
        self._run(self.cluster.meter.write())
        self.start()

    @precondition(lambda self: len(self.cluster.pods) < 3)
    @rule()
    def start(self) -> None:
        self.number += 1
        pod = f"p{self.number}"
        self.cluster.pods.add(pod)
        self.served[pod], self.sent[pod] = [(self.cluster.now, 0)], [0]

    @rule(requests=st.integers(0, 99), data=st.data())
    def ten_seconds(self, requests: int, data: st.DataObject) -> None:
        """Everyone serves and reports, but for what is lost; at most one report of two is."""
        for pod in sorted(self.cluster.pods):
            self.served[pod].append((self.cluster.now, self._total(pod) + requests))
            if data.draw(st.integers(0, 3)) == 0 and len(self.sent[pod]) % 2:
                self.sent[pod].append(self.sent[pod][-1])
            else:
                self.sent[pod].append(self._total(pod))
                self._tell(pod, self._total(pod))
        self.cluster.now += 10 * SECOND
        if self.away:
            self.away -= 1
            if not self.away:
                self._lead()
        else:
            self._run(self.cluster.meter.write())
            self._run(self.cluster.meter.write())

    @precondition(lambda self: self.cluster.pods)
    @rule(data=st.data())
    def a_late_report(self, data: st.DataObject) -> None:
        pod = data.draw(st.sampled_from(sorted(self.cluster.pods)))
        self._tell(pod, data.draw(st.sampled_from(self.sent[pod])))

    @precondition(lambda self: not self.away)
    @rule()
    def the_operator_dies(self) -> None:
        self.away = 1

    @precondition(lambda self: not self.away)
    @rule()
    def another_one_leads_and_this_one_does_not_know(self) -> None:
        self.stale = self.cluster.meter
        self._lead()

    @precondition(lambda self: self.stale is not None)
    @rule(turn=st.booleans())
    def the_old_leader_writes(self, turn: bool) -> None:
        assert self.stale is not None
        for pod in sorted(self.cluster.pods):
            self.stale.counted(("shop", pod), LB, report(f"s-{pod}", self._total(pod), BEGIN))
        before = self.cluster.now
        self.cluster.now += 20 * SECOND + (HOUR if turn else 0 * HOUR)  # by its clock
        self._run(self.stale.write())
        self.cluster.now = before

    @rule()
    def an_answer_is_lost(self) -> None:
        self.cluster.store.breaks = 1

    @rule()
    def an_hour_of_quiet(self) -> None:
        if not self.away:
            for pod in sorted(self.cluster.pods):
                self._tell(pod, self._total(pod))
            for _ in range(6):
                self._run(self.cluster.later(5 * SECOND))
            self._run(self.cluster.later(HOUR))

    @precondition(lambda self: self.cluster.pods)
    @rule(data=st.data(), well=st.booleans())
    def a_proxy_ends(self, data: st.DataObject, well: bool) -> None:
        """One that stops tells its last sum if somebody leads; one that dies doesn't."""
        pod = data.draw(st.sampled_from(sorted(self.cluster.pods)))
        if well:
            self._tell(pod, self._total(pod))
        self.cluster.pods.remove(pod)
        self.gone += self._total(pod)
        minute = self.cluster.now - timedelta(minutes=1)
        self.sure += max((n for at, n in self.served.pop(pod) if at < minute), default=0)

    @invariant()
    def never_more_than_was_served(self) -> None:
        assert billed(self.cluster.store) <= self._served()

    def teardown(self) -> None:
        if self.away:
            self._lead()
        self.cluster.store.breaks = 0
        for pod in sorted(self.cluster.pods):
            self._tell(pod, self._total(pod))
        for _ in range(6):
            self._run(self.cluster.later(10 * SECOND))
        living = sum(self._total(pod) for pod in self.cluster.pods)
        assert living + self.sure <= billed(self.cluster.store) <= self._served()
        self.loop.close()

    def _served(self) -> int:
        return self.gone + sum(self._total(pod) for pod in self.cluster.pods)

    def _lead(self) -> None:
        self.away = 0
        self._run(self.cluster.lead())
        self.cluster.meter.lives(LB, "u1")


@pytest.mark.timeout(400)
def test_restarts_of_everything_lose_no_more_than_a_minutes_worth_of_a_proxy_and_count_nothing_twice() -> None:
    run_state_machine_as_test(Life, settings=settings(max_examples=50, stateful_step_count=40, deadline=None))
