"""What directs the proxies goes away, or is busy (group 3)."""

import random
from typing import Any

from elbow_kube.object import Object
from harness.kube import run

from soak.cluster import compact, exhaust, load_as, start_api, stop_api
from soak.install import install
from soak.scenario import Scenario
from soak.stage import Stage

_OPERATOR = ("kubectl", "-n", "elbow-system")


def _kill_agents(stage: Stage) -> None:
    for proxy in stage.proxies():
        stage.mark("kill agent")
        stage.kill(proxy, "elbow proxy")
        stage.until_restarted(proxy, "agent")
    stage.settle()


def _starve_agents(stage: Stage) -> None:
    for proxy in stage.proxies():
        stage.mark("agent out of memory")
        exhaust(proxy, "elbow proxy")
        stage.until_restarted(proxy, "agent")
    stage.settle()


def _without_operator(stage: Stage) -> None:
    """Two and a half times as long as the API server is away, without the operator; all targets are replaced twice."""
    run(*_OPERATOR, "scale", "deployment/elbow-operator", "--replicas=0")
    run(*_OPERATOR, "wait", "--for=delete", "pod", "-l", "app.kubernetes.io/name=elbow-operator", "--timeout=90s")
    stage.mark("no operator")
    try:
        for _ in range(2):
            stage.kubectl("rollout", "restart", "deployment/soak")
            stage.kubectl("rollout", "status", "deployment/soak", "--timeout=240s")
            stage.more(stage.long * 1.25)
    finally:
        _with_operator(stage)
    stage.settle()


def _with_operator(stage: Stage) -> None:
    run(*_OPERATOR, "scale", "deployment/elbow-operator", "--replicas=2")
    run(*_OPERATOR, "rollout", "status", "deployment/elbow-operator", "--timeout=150s")


def _kill_operator(stage: Stage) -> None:
    pods = run(*_OPERATOR, "get", "pods", "-l", "app.kubernetes.io/name=elbow-operator", "-o", "name").split()
    stage.mark("kill operator")
    run(*_OPERATOR, "delete", *pods, "--grace-period=0", "--force")
    stage.roll_targets()
    _with_operator(stage)


def _without_api(stage: Stage) -> None:
    stop_api()
    stage.mark("no API server")
    try:
        stage.more(stage.long)
    finally:
        start_api()
    stage.mark("API server back")
    stage.settle(limit=300)
    stage.roll_targets()


def _compact(stage: Stage) -> None:
    stage.mark("compaction")
    compact()
    stage.roll_targets()
    compact()
    stage.settle()


def _certificates(stage: Stage) -> None:
    for _ in range(50):
        stage.certificate()
        stage.more(0.7)
    stage.mark("50 certificates")


def _listeners(stage: Stage) -> None:
    more: Object = {"name": "more", "protocol": "HTTP", "port": 8099, "targetGroup": "web"}
    listeners = stage.balancer()["spec"]["listeners"]
    for _ in range(50):
        stage.space.apply(stage.balancer(listeners=[*listeners, more]))
        stage.until_programmed()
        stage.space.apply(stage.balancer())
        stage.until_programmed()
    stage.mark("50 listeners")


def _specs(stage: Stage) -> None:
    """Changes of every kind, in an order that is the same each time."""
    chance = random.Random(5)
    for turn in range(200):
        stage.space.apply(stage.balancer(**random_spec(chance, stage.balancer()["spec"])))
        if turn % 10 == 9:
            stage.until_programmed()
            stage.say(f"{turn + 1} changes")
    stage.mark("200 changes")
    stage.space.apply(stage.balancer())
    stage.settle()


