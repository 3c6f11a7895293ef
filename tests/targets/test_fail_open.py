"""What happens when too few targets are healthy."""

from collections import Counter
from collections.abc import Callable

import pytest
from harness.client import get
from harness.elbow import Elbow
from harness.manifest import group, http, listener, load_balancer
from harness.poll import until
from harness.ports import Ports
from harness.target import addresses
from harness.targets import Targets
from harness.tcp_client import target_of

Start = Callable[..., Elbow]


def test_without_a_healthy_target_all_are_used_or_with_fail_open_off_none(
    elbow: Start, targets: Targets, ports: Ports
) -> None:
    alb, classic, tcp = ports.take(), ports.take(), ports.take()
    a, b, new = targets.many(3)
    t = targets.tcp("t")
    sick = targets.http("sick", ip=t.ip)
    sick_check = {"protocol": "HTTP", "port": sick.port, "path": "/healthz"}
    lb = elbow(
        load_balancer(
            [
                listener(alb, name="alb"),
                listener(classic, name="classic", group="classic"),
                listener(tcp, "TCP", group="tcp"),
            ],
            [
                group([a, b]),
                group([a, b], name="classic", failOpen=False),
                group([t], "TCP", name="tcp", check=sick_check, failOpen=False),
            ],
        )
    )
    a.health.status = b.health.status = sick.health.status = 500
    new.health.mode = "hang"
    for name in ("web", "classic"):
        lb.wait_state(a, "unhealthy", group=name)
        lb.wait_state(b, "unhealthy", group=name)
    lb.wait_state(t, "unhealthy", group="tcp")
    lb.set_targets(addresses(a, b, new))

    assert Counter(get(alb).target for _ in range(20)) == {"a": 10, "b": 10}
    assert new.requests == [], "an initial target gets nothing, whatever happens"
    assert lb.group().fails_open
    until(lambda: lb.metric("elb_unhealthy_routing_request_count_total", target_group="web") == 20)
    assert get(classic).status == 503
    assert not lb.group("classic").fails_open
    assert target_of(tcp) is None

    b.health.status = sick.health.status = 200
    lb.wait_state(b, "healthy")
    lb.wait_state(b, "healthy", group="classic")
    lb.wait_state(t, "healthy", group="tcp")

    assert {get(alb).target for _ in range(20)} == {"b"}
    assert {get(classic).target for _ in range(20)} == {"b"}
    assert target_of(tcp) == "t"
    assert not lb.group().fails_open

    # Nothing registered, and nothing but what leaves: there is nothing to fall open to.
    lb.set_targets([])
    assert get(alb).status == 503


@pytest.mark.parametrize("routing", [2, "50%"])
def test_with_fewer_healthy_targets_than_the_minimum_all_are_used(
    elbow: Start, targets: Targets, port: int, routing: int | str
) -> None:
    a, b, c = targets.many(3)
    lb = elbow(http(port, [a, b, c], minimumHealthy={"routing": routing}))
    c.health.status = 500
    lb.wait_state(c, "unhealthy")

    assert {get(port).target for _ in range(20)} == {"a", "b"}

    b.health.status = 500
    lb.wait_state(b, "unhealthy")

    assert {get(port).target for _ in range(20)} == {"a", "b", "c"}
    assert lb.group().fails_open

    # The minimum changes without a reload.
    lb.edit(lambda spec: spec["targetGroups"][0].update(minimumHealthy={"routing": 1}))
    assert {get(port).target for _ in range(20)} == {"a"}
    assert lb.reloads() == {}


def test_without_health_checks_every_registered_target_is_used(elbow: Start, targets: Targets, port: int) -> None:
    a, b = targets.many(2)
    b.health.status = 500
    lb = elbow(http(port, [a, b]))
    lb.wait_state(b, "unhealthy")

    lb.edit(lambda spec: spec["targetGroups"][0]["healthCheck"].update(enabled=False))

    for target in (a, b):
        health = lb.health_of(target)
        assert health is not None
        assert (health.state, health.reason) == ("unavailable", "Target.HealthCheckDisabled")
        assert health.description == "Health checks are disabled"
    a.forget()
    assert Counter(get(port).target for _ in range(20)) == {"a": 10, "b": 10}
    c = targets.http("c")
    lb.set_targets(addresses(a, b, c))
    assert Counter(get(port).target for _ in range(30)) == {"a": 10, "b": 10, "c": 10}
    assert a.checks == c.checks == []

    lb.edit(lambda spec: spec["targetGroups"][0]["healthCheck"].update(enabled=True))
    lb.wait_state(a, "healthy")
    lb.wait_state(b, "unhealthy")
    assert {get(port).target for _ in range(20)} == {"a", "c"}
