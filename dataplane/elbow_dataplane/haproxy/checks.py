"""Health checks that someone pointed elsewhere at the socket."""

from collections.abc import Iterator

from elbow_dataplane.haproxy.diff import Running
from elbow_dataplane.haproxy.render.server import backend_of
from elbow_dataplane.model.wanted import Wanted


def restore(wanted: Wanted, running: Running) -> Iterator[str]:
    """Runtime commands; none when every check goes to the port it should."""
    for group in wanted.groups:
        port = group.spec.health_check.port
        number = 0 if port == "traffic-port" else port  # 0 is the server's own
        for server in group.servers if group.spec.health_check.enabled else ():
            place = (backend_of(group.spec), server.name)
            state = running.states.get(place)
            if state is not None and state.check_port != number:
                yield f"set server {place[0]}/{place[1]} check-port {number}"
