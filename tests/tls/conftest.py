"""What the tests of one file share: a running Elbow and its targets, made once."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import Targets
from harness.background import Background
from harness.elbow import Elbow
from harness.manifest import Manifest
from harness.ports import Ports


@pytest.fixture(scope="module")
def fleet(background: Background, ports: Ports) -> Iterator[Targets]:
    """Makes targets; all are stopped when the file's last test ends."""
    fleet = Targets(background, ports)
    yield fleet
    fleet.stop()


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
