"""ELB's counters, from HAProxy's (ELB sections 9.4 and 10)."""

from collections.abc import Iterable

from elbow_api.listener import Listener
from elbow_api.target_group import TargetGroup

from elbow_dataplane.haproxy.counters import Counters
from elbow_dataplane.haproxy.render.frontend import frontend_of
from elbow_dataplane.haproxy.render.server import backends_of, open_backend_of
from elbow_dataplane.haproxy.stats import Stats


def group_count(counters: Counters, group: TargetGroup, name: str) -> int:
    """A sum over a group's targets, in both of its backends."""
    return sum(counters.of("server", backend, name) for backend in backends_of(group.name))


def connection_errors(counters: Counters, group: TargetGroup) -> int:
    """TargetConnectionErrorCount: failed connections; for HTTP but those that no other attempt made good.

    There HAProxy counts the others together with requests that were sent again.
    """
    made_good = () if group.protocol.is_http else ("wretr", "wredis")
    return sum(group_count(counters, group, name) for name in ("econ", *made_good))


def failed_open(counters: Counters, group: TargetGroup) -> int:
    """UnhealthyRoutingRequestCount: what was sent while too few targets were healthy."""
    return counters.of("server", open_backend_of(group), "stot")


def spillover(counters: Counters, group: TargetGroup, listeners: Iterable[Listener]) -> int:
    """SpilloverCount: nothing but a full surge queue denies a request in a backend; connections are counted by the frontend."""
    if group.protocol.is_http:
        return sum(counters.of("backend", backend, "dreq") for backend in backends_of(group.name))
    return sum(listener_count(counters, listener, "dreq") for listener in listeners)


def surge_queue(stats: Stats | None, group: TargetGroup) -> tuple[int, int]:
    """SurgeQueueLength: what waits now, and the most that did since HAProxy started; 0 before anything was read."""
    if stats is None:
        return 0, 0
    names = backends_of(group.name)
    rows = [row for name, row in stats.backends.items() if name in names]
    rows += [row for (backend, _), row in stats.servers.items() if backend in names]
    return sum(row.number("qcur") for row in rows), max((row.number("qmax") for row in rows), default=0)


def listener_count(counters: Counters, listener: Listener, name: str) -> int:
    """What HAProxy counted of a listener."""
    return counters.of("frontend", frontend_of(listener), name)


def rule_count(counters: Counters, listener: Listener, name: str) -> int:
    """What the listener's rules counted."""
    return counters.of("listener", frontend_of(listener), name)


def elb_codes(counters: Counters, listener: Listener, hundreds: int) -> int:
    """HTTPCode_ELB_4XX or 5XX: every answer of that class that no target made."""
    all_of_class = listener_count(counters, listener, f"hrsp_{hundreds}xx")
    return max(0, all_of_class - rule_count(counters, listener, f"target_{hundreds}xx"))


def processed_bytes(counters: Counters, listener: Listener) -> int:
    """ProcessedBytes: both directions, headers included."""
    return listener_count(counters, listener, "bin") + listener_count(counters, listener, "bout")


def rejected(counters: Counters) -> int:
    """RejectedConnectionCount: times the most connections were reached."""
    return counters.of("process", "", "refused")


def dropped_entries(counters: Counters) -> int:
    """Access log entries that nobody read in time."""
    return counters.of("process", "", "dropped_logs")