def random_spec(chance: random.Random, spec: Object) -> dict[str, Any]:
    """A spec that clients get along with, one thing in it changed."""
    web, sticky, tcp = spec["targetGroups"]
    check = web["healthCheck"]
    http, other, https, plain = spec["listeners"]
    policies = ("ELBSecurityPolicy-TLS13-1-2-2021-06", "ELBSecurityPolicy-TLS13-1-2-Res-2021-06")
    kinds: list[dict[str, Any]] = [
        {"targetGroups": [{**web, "algorithm": "least_outstanding_requests"}, sticky, tcp]},
        {"targetGroups": [{**web, "deregistrationDelay": f"{chance.randrange(20, 60)}s"}, sticky, tcp]},
        {"targetGroups": [{**web, "slowStart": "30s"}, sticky, tcp]},
        {"targetGroups": [{**web, "healthCheck": {**check, "interval": f"{chance.randrange(6, 20)}s"}}, sticky, tcp]},
        {"targetGroups": [{**web, "healthCheck": {**check, "path": "/readyz"}}, sticky, tcp]},
        {"targetGroups": [web, {**sticky, "stickiness": {"type": "lb_cookie", "duration": "2h"}}, tcp]},
        {"targetGroups": [{**web, "maxConnectionsPerTarget": 500}, sticky, tcp]},
        {"listeners": [{**http, "idleTimeout": f"{chance.randrange(40, 90)}s"}, other, https, plain]},
        {"listeners": [{**http, "http": {"xForwardedFor": "preserve"}}, other, https, plain]},
        {"listeners": [http, other, {**https, "tls": {**https["tls"], "policy": chance.choice(policies)}}, plain]},
        {"listeners": [*spec["listeners"], {**http, "name": "more", "port": chance.randrange(8100, 8110)}]},
        {"crossZone": chance.choice(("enabled", "disabled"))},
        {},
    ]
    return chance.choice(kinds)


def _upgrade(stage: Stage) -> None:
    load_as("localhost/elbow:next")
    stage.mark("upgrade")
    install("--set", "image.tag=next")
    stage.until_of("localhost/elbow:next")
    stage.roll_proxies()
    stage.settle()
    stage.mark("back")
    install()
    stage.until_of("localhost/elbow:dev")
    stage.roll_proxies()
    stage.settle()


SCENARIOS = (
    Scenario(
        name="agent-kill",
        group=3,
        what="SIGKILL for the agent of every proxy, one after another",
        act=_kill_agents,
        elb="not applicable",
        ci=True,
    ),
    Scenario(
        name="agent-oom",
        group=3,
        what="the agent of every proxy runs out of memory, one after another",
        act=_starve_agents,
        elb="not applicable",
    ),
    Scenario(
        name="operator-kill",
        group=3,
        what="both operators killed while targets roll",
        act=_kill_operator,
        elb="not applicable",
    ),
    Scenario(
        name="operator-gone",
        group=3,
        what="no operator while all targets are replaced twice",
        act=_without_operator,
        after=_with_operator,
        elb="not applicable",
        again=False,
    ),
    Scenario(
        name="api-gone",
        group=3,
        what="the API server stopped, started again, and targets rolled",
        act=_without_api,
        after=lambda _: start_api(),
        elb="not applicable",
        again=False,
    ),
    Scenario(
        name="etcd-compact",
        group=3,
        what="etcd compacted around a rollout of the targets",
        act=_compact,
        elb="not applicable",
    ),
    Scenario(
        name="certificates",
        group=3,
        what="the certificate rotated 50 times",
        act=_certificates,
        elb="nothing",
        ci=True,
    ),
    Scenario(
        name="listeners",
        group=3,
        what="a listener added and removed 50 times",
        act=_listeners,
        elb="nothing",
        again=False,
    ),
    Scenario(
        name="specs",
        group=3,
        what="200 changes of the spec, of every kind, in random order",
        act=_specs,
        elb="nothing told; targets of a changed group are checked anew",
        moves=True,
        again=False,
    ),
    Scenario(
        name="chart-upgrade",
        group=3,
        what="the chart upgraded to another image and back: new operators, and every proxy anew",
        act=_upgrade,
        elb="not applicable",
        again=False,
    ),
)
