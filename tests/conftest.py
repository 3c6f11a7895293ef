"""What every test may ask for."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.background import Background
from harness.certificates import Authority
from harness.elbow import Elbow
from harness.manifest import Manifest
from harness.ports import Ports
from harness.targets import Targets


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


@pytest.fixture(scope="module")
def fleet(background: Background, ports: Ports) -> Iterator[Targets]:
    """Makes targets; all are stopped when the file's last test ends."""
    fleet = Targets(background, ports)
    yield fleet
    fleet.stop()


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


@pytest.fixture(scope="module")
def shared(ports: Ports) -> Iterator[Callable[..., Elbow]]:
    """Starts Elbow over a manifest; it is gone when the file's last test ends."""
    started: list[Elbow] = []

    def start(manifest: Manifest, **options: Any) -> Elbow:
        started.append(Elbow(manifest, ports, **options))
        return started[-1]

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


def pytest_addoption(parser: pytest.Parser) -> None:
    """What writes files of the source tree."""
    parser.addoption("--rewrite-golden", action="store_true", help="write tests/golden/*.cfg anew")
    parser.addoption("--screenshots", action="store_true", help="write docs/images/*.png anew")
