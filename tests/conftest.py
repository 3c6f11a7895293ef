"""What every test may ask for."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from harness.background import Background
from harness.certificates import Authority
from harness.elbow import Elbow
from harness.grpc_target import GrpcTarget
from harness.manifest import Manifest
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

    def http(self, name: str = "a", **options: Any) -> Target:
        """A target that speaks HTTP/1, and HTTP/2 to those who begin with it."""
        return self._keep(Target(self._background, name, self._ip(), self._ports.take(), **options))

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


@pytest.fixture(scope="session")
def background() -> Iterator[Background]:
    """The loop all targets run in."""
    background = Background()
    yield background
    background.close()


@pytest.fixture(scope="session")
def ports() -> Ports:
    """Free ports."""
    return Ports()


@pytest.fixture
def port(ports: Ports) -> int:
    """A free port for the listener."""
    return ports.take()


@pytest.fixture
def targets(background: Background, ports: Ports) -> Iterator[Targets]:
    """Makes targets; all are stopped when the test ends."""
    targets = Targets(background, ports)
    yield targets
    targets.stop()


@pytest.fixture
def elbow(ports: Ports) -> Iterator[Callable[..., Elbow]]:
    """Starts Elbow over a manifest: `elbow(manifest, zone=...)`; it is ready when the call returns, and gone when the test ends."""
    started: list[Elbow] = []

    class Tracked(Elbow):
        def start(self, *, wait: bool = True) -> None:
            if self not in started:
                started.append(self)
            super().start(wait=wait)

    def start(manifest: Manifest, **options: Any) -> Elbow:
        return Tracked(manifest, ports, **options)

    yield start
    for one in started:
        one.stop()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs certificates that its client_context() trusts."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def own_authority(tmp_path: Path) -> Authority:
    """Another authority, which nobody trusts."""
    return Authority(tmp_path, name="Untrusted")
