"""The operator: what it heals, and what goes on without it."""

import json
import time
from collections.abc import Callable, Iterator

import pytest
from harness.kube import Space, answers, balancer, run, settled, who
from harness.load import Load
from harness.poll import until

_OPERATOR = ("kubectl", "-n", "elbow-system")


def leader() -> str:
    """The pod that leads."""
    lease = json.loads(run(*_OPERATOR, "get", "lease", "elbow-operator", "-o", "json"))
    holder: str = lease["spec"].get("holderIdentity", "")
    return holder.rsplit("-", 2)[0]


@pytest.fixture
def no_operator() -> Iterator[None]:
    """The operator is down for as long as the test."""
    run(*_OPERATOR, "scale", "deployment/elbow-operator", "--replicas=0")
    run(*_OPERATOR, "wait", "--for=delete", "pod", "-l", "app.kubernetes.io/name=elbow-operator", "--timeout=90s")
    yield
    run(*_OPERATOR, "scale", "deployment/elbow-operator", "--replicas=2")
    run(*_OPERATOR, "rollout", "status", "deployment/elbow-operator", "--timeout=150s")


@pytest.mark.parametrize(
    "what",
    [
        "service/elb-web-zone-a",
        "service/elb-web",
        "configmap/elb-web",
        "deployment/elb-web-zone-b",
        "role/elb-web",
        "poddisruptionbudget/elb-web-zone-c",
        "networkpolicy/elb-web",
        "serviceaccount/elb-web",
    ],
)
def test_what_someone_deletes_comes_back(web: Space, what: str) -> None:
    before = web.get(what)["metadata"]["uid"]
    web.kubectl("delete", what, "--wait=false")

    def back() -> bool:
        found = json.loads(web.kubectl("get", what, "--ignore-not-found", "-o", "json") or "{}")
        return found.get("metadata", {}).get("uid", before) != before

    until(back, limit=30, every=0.3, say=f"{what} is back")
    settled(web)


def test_what_someone_edits_is_put_right(web: Space) -> None:
    web.kubectl(
        "patch", "service", "elb-web-zone-a", "--type=merge", "-p", '{"spec": {"externalTrafficPolicy": "Cluster"}}'
    )
    web.kubectl("scale", "deployment/elb-web-zone-a", "--replicas=0")
    until(lambda: web.get("service", "elb-web-zone-a")["spec"]["externalTrafficPolicy"] == "Local", limit=20, every=0.3)
    until(lambda: web.get("deployment", "elb-web-zone-a")["spec"]["replicas"] == 1, limit=20, every=0.3)
    settled(web)


def test_another_leads_within_15_seconds(web: Space) -> None:
    old = until(leader, limit=30, every=0.3)
    run(*_OPERATOR, "delete", "pod", old, "--grace-period=0", "--force")
    began = time.monotonic()
    until(lambda: leader() not in ("", old), limit=15, every=0.2, say="a new leader")
    assert time.monotonic() - began < 15
    run(*_OPERATOR, "rollout", "status", "deployment/elbow-operator", "--timeout=150s")
    web.apply(balancer({"deregistrationDelay": "11s"}))
    settled(web)


def test_without_the_operator_targets_come_and_go_and_proxies_start(web: Space, no_operator: None) -> None:
    host, port = web.door("zone-b")
    with Load(port, host=host, posts=False, pause=0.05) as load:
        web.kubectl("rollout", "restart", "deployment/web")
        web.kubectl("rollout", "status", "deployment/web", "--timeout=150s")
        new = {pod["metadata"]["name"] for pod in web.pods("app=web")}
        until(lambda: who((host, port), 12) == new, limit=60, every=0.5, say="the new targets, and no other")
        (proxy,) = web.proxies("zone-a")
        web.kubectl("delete", "pod", proxy["metadata"]["name"], "--wait=false")
        started = until(
            lambda: [p for p in web.proxies("zone-a") if p["metadata"]["uid"] != proxy["metadata"]["uid"]], limit=30
        )
        web.wait("condition=Ready", f"pod/{started[0]['metadata']['name']}")
        until(answers(lambda: (web.get("pod", started[0]["metadata"]["name"])["status"]["podIP"], 80)), limit=20)
    load.assert_clean(least=100)


def test_uninstalled_it_leaves_load_balancers_serving(web: Space, install: Callable[[], None]) -> None:
    door = web.door("zone-c")
    with Load(door[1], host=door[0], posts=False, pause=0.05) as load:
        run("helm", "uninstall", "elbow", "-n", "elbow-system", "--wait", limit=120)
        try:
            run("kubectl", "get", "crd", "loadbalancers.elbow.dev")
            web.kubectl("scale", "deployment/web", "--replicas=3")
            until(lambda: who(door, 12) == _targets(web), limit=60, every=0.5, say="the targets that are left")
            load.wait_for(30)
        finally:
            install()
        settled(web, 3)
    load.assert_clean(least=30)


def test_upgraded_it_drops_nothing(web: Space, install: Callable[..., None]) -> None:
    door = web.door("zone-b")
    with Load(door[1], host=door[0], posts=False, pause=0.05) as load:
        install("--set", "operator.resources.requests.cpu=20m")
        settled(web)
        load.wait_for(30)
        install()
        settled(web)
    load.assert_clean(least=30)


def _targets(web: Space) -> set[str]:
    return {pod["metadata"]["name"] for pod in web.pods("app=web")}
