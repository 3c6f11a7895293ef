"""What load balancers are billed by, for Prometheus: sums since each came, as they are written down, so that none goes down with an operator."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from elbow_api.ledger import Ledger, billed_hours
from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from elbow_operator.owned import Key
from elbow_operator.usage.ledger import sums

_LABELS = ["namespace", "load_balancer"]
_FAMILIES = {
    "elbow_usage_hours": "Hours it was there, each begun one a whole one",
    "elbow_usage_requests": "RequestCount, as it is billed",
    "elbow_usage_new_connections": "NewConnectionCount, as it is billed",
    "elbow_usage_connection_seconds": "Clients' connections times the seconds they were open: its rate is the mean ActiveConnectionCount",
    "elbow_usage_processed_bytes": "ProcessedBytes, as they are billed",
    "elb_consumed_lcus": "ConsumedLCUs: capacity units times hours",
}


class UsageMetrics(Collector):
    """Reads the ledgers when asked."""

    def __init__(
        self, ledgers: Callable[[], Mapping[Key, Ledger]], clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._ledgers = ledgers
        self._clock = clock

    def describe(self) -> Iterator[Metric]:
        """None: what is there depends on who leads."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """All of them, by load balancer."""
        families = {name: CounterMetricFamily(name, text, labels=_LABELS) for name, text in _FAMILIES.items()}
        now = self._clock()
        for key, ledger in sorted(self._ledgers().items()):
            found = sums(ledger, whole=False)
            counts = found.usage.together()
            there = [life for life in ledger.lifetimes.values() if life.until is None]
            values = (
                billed_hours(there, now),
                counts.requests,
                counts.new_connections,
                counts.connection_seconds,
                counts.processed_bytes,
                float(found.capacity_units),
            )
            for family, value in zip(families.values(), values, strict=True):
                family.add_metric(key, value)
        yield from families.values()
