"""Clients of every zone of a LoadBalancer, and how many requests they made."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from harness.kube import Space, kill_agent, settled
from harness.load import Load
from harness.poll import until

_ZONES = ("zone-a", "zone-b", "zone-c")


class Traffic:
    """All requests that the LoadBalancer web has got since it was made."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.served = 0
        """Requests that were answered."""
        self.cut = 0
        """Requests that were sent and never answered: nobody knows whether a proxy took them."""
        self.lost = 0
        """Requests that needn't be counted, as their proxy was lost."""

    @contextmanager
    def flows(self) -> Iterator[dict[str, Load]]:
        """Clients send through each zone's own door, by zone, while this lasts; some were served by then."""
        doors = {zone: self.space.door(zone) for zone in _ZONES}
        loads = {
            zone: Load(port, host=host, keep_alive=1, fresh=1, posts=False, pause=0.1)
            for zone, (host, port) in doors.items()
        }
        try:
            with ExitStack() as stack:
                for load in loads.values():
                    stack.enter_context(load)
                served(*loads.values())
                yield loads
        finally:
            self.served += sum(load.served for load in loads.values())
            self.cut += sum(
                number for load in loads.values() for kind, number in load.failures.items() if _was_sent(kind)
            )

    def flow_while_a_pod_ends_and_an_agent_is_killed(self) -> None:
        """Through zone-b's proxy, which is replaced, and zone-c's."""
        settled(self.space, 3)
        (pod,), (other,) = self.space.proxies("zone-b"), self.space.proxies("zone-c")
        with self.flows() as loads:
            self.space.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")
            self.space.kubectl("wait", "--for=delete", f"pod/{pod['metadata']['name']}", "--timeout=90s")
            kill_agent(self.space, other)  # by now it has written down what it counted
            settled(self.space, 3)
            served(*loads.values())

    def is_all(self, counted: int) -> bool:
        """Whether so many are every request, each once."""
        return self.served - self.lost <= counted <= self.served + self.cut

    def __str__(self) -> str:
        return f"{self.served} requests were served, {self.cut} cut, {self.lost} may be lost"


def served(*loads: Load, more: int = 10, limit: float = 90) -> None:
    """Wait until each has got so many more answers."""
    goals = {load: load.served + more for load in loads}
    until(lambda: all(load.served >= goal for load, goal in goals.items()), limit=limit, say=f"{more} more answers")


def _was_sent(kind: str) -> bool:
    return "before a response" in kind or "in a body" in kind
