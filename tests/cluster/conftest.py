"""One cluster for all of these tests: that of scripts/cluster, inside which scripts/test-cluster runs them."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.cluster_objects import balancer
from harness.kube import ROOT, Space, run, settled
from harness.traffic import Traffic

_NUMBERS = itertools.count(1)
_ZONES = ("zone-a", "zone-b", "zone-c")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cluster)
            item.add_marker(pytest.mark.nodes)
            item.add_marker(pytest.mark.timeout(420))


def _install(*more: str, chart: Path = ROOT / "helm" / "elbow") -> None:
    """`helm install`, as a user types it, with the image of this source tree."""
    image = ("--set", "image.repository=localhost/elbow", "--set", "image.tag=dev")
    space = ("--namespace", "elbow-system", "--create-namespace")
    run(
        "helm",
        "upgrade",
        "--install",
        "elbow",
        str(chart),
        *space,
        *image,
        *more,
        "--wait",
        "--timeout",
        "3m",
        limit=240,
    )


@pytest.fixture(scope="session")
def elbow() -> None:
    """Elbow, installed by helm; its pods are of the newest image."""
    assert "KUBECONFIG" in os.environ, "these tests run inside the cluster: scripts/test-cluster"
    _install()
    run("kubectl", "-n", "elbow-system", "rollout", "restart", "deployment/elbow-operator")
    run("kubectl", "-n", "elbow-system", "rollout", "status", "deployment/elbow-operator", "--timeout=150s")


@pytest.fixture(scope="session")
def install(elbow: None) -> Callable[..., None]:
    """Installs or upgrades Elbow, with more arguments for helm if wanted."""
    return _install


@pytest.fixture
def make_space(elbow: None) -> Iterator[Callable[[str], Space]]:
    """Makes namespaces that enforce a Pod Security level; they are deleted when the test ends."""
    made: list[str] = []

    def make(level: str) -> Space:
        name = f"test-{os.getpid()}-{next(_NUMBERS)}"
        run("kubectl", "create", "namespace", name)
        made.append(name)
        run("kubectl", "label", "namespace", name, f"pod-security.kubernetes.io/enforce={level}")
        return Space(name)

    yield make
    for name in made:
        run("kubectl", "delete", "namespace", name, "--wait=false")


@pytest.fixture
def space(make_space: Callable[[str], Space]) -> Space:
    """A namespace with restricted Pod Security."""
    return make_space("restricted")


@pytest.fixture(scope="session")
def shop(elbow: None) -> Iterator[Space]:
    """A namespace with six targets and a LoadBalancer that is ready; a test leaves it as it found it."""
    yield from _serving(f"shop-{os.getpid()}", 6)


@pytest.fixture(scope="module")
def till(elbow: None) -> Iterator[Traffic]:
    """Like the shop, with three targets and one file's own: every request it ever got is counted by the file's tests."""
    for space in _serving(f"till-{os.getpid()}-{next(_NUMBERS)}", 3):
        yield Traffic(space)


def _serving(name: str, replicas: int) -> Iterator[Space]:
    run("kubectl", "create", "namespace", name)
    run("kubectl", "label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    space = Space(name)
    space.serve(replicas=replicas)
    space.apply(balancer())
    space.wait("condition=Ready", "lb/web")
    yield space
    run("kubectl", "delete", "namespace", name, "--wait=false")


@pytest.fixture
def web(shop: Space) -> Space:
    """The shop, ready and with its spec as it was made, before the test and after it."""
    shop.apply(balancer())
    shop.kubectl("scale", "deployment/web", "--replicas=6")
    settled(shop)
    return shop


@pytest.fixture(scope="session")
def zones() -> tuple[str, ...]:
    """The cluster's zones."""
    return _ZONES
