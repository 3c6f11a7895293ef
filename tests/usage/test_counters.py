"""A proxy's sums go on whatever becomes of HAProxy's workers and of the agent, and never count anything twice."""

from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from elbow_api.usage import Counts
from elbow_dataplane.agent.kept_counters import KeptCounters
from elbow_dataplane.haproxy.counters import Counts as WorkerCounts
from elbow_dataplane.haproxy.stats import Row, Stats, Worker
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

_FIELDS = ("req_tot", "conn_tot", "bin", "bout")


def counts(numbers: dict[str, int], name: str = "ls_http") -> WorkerCounts:
    row = Row(name, "FRONTEND", tuple(map(str, numbers.values())), {field: n for n, field in enumerate(numbers)})
    return WorkerCounts(Stats(MappingProxyType({name: row}), MappingProxyType({}), MappingProxyType({})), {}, {})


class Life(RuleBasedStateMachine):
    """Workers count; the agent looks, keeps what it knows, and is killed; HAProxy is reloaded and killed."""

    directory: Path

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.true = 0
        self.unseen = 0
        """What no agent has looked at and none ever will: a worker died with it."""
        self.workers: dict[Worker, int] = {(7, 1): 0}
        self.current = (7, 1)
        self.looked: dict[Worker, int] = {}
        self.file = self.directory / f"{id(self)}.json"
        self.agent = self._agent()

    def _agent(self) -> KeptCounters:
        agent = KeptCounters(self.file)
        agent.kinds["ls_http"] = "http"
        return agent

    @rule(number=st.integers(1, 50), old=st.booleans())
    def serve(self, number: int, old: bool) -> None:
        worker = min(self.workers) if old else self.current
        self.workers[worker] += number
        self.true += number

    @rule()
    def look(self) -> None:
        self.now += 3
        for worker, served in self.workers.items():
            self.agent.add(worker, counts(dict.fromkeys(_FIELDS, served)), self.now)
            self.looked[worker] = served
        self.agent.forget({pid for pid, _ in self.workers}, self.current)
        self.agent.keep()

    @rule(keeps=st.booleans())
    def kill_the_agent(self, keeps: bool) -> None:
        if not keeps:  # it had looked but not yet written down
            for worker, served in self.workers.items():
                self.agent.add(worker, counts(dict.fromkeys(_FIELDS, served)), self.now)
        self.agent = self._agent()

    @rule()
    def reload(self) -> None:
        self.current = (max(pid for pid, _ in self.workers) + 1, self.current[1] + 1)
        self.workers[self.current] = 0

    @rule(same_number=st.booleans())
    def kill_haproxy(self, same_number: bool) -> None:
        self.unseen += sum(served - self.looked.get(worker, 0) for worker, served in self.workers.items())
        self.current = (self.current[0] + (not same_number), self.current[1] + 1)
        self.workers = {self.current: 0}

    @precondition(lambda self: len(self.workers) > 1)
    @rule()
    def end_an_old_worker(self) -> None:
        """It is held until what it did is counted."""
        self.look()
        del self.workers[min(self.workers)]

    @invariant()
    def never_more_than_was_served(self) -> None:
        assert self._counted().requests <= self.true

    def teardown(self) -> None:
        self.look()
        found = self._counted()
        assert found.requests == found.new_connections == self.true - self.unseen
        assert found.processed_bytes == 2 * found.requests
        assert found.connection_seconds == 0
        self.file.unlink(missing_ok=True)

    def _counted(self) -> Counts:
        told = self.agent.usage()
        return told.usage.http if told else Counts()


@pytest.mark.timeout(400)
def test_what_workers_did_is_counted_once(tmp_path: Path) -> None:
    Life.directory = tmp_path
    run_state_machine_as_test(Life, settings=settings(max_examples=40, stateful_step_count=25, deadline=None))


def test_sums_have_a_name_once_they_are_written_down_and_keep_it(tmp_path: Path) -> None:
    first = KeptCounters(tmp_path / "counters.json")
    assert first.usage() is None
    first.keep()
    told = first.usage()
    assert told is not None
    assert KeptCounters(first.file).stream == told.stream
    first.file.write_text("{")
    assert KeptCounters(first.file).stream != told.stream


def test_open_connections_are_counted_by_the_time_they_are_open(tmp_path: Path) -> None:
    agent = KeptCounters(tmp_path / "counters.json")
    agent.kinds["ls_tls"] = "tls"
    for now, clients in ((0.0, 4), (3.0, 10), (6.0, 0), (9.0, 2), (1000.0, 2)):
        agent.add((7, 1), counts({"scur": clients}, "ls_tls"), now)
    agent.keep()
    told: Any = agent.usage()
    assert told.usage.tls.connection_seconds == 4 * 3 + 10 * 3 + 2 * 15  # of a long gap, what is sure
    assert told.usage.http == Counts()


def test_a_listener_that_is_gone_is_billed_for_its_last_clients(tmp_path: Path) -> None:
    agent = KeptCounters(tmp_path / "counters.json")
    agent.kinds["ls_a"] = "tcp"
    agent.add((7, 1), counts({"bin": 5}, "ls_a"), 0)
    agent.keep()
    later = KeptCounters(agent.file)
    later.add((7, 1), counts({"bin": 9}, "ls_a"), 3)
    told: Any = later.usage() or later.keep() or later.usage()
    assert told.usage.tcp.processed_bytes == 9
