"""Which zones' targets a proxy uses."""

from collections import Counter
from collections.abc import Callable

from harness.client import get
from harness.elbow import Elbow
from harness.manifest import group, http, listener, load_balancer
from harness.poll import stays
from harness.ports import Ports
from harness.target import addresses
from harness.targets import Targets
from harness.tcp_client import target_of

Start = Callable[..., Elbow]
_OFF = "Target is in an Availability Zone that is not enabled for the load balancer"


def test_a_proxy_serves_its_own_zone_only_unless_cross_zone_is_on(elbow: Start, targets: Targets, ports: Ports) -> None:
    here, everywhere, tcp = ports.take(), ports.take(), ports.take()
    a, b, c = (targets.http(name, zone=f"zone-{name}") for name in "abc")
    t, u = targets.tcp("t", zone="zone-a"), targets.tcp("u", zone="zone-b")
    lb = elbow(
        load_balancer(
            [
                listener(here, name="here"),
                listener(everywhere, name="everywhere", group="everywhere"),
                listener(tcp, "TCP", group="tcp"),
            ],
            [
                group([a, b, c]),
                group([a, b, c], name="everywhere", crossZone="enabled"),
                group([t, u], "TCP", name="tcp"),
            ],
            crossZone="disabled",
        ),
        zone="zone-a",
    )

    assert {get(here).target for _ in range(20)} == {"a"}
    assert Counter(get(everywhere).target for _ in range(30)) == {"a": 10, "b": 10, "c": 10}
    assert {target_of(tcp) for _ in range(10)} == {"t"}

    def empty_zone_a(spec: dict) -> None:
        spec["targetGroups"][0]["targets"]["addresses"] = addresses(b, c)
        spec["targetGroups"][2]["targets"]["addresses"] = addresses(u)

    lb.edit(empty_zone_a)

    assert get(here).status == 503
    assert target_of(tcp) is None

    lb.edit(lambda spec: spec.pop("crossZone"))
    lb.wait_settled()

    assert Counter(get(here).target for _ in range(20)) == {"b": 10, "c": 10}
    assert target_of(tcp) == "u"
    assert lb.reloads() == {}

    # The other zones' targets are registered still: what this proxy alone gives up isn't deregistered.
    lb.edit(lambda spec: spec.update(crossZone="disabled"))

    assert get(here).status == 503
    assert {target.address for target in lb.group().targets} == {a.ip}


def test_targets_of_a_zone_that_is_not_enabled_are_unused_and_not_checked(
    elbow: Start, targets: Targets, port: int
) -> None:
    a, b, c = (targets.http(name, zone=f"zone-{name}") for name in "abc")
    lb = elbow(http(port, [a, b, c]), zone="zone-a")
    lb.edit(lambda spec: spec.update(zones=["zone-a", "zone-b"]))
    unused = lb.health_of(c)
    c.forget()

    assert unused is not None
    assert (unused.state, unused.reason, unused.description) == ("unused", "Target.NotInUse", _OFF)
    assert Counter(get(port).target for _ in range(20)) == {"a": 10, "b": 10}
    stays(lambda: not c.checks, during=1.5)
    assert lb.health_of(c) == unused

    c.health.mode = "hang"
    lb.edit(lambda spec: spec.pop("zones"))
    assert lb.state_of(c) == "initial"
    c.health.mode = "answer"
    lb.wait_state(c, "healthy")

    assert Counter(get(port).target for _ in range(30)) == {"a": 10, "b": 10, "c": 10}


def test_targets_of_a_group_that_no_listener_forwards_to_are_unused_and_not_checked(
    elbow: Start, targets: Targets, port: int
) -> None:
    a, idle = targets.many(2)
    lb = elbow(load_balancer([listener(port)], [group([a]), group([idle], name="idle")]))

    health = lb.health_of(idle, group="idle")

    assert health is not None
    assert (health.state, health.reason) == ("unused", "Target.NotInUse")
    assert health.description == "Target group is not configured to receive traffic from the load balancer"
    assert idle.checks == []

    lb.edit(lambda spec: spec["listeners"][0].update(targetGroup="idle"))
    lb.wait_state(idle, "healthy", group="idle")

    assert get(port).target == "b"
    assert lb.state_of(a) == "unused"
