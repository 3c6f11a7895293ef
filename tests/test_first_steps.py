"""The whole path, once: a manifest, its HAProxy, real targets, real clients."""

from collections import Counter
from collections.abc import Callable

from harness.client import Client, get, post
from harness.elbow import Elbow
from harness.load import Load
from harness.manifest import group, http, listener, load_balancer
from harness.poll import until
from harness.target import addresses
from harness.targets import Targets
from harness.tcp_client import TcpClient

Start = Callable[..., Elbow]


def test_four_targets_get_the_same_number_of_requests(elbow: Start, targets: Targets, port: int) -> None:
    four = targets.many(4)
    elbow(http(port, four))

    answered = Counter(get(port).target for _ in range(100))

    assert answered == {"a": 25, "b": 25, "c": 25, "d": 25}


def test_a_post_reaches_one_target_with_its_body_unchanged(elbow: Start, targets: Targets, port: int) -> None:
    two = targets.many(2)
    elbow(http(port, two))
    body = bytes(range(256)) * 1000

    response = post(port, "/echo", body)

    assert (response.status, response.body) == (200, body)
    assert sum(len(target.requests) for target in two) == 1


def test_a_target_whose_checks_fail_gets_nothing_and_comes_back_when_they_succeed(
    elbow: Start, targets: Targets, port: int
) -> None:
    a, b = targets.many(2)
    lb = elbow(http(port, [a, b]))

    a.health.status = 500
    health = lb.wait_state(a, "unhealthy")

    assert health is not None
    assert health.reason == "Target.ResponseCodeMismatch"
    assert health.description == "Health checks failed with these codes: [500]"
    assert {get(port).target for _ in range(20)} == {"b"}

    a.health.status = 200
    lb.wait_state(a, "healthy")

    assert {get(port).target for _ in range(20)} == {"a", "b"}


def test_a_deregistered_target_finishes_its_request_and_gets_no_new_one(
    elbow: Start, targets: Targets, port: int
) -> None:
    a, b = targets.many(2)
    lb = elbow(http(port, [a, b], deregistrationDelay="4s"))
    with Client(port) as client:
        client.send(b"GET /hold HTTP/1.1\r\nHost: web\r\n\r\n")
        until(lambda: a.held or b.held)
        leaving, staying = (a, b) if a.held else (b, a)

        lb.set_targets(addresses(staying))

        assert {get(port).target for _ in range(20)} == {staying.name}
        health = lb.health_of(leaving)
        assert health is not None
        assert (health.state, health.reason) == ("draining", "Target.DeregistrationInProgress")
        leaving.release()
        assert client.read().target == leaving.name
    lb.wait_state(leaving, None)


def test_targets_come_and_go_under_load_without_a_failed_request_or_a_reload(
    elbow: Start, targets: Targets, port: int
) -> None:
    four = targets.many(4)
    lb = elbow(http(port, four[:2], deregistrationDelay="1s"))
    with Load(port) as load:
        load.wait_for(50)
        lb.set_targets(addresses(*four))
        lb.wait_settled()
        load.wait_for(50)
        lb.set_targets(addresses(*four[2:]))
        load.wait_for(200)
    load.assert_clean(least=300)
    assert set(load.targets) == {"a", "b", "c", "d"}
    assert lb.reloads() == {}


def test_tcp_connections_reach_targets_whole(elbow: Start, targets: Targets, port: int) -> None:
    two = [targets.tcp("a"), targets.tcp("b")]
    elbow(load_balancer([listener(port, "TCP")], [group(two, "TCP")]))
    data = bytes(range(256)) * 1000

    names = set()
    for _ in range(4):
        with TcpClient(port) as client:
            names.add(client.greeting())
            client.echo(data)
            client.finish(data)

    assert names == {"a", "b"}
