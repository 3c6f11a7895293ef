"""What the charts show, from the metrics pages of proxies: values in, values out."""

import math
from collections.abc import Callable

import httpx
import pytest
from elbow_console.view.point import GAP, point, quantile
from elbow_console.view.sample import COUNTERS, GAUGES, Sample, sample
from elbow_console.view.series import Series
from harness.elbow import Elbow
from harness.manifest import group, listener, load_balancer
from harness.poll import until
from harness.targets import Targets

NONE = dict.fromkeys(COUNTERS.values(), 0.0)
QUIET = dict.fromkeys(GAUGES.values(), 0.0)


def one(
    at: float,
    requests: float = 0.0,
    zone: str = "zone-a",
    *,
    active: float = 0.0,
    buckets: dict[float, float] | None = None,
    **hosts: tuple[float, float],
) -> Sample:
    """A sample of a proxy."""
    return Sample(
        at,
        zone,
        NONE | {"requests": requests},
        QUIET | {"active": active},
        buckets or {},
        {("web", where): pair for where, pair in hosts.items()},
    )


def test_counters_are_shown_as_rates_over_all_proxies() -> None:
    shown = point({"a": one(10, 200), "b": one(10, 500)}, {"a": one(0, 100), "b": one(5, 400)})
    assert shown["requests"] == 10 + 20


def test_gauges_are_summed_over_all_proxies() -> None:
    assert point({"a": one(10, active=3), "b": one(10, active=4)}, {})["active"] == 7


def test_a_proxy_that_began_anew_counts_from_nothing() -> None:
    assert point({"a": one(10, 50)}, {"a": one(0, 10_000)})["requests"] == 5


def test_a_proxy_that_is_new_has_no_rate_yet_and_hides_no_other() -> None:
    assert point({"a": one(10, 100), "new": one(10, 9000)}, {"a": one(0, 0)})["requests"] == 10
    assert point({"new": one(10, 9000)}, {})["requests"] is None


def test_where_no_proxy_answered_there_is_a_gap() -> None:
    assert point({}, {"a": one(0, 1)}) == GAP
    assert set(GAP.values()) == {None}


def test_a_latency_lies_evenly_within_its_bucket() -> None:
    buckets = {0.01: 50.0, 0.1: 90.0, math.inf: 100.0}
    assert quantile(buckets, 0.25) == 5
    assert quantile(buckets, 0.7) == pytest.approx(10 + 90 * 0.5)
    assert quantile(buckets, 0.99) == 100  # beyond the last limit nothing is known
    assert quantile({math.inf: 0.0}, 0.5) is None


def test_latencies_are_those_since_the_sample_before_and_not_of_all_time() -> None:
    before = {0.01: 1000.0, 0.1: 1000.0, math.inf: 1000.0}
    now = {0.01: 1000.0, 0.1: 1010.0, math.inf: 1010.0}
    shown = point({"a": one(10, buckets=now)}, {"a": one(0, buckets=before)})
    assert shown["p50"] == pytest.approx(55)


def test_the_worst_view_of_a_zones_targets_counts() -> None:
    views = {"a": one(1, **{"zone-a": (3, 0), "zone-b": (2, 0)}), "b": one(1, **{"zone-a": (1, 2), "zone-b": (2, 0)})}
    shown = point(views, {})
    assert (shown["healthy"], shown["unhealthy"]) == (3, 2)


def test_a_proxy_without_a_part_in_a_zones_targets_has_no_view_of_them() -> None:
    views = {"a": one(1, **{"zone-a": (3, 0), "zone-b": (0, 0)}), "b": one(1, **{"zone-a": (0, 0), "zone-b": (2, 0)})}
    assert point(views, {})["healthy"] == 5


def test_a_series_has_the_sum_and_each_zone() -> None:
    series = Series()
    series.add(0, {"a": one(0, 0), "b": one(0, 0, "zone-b")})
    series.add(2, {"a": one(2, 20), "b": one(2, 60, "zone-b")})
    shown = series.since(0)
    assert shown["times"] == [2]
    assert {zone: lines["requests"] for zone, lines in shown["zones"].items()} == {
        "": [40],
        "zone-a": [10],
        "zone-b": [30],
    }


def test_a_series_tells_only_what_is_newer() -> None:
    series = Series()
    for at in (0, 2, 4):
        series.add(at, {"a": one(at, 10 * at)})
    assert series.since(0)["times"] == [2, 4]
    assert series.since(4)["times"] == []


def test_a_rate_is_over_ten_seconds() -> None:
    series = Series()
    for at in range(0, 42, 2):
        series.add(at, {"a": one(at, 1000 if at > 20 else 0)})
    rates = dict(zip(series.since(-1)["times"], series.since(-1)["zones"][""]["requests"], strict=True))
    assert rates[20] == 0
    assert rates[22] == pytest.approx(100)
    assert rates[30] == pytest.approx(100)
    assert rates[34] == 0


def test_a_proxy_that_missed_a_look_is_compared_with_its_last_one() -> None:
    series = Series()
    series.add(0, {"a": one(0, 0), "b": one(0, 0)})
    series.add(2, {"a": one(2, 20)})
    series.add(4, {"a": one(4, 40), "b": one(4, 40)})
    assert series.since(2)["zones"][""]["requests"] == [20]


def test_an_hour_is_kept() -> None:
    series = Series()
    for at in range(0, 7200, 60):
        series.add(at, {"a": one(at)})
    assert series.since(-1)["times"][0] == 7140 - 3600


def test_a_real_proxys_page_has_all_that_is_drawn(elbow: Callable[..., Elbow], targets: Targets, port: int) -> None:
    lb = elbow(load_balancer([listener(port)], [group(targets.many(2))]))
    for _ in range(20):
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 200
    page = lb.page("/metrics")[1]
    for name in [
        *COUNTERS,
        *GAUGES,
        "elb_target_response_time_seconds_bucket",
        "elb_healthy_host_count",
        "elb_unhealthy_host_count",
    ]:
        assert f"\n{name}{{" in page, name

    found = until(lambda: (now := sample(lb.page("/metrics")[1], "", 1.0)).counters["requests"] == 20 and now)
    assert found.counters["target2xx"] == 20
    assert found.buckets[math.inf] == 20
    assert sum(healthy for healthy, _ in found.hosts.values()) == 2
