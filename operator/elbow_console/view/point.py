"""From the samples of all proxies, now and a while ago, to one point of each chart."""

import math
from collections.abc import Iterable, Mapping

from elbow_console.view.sample import COUNTERS, GAUGES, Hosts, Sample

Samples = Mapping[str, Sample]
"""The samples of proxies, by their names."""
Point = Mapping[str, float | None]
"""A value for each line; None where it has none, such as a latency without an answer."""

RATES = tuple(COUNTERS.values())
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
LINES = (*RATES, *GAUGES.values(), *PERCENTILES, "healthy", "unhealthy")
GAP: Point = dict.fromkeys(LINES)


def point(now: Samples, before: Samples) -> Point:
    """Counters as rates a second, gauges as sums, latencies in milliseconds; a gap if nothing was sampled.

    A counter that went down began anew with its proxy. A proxy that wasn't there before has no rate yet.
    """
    pairs = [(sample, before[name]) for name, sample in now.items() if name in before and sample.at > before[name].at]
    if not now:
        return GAP
    rates: dict[str, float | None] = dict.fromkeys(RATES)
    if pairs:
        rates = {
            line: sum(_since(new.counters[line], old.counters[line]) / (new.at - old.at) for new, old in pairs)
            for line in RATES
        }
    gauges = {line: sum(sample.gauges[line] for sample in now.values()) for line in GAUGES.values()}
    buckets = _answers(pairs)
    latencies = {line: quantile(buckets, share) for line, share in PERCENTILES.items()}
    healthy, unhealthy = hosts(sample.hosts for sample in now.values())
    return {**rates, **gauges, **latencies, "healthy": healthy, "unhealthy": unhealthy}


def _since(new: float, old: float) -> float:
    return new - old if new >= old else new


def _answers(pairs: Iterable[tuple[Sample, Sample]]) -> dict[float, float]:
    """The answers between two samples of each proxy, up to each limit."""
    found: dict[float, float] = {}
    for new, old in pairs:
        restarted = new.buckets.get(math.inf, 0) < old.buckets.get(math.inf, 0)
        for limit, count in new.buckets.items():
            found[limit] = found.get(limit, 0) + count - (0 if restarted else old.buckets.get(limit, 0))
    return found


def quantile(buckets: Mapping[float, float], share: float) -> float | None:
    """A quantile of a histogram in seconds, in milliseconds; even within a bucket, as Prometheus' histogram_quantile has it."""
    total = buckets.get(math.inf, 0)
    if not total:
        return None
    rank, low, below = share * total, 0.0, 0.0
    for limit, count in sorted(buckets.items()):
        if count >= rank:
            if limit == math.inf:
                break
            return 1000 * (low + (limit - low) * (rank - below) / (count - below))
        low, below = limit, count
    return 1000 * low


def hosts(views: Iterable[Hosts]) -> tuple[float, float]:
    """Healthy and unhealthy targets; the worst view of all proxies counts, as in the status.

    A proxy that has no part in a zone's targets, as without cross-zone, has no view of them.
    """
    worst: dict[tuple[str, str], tuple[float, float]] = {}
    for view in views:
        for where, (up, down) in view.items():
            if up + down:
                least, most = worst.get(where, (math.inf, 0.0))
                worst[where] = (min(least, up), max(most, down))
    return sum(up for up, _ in worst.values()), sum(down for _, down in worst.values())
