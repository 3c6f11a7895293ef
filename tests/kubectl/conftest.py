"""`kubectl elb` as its user types it, over a cluster as people have it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from console import scene
from elbow_kubectl.main import group
from harness.background import Background
from harness.console import kubeconfig
from harness.fake_cluster import FakeCluster
from harness.ports import Ports


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    out: str
    err: str
    code: int

    @property
    def rows(self) -> list[list[str]]:
        """The cells of a table, its head left out."""
        return [line.split() for line in self.out.splitlines()[1:]]


Elb = Callable[..., Said]


@pytest.fixture
def cluster(background: Background, ports: Ports) -> Iterator[FakeCluster]:
    """A busy shop in three zones, and five more load balancers in all states."""
    cluster = FakeCluster(background, ports)
    scene.furnish(cluster)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def elb(cluster: FakeCluster, tmp_path: Path) -> Elb:
    """Runs a command in the namespace shop."""
    config = str(kubeconfig(tmp_path, cluster.url))

    def run(*words: str) -> Said:
        result = CliRunner().invoke(group, ["--kubeconfig", config, *words])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.stdout, result.stderr, result.exit_code)

    return run
