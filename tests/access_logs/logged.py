"""A load balancer that writes access logs, and what it wrote."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from conftest import Targets
from harness.certificates import Authority
from harness.elbow import Elbow
from harness.manifest import group, listener, load_balancer, tls
from harness.poll import until
from harness.ports import Ports
from harness.target import Target

from access_logs.entry import Entry, alb, classic, named

FORMS: dict[str, Callable[[str], Entry]] = {"elb": classic, "alb": alb, "json": named}


@dataclass
class Logged:
    """A load balancer of one format, and its ports."""

    form: str
    elbow: Elbow
    target: Target
    http: int
    https: int
    tcp: int
    read: int = 0

    def raw(self, count: int = 1) -> list[str]:
        """The next lines, once there are so many; AssertionError if there are more."""
        found = until(lambda: self._lines(count), limit=10, say=f"{count} lines are written")
        assert len(found) == count, found
        self.read += count
        return found

    def next(self, count: int = 1) -> list[Entry]:
        """The next lines, taken apart."""
        return [FORMS[self.form](line) for line in self.raw(count)]

    def forget(self) -> None:
        """Look no more at what was written so far."""
        self.read = len(self.elbow.output.read_bytes().splitlines())

    def _lines(self, count: int) -> list[str] | None:
        text = self.elbow.output.read_bytes().decode("ascii")
        lines = text.splitlines()[self.read :] if text.endswith("\n") else []
        return lines if len(lines) >= count else None


def logged(form: str, targets: Targets, ports: Ports, authority: Authority, **log: Any) -> Logged:
    """Start one, with listeners for HTTP, HTTPS and TCP."""
    a, b = targets.http("a"), targets.tcp("b")
    http, https, tcp = ports.take(), ports.take(), ports.take()
    listeners = [
        listener(http),
        listener(https, "HTTPS", tls=tls(authority.issue("web.example").bundle)),
        listener(tcp, "TCP", group="db"),
    ]
    groups = [group([a], failOpen=False), group([b], "TCP", name="db")]
    return Logged(
        form,
        Elbow(load_balancer(listeners, groups, accessLog={"format": form, **log}), ports),
        a,
        http,
        https,
        tcp,
    )
