"""Installed, upgraded, held to some namespaces, and uninstalled, as a user does it, while load balancers serve."""

import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.cluster_objects import balancer
from harness.kube import OPERATOR, ROOT, Space, run, settled, who
from harness.load import Load
from harness.poll import stays, until

_ACCOUNT = "system:serviceaccount:elbow-system:elbow-operator"


def may(verb: str, what: str, namespace: str) -> bool:
    """Whether the operator may do it there."""
    done = subprocess.run(
        ["kubectl", "auth", "can-i", verb, what, f"--as={_ACCOUNT}", f"--namespace={namespace}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout.strip() == "yes"


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The source tree as the last commit before this one had it; of the first commit, that one."""
    for commit in ("HEAD~1", "HEAD"):
        archive = subprocess.run(
            ["git", "-C", ROOT, "archive", commit], capture_output=True, check=False, timeout=60
        ).stdout
        if archive:
            break
    (tmp_path / "source.tar").write_bytes(archive)
    with tarfile.open(tmp_path / "source.tar") as tar:
        tar.extractall(tmp_path / "source", filter="data")
    return tmp_path / "source"


@pytest.fixture
def restored(install: Callable[..., None]) -> Iterator[None]:
    """Elbow as the other tests want it, once the test is over."""
    yield
    install()


def test_upgraded_from_the_last_commits_chart_it_drops_nothing(
    web: Space, install: Callable[..., None], before: Path, restored: None
) -> None:
    door = web.door("zone-b")
    install(chart=before / "helm" / "elbow")
    with Load(door[1], host=door[0], posts=False, pause=0.05) as load:
        settled(web)
        install("--set", "operator.resources.requests.cpu=20m")
        run(*OPERATOR, "rollout", "status", "deployment/elbow-operator", "--timeout=150s")
        web.apply(balancer({"deregistrationDelay": "9s"}))
        settled(web)
        load.wait_for(30)
    load.assert_clean(least=30)


def test_held_to_namespaces_it_looks_after_those_and_has_no_rights_in_others(
    web: Space, space: Space, install: Callable[..., None], restored: None
) -> None:
    install("--set", f"watchNamespaces={{{web.name}}}")
    assert may("create", "deployments.apps", web.name)
    for verb, what in (("list", "pods"), ("create", "services"), ("get", "secrets"), ("list", "configmaps")):
        assert not may(verb, what, space.name)
    web.apply(balancer({"deregistrationDelay": "11s"}))
    settled(web)
    web.kubectl("delete", "service", "elb-web-zone-a")
    until(lambda: web.kubectl("get", "service", "elb-web-zone-a", "--ignore-not-found"), limit=20, every=0.3)
    space.apply(balancer())
    stays(lambda: not space.status(), during=3, every=0.5)
    install()
    until(space.status, limit=60, every=0.3, say="the other namespace is looked after")


def test_uninstalled_it_leaves_load_balancers_serving(web: Space, install: Callable[[], None], restored: None) -> None:
    door = web.door("zone-c")
    with Load(door[1], host=door[0], posts=False, pause=0.05) as load:
        run("helm", "uninstall", "elbow", "-n", "elbow-system", "--wait", limit=120)
        run("kubectl", "get", "crd", "loadbalancers.elbow.dev")
        web.kubectl("scale", "deployment/web", "--replicas=3")
        left = until(lambda: found if len(found := _targets(web)) == 3 else None, limit=60, every=0.3)
        until(lambda: who(door, 12) == left, limit=60, every=0.5, say="the targets that are left")
        load.wait_for(30)
        install()
        settled(web, 3)
    load.assert_clean(least=30)


def _targets(web: Space) -> set[str]:
    return {pod["metadata"]["name"] for pod in web.pods("app=web")}
