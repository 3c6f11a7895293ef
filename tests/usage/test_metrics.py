"""What the operator tells Prometheus of usage."""

from datetime import timedelta

from elbow_operator.usage_metrics import UsageMetrics
from prometheus_client import CollectorRegistry

from usage.metered import LB, Cluster

LABELS = {"namespace": "shop", "load_balancer": "web"}


def told(cluster: Cluster, name: str) -> float | None:
    registry = CollectorRegistry()
    registry.register(UsageMetrics(cluster.meter.ledgers, lambda: cluster.now))
    return registry.get_sample_value(name, LABELS)


async def test_each_sum_is_that_of_the_bill_over_all_hours() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    for requests in (90_000, 180_000):  # 1 LCU of connections each hour
        cluster.counted(requests)
        await cluster.later(timedelta(hours=1))
    assert told(cluster, "elbow_usage_requests_total") == 180_000
    assert told(cluster, "elbow_usage_new_connections_total") == 180_000
    assert told(cluster, "elbow_usage_processed_bytes_total") == 180_000_000
    assert told(cluster, "elb_consumed_lcus_total") == 2
    assert told(cluster, "elbow_usage_hours_total") == 3


async def test_no_sum_goes_down_with_the_operator_that_told_it() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    await cluster.later(timedelta(seconds=20))
    cluster.counted(9)
    before = told(cluster, "elbow_usage_requests_total")
    await cluster.lead()
    cluster.meter.lives(LB, "u1")
    assert told(cluster, "elbow_usage_requests_total") == before == 5


async def test_one_that_is_gone_is_told_no_more() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    await cluster.later(timedelta(seconds=20))
    cluster.meter.gone(LB)
    assert told(cluster, "elbow_usage_requests_total") is None
