"""Prometheus metrics, each named after the ELB metric it is (ELB sections 10.1 and 10.2)."""

from collections.abc import Iterator
from typing import Any

from elbow_api.listener import Listener
from elbow_api.target_group import TargetGroup
from elbow_api.target_health import State
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from elbow_dataplane.agent.metric_rows import group_rows, listener_rows
from elbow_dataplane.agent.report import target_health
from elbow_dataplane.agent.state import Known
from elbow_dataplane.agent.view import View
from elbow_dataplane.haproxy import elb_counters as elb
from elbow_dataplane.haproxy.counters import Counters
from elbow_dataplane.haproxy.render.config import ReloadReason
from elbow_dataplane.haproxy.render.frontend import frontend_of

_LOAD_BALANCER = ["namespace", "load_balancer", "zone"]
_LISTENER = [*_LOAD_BALANCER, "listener"]
_GROUP = [*_LOAD_BALANCER, "target_group"]
_BUCKETS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000)
_HEALTHY = (State.HEALTHY, State.UNAVAILABLE)
_UNHEALTHY = (State.UNHEALTHY, State.UNHEALTHY_DRAINING)


def exposition(view: View, counters: Counters) -> bytes:
    """The metrics page."""
    registry = CollectorRegistry(auto_describe=False)
    if view.known is not None:
        registry.register(_Page(view, view.known, counters))
    return generate_latest(registry)


class _Page(Collector):
    """One view as metrics."""

    def __init__(self, view: View, known: Known, counters: Counters) -> None:
        self.view = view
        self.known = known
        self.counters = counters
        self.families: dict[str, Any] = {}
        config = known.desired.config
        self.labels = [config.namespace, config.name, known.zone or ""]
        self.stats = view.running.stats if view.running else None

    def collect(self) -> Iterator[Metric]:
        """All metrics, in the order of ELB's tables."""
        spec = self.known.desired.config.spec
        for listener in spec.listeners:
            self._listener(listener)
        for group in spec.target_groups:
            self._group(group)
        yield from self.families.values()
        yield from self._agent()

    def _listener(self, listener: Listener) -> None:
        row = self.stats.frontends.get(frontend_of(listener)) if self.stats else None
        self._gauge(
            "active_connection_count",
            "ActiveConnectionCount: clients connected",
            _LISTENER,
            listener.name,
            row.number("scur") if row else 0,
        )
        for name, text, value in listener_rows(self.counters, listener):
            self._counter(name, text, _LISTENER, listener.name, value)

    def _group(self, group: TargetGroup) -> None:
        self._hosts(group)
        for name, text, value in group_rows(self.counters, group, self.known.desired.config.spec.listeners_of(group)):
            self._counter(name, text, _GROUP, group.name, value)
        queued, most = elb.surge_queue(self.stats, group)
        self._gauge("surge_queue_length", "SurgeQueueLength: waiting now", _GROUP, group.name, queued)
        self._gauge(
            "surge_queue_length_max",
            "SurgeQueueLength, Maximum: the most that waited since HAProxy started",
            _GROUP,
            group.name,
            most,
        )
        if group.protocol.is_http:
            self._latency(group)

    def _hosts(self, group: TargetGroup) -> None:
        healths = target_health(group, self.known, self.view.at)
        for name, text, states in (
            ("healthy_host_count", "HealthyHostCount, by the targets' zone", _HEALTHY),
            ("unhealthy_host_count", "UnHealthyHostCount, by the targets' zone", _UNHEALTHY),
        ):
            for zone in sorted({target.zone or "" for target, _ in healths}):
                number = sum(health.state in states for target, health in healths if (target.zone or "") == zone)
                self._gauge(name, text, [*_GROUP, "target_zone"], f"{group.name},{zone}", number)
        wanted = self.known.wanted.group(group.name)
        if wanted is not None:
            healthy = sum(health.state in _HEALTHY for _, health in healths)
            enough = healthy >= wanted.minimum
            self._gauge(
                "healthy_state_routing",
                "HealthyStateRouting: 1 while enough targets are healthy",
                _GROUP,
                group.name,
                enough,
            )
            self._gauge(
                "unhealthy_state_routing",
                "UnhealthyStateRouting: 1 while too few targets are healthy",
                _GROUP,
                group.name,
                not enough,
            )

    def _latency(self, group: TargetGroup) -> None:
        values = self.counters.latencies(group.name)
        buckets = [
            (str(limit / 1000), float(sum(n for ms, n in values.items() if ms <= limit))) for limit in _BUCKETS_MS
        ]
        buckets.append(("+Inf", float(sum(values.values()))))
        text = "TargetResponseTime, Latency: until the first header of the answer"
        family = self.families.setdefault(
            "latency", HistogramMetricFamily("elb_target_response_time_seconds", text, labels=_GROUP)
        )
        family.add_metric([*self.labels, group.name], buckets, sum(ms * n for ms, n in values.items()) / 1000)

    def _agent(self) -> Iterator[Metric]:
        reloads = CounterMetricFamily(
            "elbow_reloads", "Reloads of HAProxy since the agent started, by reason", labels=[*_LOAD_BALANCER, "reason"]
        )
        for reason in ReloadReason:
            reloads.add_metric([*self.labels, reason.value], self.view.reloads[reason])
        yield reloads
        for name, text, value in (
            ("elbow_converged", "1 while what runs was read back and equals what is wanted", self.view.converged),
            ("elbow_generation", "The generation that runs", self.view.generation),
            ("elbow_workers", "HAProxy workers, those that finish what they serve included", self.view.workers),
            ("elbow_faults", "Reasons why the newest input isn't applied", len(self.view.faults)),
            ("elbow_last_look_timestamp_seconds", "When the agent last compared", self.view.at),
        ):
            metric = GaugeMetricFamily(name, text, labels=_LOAD_BALANCER)
            metric.add_metric(self.labels, float(value))
            yield metric
        for name, text, number in (
            (
                "elb_rejected_connection_count",
                "RejectedConnectionCount: times the most connections were reached",
                elb.rejected(self.counters),
            ),
            (
                "elbow_access_log_entries_dropped",
                "Entries of the access log that nobody read in time",
                elb.dropped_entries(self.counters),
            ),
        ):
            counter = CounterMetricFamily(name, text, labels=_LOAD_BALANCER)
            counter.add_metric(self.labels, number)
            yield counter

    def _counter(self, name: str, text: str, labels: list[str], value: str, number: float) -> None:
        family = self.families.setdefault(name, CounterMetricFamily(f"elb_{name}", text, labels=labels))
        family.add_metric([*self.labels, value], number)

    def _gauge(self, name: str, text: str, labels: list[str], values: str, number: float) -> None:
        family = self.families.setdefault(name, GaugeMetricFamily(f"elb_{name}", text, labels=labels))
        family.add_metric([*self.labels, *values.split(",")], float(number))
