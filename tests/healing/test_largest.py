"""As many listeners, target groups and sources as a load balancer may have, with names as long as they may be."""

from collections.abc import Callable

from harness.client import get
from harness.elbow import Elbow
from harness.manifest import group, listener, load_balancer
from harness.poll import until
from harness.ports import Ports
from harness.targets import Targets

Start = Callable[..., Elbow]


def test_the_largest_load_balancer_runs_and_follows_its_manifest(elbow: Start, targets: Targets, ports: Ports) -> None:
    a, b = targets.many(2)
    taken = [ports.take() for _ in range(50)]
    names = [f"{number:02}{'x' * 61}" for number in range(50)]
    listeners = [listener(port, name=name, group=name) for port, name in zip(taken, names, strict=True)]
    groups = [group([a], name=name, stickiness={"type": "lb_cookie"}) for name in names]
    sources = [f"10.0.{number}.0/24" for number in range(98)] + ["127.0.0.1/32", "::1/128"]
    lb = elbow(load_balancer(listeners, groups, allowedSources=sources))

    assert {get(port).target for port in taken} == {"a"}
    lb.edit(lambda spec: spec["targetGroups"][49].update(group([b], name=names[49])))

    until(lambda: get(taken[49]).target == "b", limit=5)
