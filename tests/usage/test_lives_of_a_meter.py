"""Usage over a life of restarts, losses and overlaps, whatever their order."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

import pytest
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

from usage.metered import BEGIN, HOUR, LB, SECOND, Cluster, billed, report


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
