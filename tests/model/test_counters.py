"""What workers counted, added up over their lives."""

from types import MappingProxyType

from elbow_dataplane.haproxy.counters import Counters, Counts
from elbow_dataplane.haproxy.elb_counters import dropped_entries, rejected
from elbow_dataplane.haproxy.stats import Stats

_NONE = Stats(MappingProxyType({}), MappingProxyType({}), MappingProxyType({}))


def worker(refused: int, dropped_logs: int) -> Counts:
    return Counts(_NONE, {}, {}, {"refused": refused, "dropped_logs": dropped_logs})


def test_what_a_worker_counts_as_a_whole_goes_on_with_the_next_one() -> None:
    counters = Counters()
    counters.add((1, 0), worker(refused=3, dropped_logs=10), 0.0)
    counters.add((2, 0), worker(refused=0, dropped_logs=0), 1.0)  # a reload
    counters.add((1, 0), worker(refused=4, dropped_logs=10), 2.0)  # the old one still serves
    counters.forget({2}, (2, 0))
    counters.add((2, 0), worker(refused=2, dropped_logs=5), 3.0)
    assert (rejected(counters), dropped_entries(counters)) == (6, 15)
