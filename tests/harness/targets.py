"""Makes targets, and stops them all."""

import itertools
from typing import Any, TypeVar

from harness.background import Background
from harness.grpc_target import GrpcTarget
from harness.ports import Ports
from harness.server import Server
from harness.target import Target
from harness.tcp_target import TcpTarget

T = TypeVar("T", bound=Server | GrpcTarget)


class Targets:
    """Makes targets, each on an address (127.0.1.1 and up) and a port of its own."""

    def __init__(self, background: Background, ports: Ports) -> None:
        self._background, self._ports = background, ports
        self._octets = itertools.count(1)
        self.made: list[Server | GrpcTarget] = []

    def http(self, name: str = "a", *, ip: str | None = None, **options: Any) -> Target:
        """A target that speaks HTTP/1, and HTTP/2 to those who begin with it."""
        return self._keep(Target(self._background, name, ip or self._ip(), self._ports.take(), **options))

    def tcp(self, name: str = "a", **options: Any) -> TcpTarget:
        """A target that speaks TCP."""
        return self._keep(TcpTarget(self._background, name, self._ip(), self._ports.take(), **options))

    def grpc(self, name: str = "a", **options: Any) -> GrpcTarget:
        """A target that speaks gRPC."""
        return self._keep(GrpcTarget(name, self._ip(), self._ports.take(), **options))

    def many(self, count: int, **options: Any) -> list[Target]:
        """So many HTTP targets, named a, b, c and so on."""
        return [self.http(chr(ord("a") + i), **options) for i in range(count)]

    def stop(self) -> None:
        """Stop them all; AssertionError if one met a fault of its own."""
        for target in self.made:
            target.stop()
        faults = [fault for target in self.made if isinstance(target, Server) for fault in target.faults]
        assert not faults, faults

    def _ip(self) -> str:
        return f"127.0.1.{next(self._octets)}"

    def _keep(self, target: T) -> T:
        self.made.append(target)
        return target
