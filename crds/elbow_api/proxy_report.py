"""What a proxy tells: the generation it runs, its targets' health, its counters."""

from elbow_api.base import Model
from elbow_api.target_health import TargetHealth

_NEWS = {"generation", "converged", "ready", "faults", "target_groups"}
_QUIET = dict.fromkeys(
    (
        "requests",
        "target2xx",
        "target3xx",
        "target4xx",
        "target5xx",
        "connection_errors",
        "surge_queue_length",
        "spillover",
    ),
    0,
)


class ListenerReport(Model):
    """A listener as it runs."""

    name: str
    port: int
    protocol: str
    target_group: str
    active_connections: int
    new_connections: int
    requests: int
    elb4xx: int
    elb5xx: int
    processed_bytes: int


class TargetGroupReport(Model):
    """A target group as it runs."""

    name: str
    healthy: int
    unhealthy: int
    initial: int
    draining: int
    unused: int
    requests: int
    target2xx: int
    target3xx: int
    target4xx: int
    target5xx: int
    connection_errors: int
    surge_queue_length: int
    spillover: int
    fails_open: bool
    targets: list[TargetHealth]


class HAProxyReport(Model):
    """The HAProxy a proxy drives."""

    version: str
    pid: int
    workers: int
    """How many worker processes there are, the current one included; old ones finish what they serve."""
    reloads: dict[str, int]
    """Reloads since the agent started, by reason."""


class ProxyReport(Model):
    """One proxy's view."""

    name: str
    namespace: str
    zone: str | None = None
    generation: int
    """The generation of the spec that runs."""
    converged: bool
    """Whether what runs was read back and equals what is wanted."""
    ready: bool
    time: str
    """When this was true, UTC, ISO 8601."""
    haproxy: HAProxyReport | None = None
    listeners: list[ListenerReport]
    target_groups: list[TargetGroupReport]
    faults: list[str]
    """Why the newest input was refused or couldn't be applied; the last good one runs on."""

    def news(self) -> str:
        """What is worth telling at once: all but counters and the time, as JSON."""
        quiet = [group.model_copy(update=_QUIET) for group in self.target_groups]
        return self.model_copy(update={"target_groups": quiet}).model_dump_json(include=_NEWS)
