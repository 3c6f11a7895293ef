"""lb_cookie: for how long a client is tied, and where it goes when its target can't have it (ELB section 4.4)."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from harness.client import Client, Closed, get
from harness.elbow import Elbow
from harness.manifest import http
from harness.poll import stays, until
from harness.ports import Ports
from harness.target import addresses
from harness.targets import Targets

from stickiness.visitor import (
    WEEK,
    Visitor,
    assert_not_sticky,
    bound,
    until_of,
    value_for,
)

Start = Callable[..., Elbow]
STICKY = {"type": "lb_cookie", "duration": "1h"}


def is_open(port: int) -> bool:
    try:
        return get(port).status == 200
    except (Closed, ConnectionError):
        return False


def test_every_answer_renews_the_tie(elbow: Start, targets: Targets, port: int) -> None:
    two = targets.many(2)
    elbow(http(port, two, stickiness={"type": "lb_cookie", "duration": "3s"}))
    visitor = Visitor(port)
    name = visitor.visit().target
    first = until_of(visitor.cookies["AWSALB"])

    stays(lambda: visitor.visit().target == name, during=5, every=0.2, say="tied")

    assert until_of(visitor.cookies["AWSALB"]) > first + 3


def test_a_tie_without_requests_lapses(elbow: Start, targets: Targets, port: int) -> None:
    two = targets.many(2)
    elbow(http(port, two, stickiness={"type": "lb_cookie", "duration": "2s"}))
    visitor = Visitor(port)
    name = visitor.visit().target
    old = visitor.header

    assert {get(port, headers=old).target for _ in range(4)} == {name}
    until(lambda: get(port, headers=old).target != name, limit=8, say="balanced again")
    assert time.time() >= until_of(visitor.cookies["AWSALB"])
    assert Counter(get(port, headers=old).target for _ in range(8)) == {"a": 4, "b": 4}


def test_a_new_duration_counts_from_the_next_answer_without_a_reload(elbow: Start, targets: Targets, port: int) -> None:
    two = targets.many(2)
    lb = elbow(http(port, two, stickiness=STICKY))
    visitor = Visitor(port)
    name = visitor.visit().target

    lb.edit(lambda spec: spec["targetGroups"][0]["stickiness"].update(duration="7d"))

    assert visitor.visit().target == name
    assert abs(until_of(visitor.cookies["AWSALB"]) - time.time() - WEEK) < 5
    assert lb.reloads() == {}


def test_a_client_of_an_unhealthy_target_is_moved_and_does_not_move_back(
    elbow: Start, targets: Targets, port: int
) -> None:
    three = targets.many(3)
    lb = elbow(http(port, three, stickiness=STICKY))
    visitor = Visitor(port)
    old, _ = bound(three, visitor)
    old_cookie = visitor.header

    old.health.status = 500
    lb.wait_state(old, "unhealthy")
    new = visitor.visit().target
    assert new != old.name
    assert set(visitor.targets()) == {new}

    old.health.status = 200
    lb.wait_state(old, "healthy")
    assert set(visitor.targets()) == {new}
    # The old cookie would still name the old target, so it was the new one that kept the client away.
    assert {get(port, headers=old_cookie).target for _ in range(4)} == {old.name}
    assert_not_sticky(lb, 2)


def test_a_client_of_a_draining_target_is_moved_at_once_and_does_not_move_back(
    elbow: Start, targets: Targets, port: int
) -> None:
    three = targets.many(3)
    lb = elbow(http(port, three, stickiness=STICKY))
    visitor = Visitor(port)
    old, rest = bound(three, visitor)

    lb.set_targets(addresses(*rest))
    assert lb.state_of(old) == "draining"
    new = visitor.visit().target
    assert new != old.name
    assert set(visitor.targets()) == {new}

    lb.set_targets(addresses(*three))
    lb.wait_state(old, "healthy")
    assert set(visitor.targets()) == {new}


def test_a_client_whose_target_refuses_connections_is_moved_without_an_error(
    elbow: Start, targets: Targets, port: int
) -> None:
    three = targets.many(3)
    lb = elbow(http(port, three, stickiness=STICKY, check={"interval": "60s", "timeout": "5s"}))
    visitor = Visitor(port)
    old, _ = bound(three, visitor)

    old.die()
    response = visitor.visit()

    assert response.status == 200
    assert set(visitor.targets()) == {response.target} != {old.name}
    assert_not_sticky(lb, 2)
    old.listen()


def test_new_targets_take_no_client_that_is_tied(elbow: Start, targets: Targets, port: int) -> None:
    four = targets.many(4)
    lb = elbow(http(port, four[:2], stickiness=STICKY))
    visitors = [Visitor(port) for _ in range(6)]
    first = [visitor.visit().target for visitor in visitors]

    lb.set_targets(addresses(*four))
    lb.wait_settled()

    assert [visitor.visit().target for visitor in visitors] == first


def test_while_all_targets_are_unhealthy_cookies_are_honoured(elbow: Start, targets: Targets, port: int) -> None:
    two = targets.many(2)
    lb = elbow(http(port, two, stickiness=STICKY))
    visitor = Visitor(port)
    name = visitor.visit().target

    for target in two:
        target.health.status = 500
    for target in two:
        lb.wait_state(target, "unhealthy")

    assert set(visitor.targets()) == {name}
    assert Counter(Visitor(port).visit().target for _ in range(8)) == {"a": 4, "b": 4}


def test_cookies_are_honoured_after_a_reload_and_after_agent_and_haproxy_died(
    elbow: Start, targets: Targets, port: int
) -> None:
    three = targets.many(3)
    lb = elbow(http(port, three, stickiness=STICKY))
    visitors = [Visitor(port) for _ in range(6)]
    first = [visitor.visit().target for visitor in visitors]

    lb.edit(lambda spec: spec["listeners"][0].update(idleTimeout="61s"))
    assert lb.reloads()["ListenerChanged"] == 1
    assert [visitor.visit().target for visitor in visitors] == first

    lb.restart_agent()
    assert [visitor.visit().target for visitor in visitors] == first

    lb.kill_haproxy()
    until(lambda: is_open(port), say="HAProxy is back")
    assert [visitor.visit().target for visitor in visitors] == first


def test_another_proxy_of_the_load_balancer_honours_the_cookie(
    elbow: Start, targets: Targets, port: int, ports: Ports, tmp_path: Path
) -> None:
    four = [targets.http(name, zone=zone) for name, zone in (("a", "z1"), ("b", "z1"), ("c", "z2"), ("d", "z2"))]
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef" * 4)
    one = elbow(http(port, four, stickiness=STICKY), zone="z1", secret_file=secret)
    other_port = ports.take()
    # The same targets in another order: the place in the list means nothing.
    elbow(http(other_port, four[::-1], stickiness=STICKY), zone="z2", secret_file=secret)

    for _ in range(8):
        visitor = Visitor(port)
        name = visitor.visit().target
        visitor.port = other_port
        assert set(visitor.targets(4)) == {name}
        visitor.port = port
        assert set(visitor.targets(4)) == {name}
    assert_not_sticky(one, 8)


def test_a_cookie_of_another_zones_target_is_balanced_where_cross_zone_is_off(
    elbow: Start, targets: Targets, port: int, ports: Ports
) -> None:
    a, b = targets.http("a", zone="z1"), targets.http("b", zone="z2")
    one = elbow(http(port, [a, b], stickiness=STICKY, crossZone="disabled"), zone="z1")
    other_port = ports.take()
    elbow(http(other_port, [a, b], stickiness=STICKY, crossZone="disabled"), zone="z2", secret_file=one.secret_file)
    visitor = Visitor(port)

    assert set(visitor.targets(4)) == {"a"}
    visitor.port = other_port
    assert set(visitor.targets(4)) == {"b"}


def test_requests_without_a_usable_cookie_are_counted_and_others_are_not(
    elbow: Start, targets: Targets, port: int
) -> None:
    two = targets.many(2)
    lb = elbow(http(port, two, stickiness=STICKY))
    visitor = Visitor(port)

    visitor.targets(6)
    assert_not_sticky(lb, 1)
    with Client(port) as client:
        for _ in range(3):
            client.get()
        client.get(headers=[("Cookie", f"AWSALB={value_for(lb, two[0], lasts=-5)}")])
        client.get(headers=[("Cookie", "AWSALB=nonsense")])
        for _ in range(3):
            visitor.visit(client=client)
    assert_not_sticky(lb, 6)
