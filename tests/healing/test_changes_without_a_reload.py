"""Everything but listeners, timeouts and what a target group is made of changes while HAProxy runs, without a reload."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from harness.client import get
from harness.elbow import Elbow
from harness.load import Load
from harness.manifest import group, http, listener, load_balancer
from harness.poll import until
from harness.ports import Ports
from harness.target import addresses
from harness.targets import Targets

Start = Callable[..., Elbow]
Spec = dict[str, Any]


def web(spec: Spec) -> Spec:
    """The only target group."""
    found: Spec = spec["targetGroups"][0]
    return found


def variable(lb: Elbow, name: str) -> str:
    """A process-wide variable of HAProxy."""
    return lb.socket(f"get var proc.{name}").partition("value=<")[2].partition(">")[0]


def limits(lb: Elbow) -> set[str]:
    """The limit of connections of each server."""
    return {row.split(",")[6] for row in lb.socket("show stat tg_web 4 -1").splitlines()[1:] if row}


CHANGES: dict[str, tuple[Callable[[Spec], Any], Callable[[Elbow], object]]] = {
    "minimumHealthy": (
        lambda spec: web(spec).update(minimumHealthy={"routing": 2}),
        lambda lb: variable(lb, "min_web") == "2",
    ),
    "surgeQueue.length": (
        lambda spec: web(spec).update(surgeQueue={"length": 7}),
        lambda lb: variable(lb, "queue_web") == "7",
    ),
    "maxConnectionsPerTarget": (
        lambda spec: web(spec).update(maxConnectionsPerTarget=9),
        lambda lb: limits(lb) == {"9"},
    ),
    "stickiness.duration": (
        lambda spec: web(spec)["stickiness"].update(duration="77s"),
        lambda lb: variable(lb, "sticky_web") == "77",
    ),
    "weight": (
        lambda spec: web(spec)["targets"]["addresses"][0].update(weight=3),
        lambda lb: "3" in {line.split()[7] for line in lb.socket("show servers state tg_web").splitlines()[2:] if line},
    ),
    "deregistrationDelay": (lambda spec: web(spec).update(deregistrationDelay="9s"), lambda _: True),
    "connectionTermination": (lambda spec: web(spec).update(connectionTermination=False), lambda _: True),
    "unhealthyConnectionTermination": (
        lambda spec: web(spec).update(unhealthyConnectionTermination=True),
        lambda _: True,
    ),
    "crossZone": (lambda spec: web(spec).update(crossZone="disabled"), lambda lb: lb.group().healthy == 2),
    "capacity": (lambda spec: spec.update(capacity={"minimumUnits": 3}), lambda _: True),
    "zones": (lambda spec: spec.update(zones=["zone-a"]), lambda lb: lb.group().unused == 2),
}


def test_a_change_of_any_of_these_fields_takes_no_reload(elbow: Start, targets: Targets, port: int) -> None:
    four = targets.many(2, zone="zone-a") + [targets.http(name, zone="zone-b") for name in ("c", "d")]
    sticky = {"type": "lb_cookie", "duration": "1h"}
    lb = elbow(http(port, four, stickiness=sticky, maxConnectionsPerTarget=50), zone="zone-a")
    worker = lb.haproxies()[1:]

    for field, (change, took) in CHANGES.items():
        lb.edit(change)
        until(lambda took=took: took(lb), limit=3, say=field)
        assert lb.reloads() == {}, field

    assert lb.haproxies()[1:] == worker


def test_a_limit_per_target_comes_and_goes_without_a_reload(elbow: Start, targets: Targets, port: int) -> None:
    lb = elbow(http(port, targets.many(2)))

    lb.edit(lambda spec: web(spec).update(maxConnectionsPerTarget=9))
    assert limits(lb) == {"9"}
    lb.edit(lambda spec: web(spec).pop("maxConnectionsPerTarget"))
    assert limits(lb) <= {"", "0"}

    assert lb.reloads() == {}


def test_a_hundred_changes_of_targets_and_weights_under_load_reload_nothing_and_fail_nothing(
    elbow: Start, targets: Targets, port: int
) -> None:
    six = targets.many(6)
    lb = elbow(http(port, six, deregistrationDelay="1s"))
    with Load(port, keep_alive=3, fresh=1) as load:
        for turn in range(100):
            there = six[:2] + [t for i, t in enumerate(six[2:]) if (turn + i) % 3]  # somebody has been checked
            lb.write(http(port, addresses(*there, weight=1 + turn % 5), deregistrationDelay="1s"))
            load.wait_for(2)
        lb.apply(http(port, six, deregistrationDelay="1s"))
        lb.wait_settled()
    load.assert_clean(least=200)
    assert lb.reloads() == {}
    assert Counter(get(port).target for _ in range(12)) == dict.fromkeys("abcdef", 2)


def test_the_same_targets_in_another_order_change_nothing(elbow: Start, targets: Targets, port: int) -> None:
    three = targets.many(3)
    lb = elbow(http(port, three))
    before = lb.socket("show servers state tg_web").splitlines()[2:]

    lb.apply(http(port, three[::-1]))

    after = lb.socket("show servers state tg_web").splitlines()[2:]
    assert [line.split()[2:9] for line in after] == [line.split()[2:9] for line in before]
    assert lb.reloads() == {}


def test_a_manifest_whose_parts_only_change_places_takes_no_reload(
    elbow: Start, targets: Targets, ports: Ports
) -> None:
    taken = [ports.take() for _ in range(3)]
    times = ("10s", "20s", "30s")  # of the listeners that share a group each but one is written down in its backend
    listeners = [
        listener(port, name=name, group=of, idleTimeout=time)
        for port, name, of, time in zip(taken, "xyz", ("first", "first", "second"), times, strict=True)
    ]
    groups = [group(targets.many(2), name=name) for name in ("first", "second", "third")]
    sources = ["127.0.0.0/8", "10.0.0.0/8"]
    lb = elbow(load_balancer(listeners, groups, allowedSources=sources))

    lb.apply(load_balancer(listeners[::-1], groups[::-1], allowedSources=sources[::-1]))

    assert lb.reloads() == {}
    assert [found.name for found in lb.report().listeners] == ["z", "y", "x"]


def test_a_reload_says_why_in_log_and_metric(elbow: Start, targets: Targets, port: int, ports: Ports) -> None:
    two = targets.many(2)
    lb = elbow(http(port, two))

    def reasons(change: Callable[[Spec], Any]) -> set[str]:
        before = {reason: lb.metric("elbow_reloads_total", reason=reason) for reason in lb.reloads()}
        lb.edit(change)
        now = {reason: lb.metric("elbow_reloads_total", reason=reason) for reason in lb.reloads()}
        found = {reason for reason, count in now.items() if count > before.get(reason, 0)}
        said = next((line for line in lb.logs().splitlines()[::-1] if "reloaded: " in line), "")
        assert not found or all(reason in said for reason in found)
        return found

    options = {"preserveHost": True}
    other = listener(ports.take(), name="second", group="other")
    assert reasons(lambda spec: spec["listeners"][0].update(http=options)) == {"ListenerChanged"}
    assert reasons(lambda spec: web(spec)["healthCheck"].update(path="/other")) == {"TargetGroupChanged"}
    assert reasons(lambda spec: spec["targetGroups"].append(group(two, name="other"))) == set()  # nothing uses it
    assert reasons(lambda spec: spec["listeners"].append(other)) == {"ListenerAdded", "TargetGroupAdded"}
    assert reasons(lambda spec: spec["listeners"].pop()) == {"ListenerRemoved", "TargetGroupRemoved"}
    assert reasons(lambda spec: spec.update(allowedSources=["127.0.0.0/8"])) == {"ListenerChanged"}


def test_names_and_ports_swapped_between_listeners_are_one_reload(elbow: Start, targets: Targets, ports: Ports) -> None:
    a, b = targets.many(2)
    one, two = ports.take(), ports.take()
    groups = [group([a], name="first"), group([b], name="second")]
    lb = elbow(load_balancer([listener(one, name="x", group="first"), listener(two, name="y", group="second")], groups))
    assert (get(one).target, get(two).target) == ("a", "b")

    lb.apply(load_balancer([listener(two, name="x", group="first"), listener(one, name="y", group="second")], groups))

    assert (get(one).target, get(two).target) == ("b", "a")
    assert lb.reloads() == {"ListenerChanged": 1}
