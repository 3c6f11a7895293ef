"""ELB's counters, from HAProxy's (ELB sections 9.4 and 10)."""

from elbow_api.listener import Listener
from elbow_api.target_group import TargetGroup

from elbow_dataplane.haproxy.counters import Counters
from elbow_dataplane.haproxy.render.server import backend_of, open_backend_of


def group_count(counters: Counters, group: TargetGroup, name: str) -> int:
    """A sum over a group's targets, in both of its backends."""
    kind = "backend" if name == "spillover" else "server"
    return sum(counters.of(kind, backend, name) for backend in (backend_of(group), open_backend_of(group)))


def listener_count(counters: Counters, listener: Listener, name: str) -> int:
    """A sum of a listener."""
    return counters.of("frontend", f"ls_{listener.name}", name)
