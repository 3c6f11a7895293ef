"""What a proxy's metrics page says at one moment, reduced to what is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

COUNTERS = {
    "elb_request_count_total": "requests",
    "elb_new_connection_count_total": "connections",
    "elb_httpcode_target_2xx_count_total": "target2xx",
    "elb_httpcode_target_3xx_count_total": "target3xx",
    "elb_httpcode_target_4xx_count_total": "target4xx",
    "elb_httpcode_target_5xx_count_total": "target5xx",
    "elb_httpcode_elb_4xx_count_total": "elb4xx",
    "elb_httpcode_elb_5xx_count_total": "elb5xx",
    "elb_spillover_count_total": "spillover",
    "elb_rejected_connection_count_total": "rejected",
    "elb_processed_bytes_total": "bytes",
}
GAUGES = {"elb_active_connection_count": "active", "elb_surge_queue_length": "surgeQueue"}
_BUCKET = "elb_target_response_time_seconds_bucket"
_HOSTS = {"elb_healthy_host_count": 0, "elb_unhealthy_host_count": 1}

Hosts = Mapping[tuple[str, str], tuple[float, float]]
"""Healthy and unhealthy targets, by target group and the targets' zone."""


@dataclass(frozen=True)
class Sample:
    """One proxy's counters since it started, and its gauges; summed over listeners and target groups."""

    at: float
    """When it was taken, in seconds."""
    zone: str
    counters: Mapping[str, float] = field(default_factory=dict)
    gauges: Mapping[str, float] = field(default_factory=dict)
    buckets: Mapping[float, float] = field(default_factory=dict)
    """Answers of targets that took up to so many seconds."""
    hosts: Hosts = field(default_factory=dict)


def sample(text: str, zone: str, at: float) -> Sample:
    """Read a metrics page; raises ValueError if it isn't one."""
    counters = dict.fromkeys(COUNTERS.values(), 0.0)
    gauges = dict.fromkeys(GAUGES.values(), 0.0)
    buckets: dict[float, float] = {}
    hosts: dict[tuple[str, str], list[float]] = {}
    for family in text_string_to_metric_families(text):
        for name, labels, value, *_ in family.samples:
            if name in COUNTERS:
                counters[COUNTERS[name]] += value
            elif name in GAUGES:
                gauges[GAUGES[name]] += value
            elif name == _BUCKET:
                limit = float(labels["le"])
                buckets[limit] = buckets.get(limit, 0.0) + value
            elif name in _HOSTS:
                where = labels.get("target_group", ""), labels.get("target_zone", "")
                hosts.setdefault(where, [0.0, 0.0])[_HOSTS[name]] += value
    return Sample(at, zone, counters, gauges, buckets, {where: (up, down) for where, (up, down) in hosts.items()})
