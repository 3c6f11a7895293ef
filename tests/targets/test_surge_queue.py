"""What waits for a target with room, and what is spilled over."""

import select
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from elbow_api.proxy_report import TargetGroupReport
from harness.client import Client, Closed, get
from harness.elbow import Elbow
from harness.manifest import http, tcp
from harness.poll import stays, until
from harness.target import Target
from harness.targets import Targets
from harness.tcp_client import TcpClient

Start = Callable[..., Elbow]
_HOLD = b"GET /hold HTTP/1.1\r\nHost: web\r\n\r\n"


@contextmanager
def crowd(port: int, size: int, say: bytes = _HOLD) -> Iterator[list[Client]]:
    """So many clients that say something all at once."""
    with ExitStack() as stack:
        clients = [stack.enter_context(TcpClient(port)) for _ in range(size)]
        for client in clients:
            client.send(say)
        yield clients


def answered(clients: list[Client]) -> list[Client]:
    """The clients that something came back to, once no more comes."""
    ready: list[Client] = []
    while True:
        rest = [client for client in clients if client not in ready]
        poll = select.poll()
        by_number = {client.socket.fileno(): client for client in rest}
        for number in by_number:
            poll.register(number, select.POLLIN)
        more = [by_number[number] for number, _ in poll.poll(1500)]
        if not more:
            return ready
        ready += more


@pytest.mark.parametrize("length", [0, 1, 64])
def test_of_200_requests_at_once_as_many_wait_as_the_queue_is_long_and_the_rest_is_spilled_over(
    elbow: Start, targets: Targets, port: int, length: int
) -> None:
    a, b = targets.many(2)
    lb = elbow(http(port, [a, b], maxConnectionsPerTarget=1, surgeQueue={"length": length}))
    for _ in range(2):
        before, total = lb.group(), lb.listener().requests
        with crowd(port, 200) as clients:
            spilled = answered(clients)
            waiting = [client for client in clients if client not in spilled]
            assert Counter(client.read().status for client in spilled) == {503: 198 - length}
            assert (len(a.held), len(b.held)) == (1, 1)
            until(lambda: lb.group().surge_queue_length == length, say="the queue is full")

            until(lambda waiting=waiting: _served(waiting, a, b), every=0.01, say="all that waited is served")
        until(lambda before=before: _since(before, lb.group()) == (2 + length, 2 + length, 198 - length))
        until(lambda total=total: lb.listener().requests == total + 200)
        until(lambda: lb.group().surge_queue_length == 0)
        assert lb.listener().elb5xx == lb.group().spillover
    assert lb.metric("elb_spillover_count_total", target_group="web") == 2 * (198 - length)
    assert lb.metric("elb_surge_queue_length_max") == length


def _since(before: TargetGroupReport, now: TargetGroupReport) -> tuple[int, int, int]:
    """Requests sent to targets, good answers, and what was spilled over."""
    return now.requests - before.requests, now.target2xx - before.target2xx, now.spillover - before.spillover


def _served(waiting: list[Client], *targets: Target) -> bool:
    for target in targets:
        target.release()
    readable = {c.socket.fileno() for c in waiting}
    ready = select.select(list(readable), [], [], 0)[0]
    if len(ready) < len(waiting):
        return False
    assert all(client.read().status == 200 for client in waiting)
    return True


@pytest.mark.parametrize("leaves", [True, False])
def test_what_is_served_by_a_target_that_leaves_or_fails_takes_no_place_of_the_others(
    elbow: Start, targets: Targets, port: int, *, leaves: bool
) -> None:
    a, b = targets.many(2)
    lb = elbow(http(port, [a, b], maxConnectionsPerTarget=4, surgeQueue={"length": 0}, deregistrationDelay="1m"))
    with crowd(port, 8) as clients:
        until(lambda: (len(a.held), len(b.held)) == (4, 4))
        if leaves:
            lb.edit(lambda spec: spec["targetGroups"][0]["targets"]["addresses"].pop(0))
        else:
            a.health.status = 500
        b.release()
        assert len(answered(clients)) == 4
        lb.wait_state(a, "draining" if leaves else "unhealthy")

        assert [get(port).status for _ in range(5)] == [200] * 5
        with crowd(port, 3):
            until(lambda: len(b.held) == 3)
            assert lb.group().spillover == 0


def test_connections_wait_too_and_are_closed_where_the_queue_is_full(elbow: Start, targets: Targets, port: int) -> None:
    a = targets.tcp("a")
    lb = elbow(tcp(port, [a], maxConnectionsPerTarget=2, surgeQueue={"length": 3}))
    with crowd(port, 50, b"hello") as clients:
        ready = answered(clients)
        greeted = [client for client in ready if _is_greeted(client)]
        assert (len(ready), len(greeted)) == (47, 2)
        until(lambda: lb.group().surge_queue_length == 3)
        for client in greeted:
            client.close()
        waiting = [client for client in clients if client not in ready]
        assert len(answered(waiting)) == 2
    until(lambda: lb.group().spillover == 45)


def _is_greeted(client: Client) -> bool:
    try:
        return client.greeting() == "a"
    except Closed:
        return False


def test_a_request_waits_no_longer_than_the_queues_timeout(elbow: Start, targets: Targets, port: int) -> None:
    a = targets.http("a")
    lb = elbow(http(port, [a], maxConnectionsPerTarget=1, surgeQueue={"timeout": "2s"}))
    with Client(port) as first, Client(port) as second:
        first.send(_HOLD)
        until(lambda: a.held)
        second.send(_HOLD)
        began = time.monotonic()

        assert second.read().status == 503
        assert 1.9 < time.monotonic() - began < 4
        assert len(a.held) == 1
        a.release()
        assert first.read().target == "a"
    until(lambda: lb.listener().elb5xx == 1)
    assert lb.group().spillover == 0


def test_limit_and_length_change_without_a_reload_and_take_effect_at_once(
    elbow: Start, targets: Targets, port: int
) -> None:
    a = targets.http("a")
    lb = elbow(http(port, [a]))

    def limit(connections: int | None, length: int) -> None:
        def change(spec: dict) -> None:
            spec["targetGroups"][0]["surgeQueue"] = {"length": length}
            spec["targetGroups"][0].pop("maxConnectionsPerTarget", None)
            if connections is not None:
                spec["targetGroups"][0]["maxConnectionsPerTarget"] = connections

        lb.edit(change)

    with crowd(port, 3) as clients:
        until(lambda: len(a.held) == 3)
        limit(1, 0)
        assert get(port).status == 503
        limit(4, 0)
        with Client(port) as fourth:
            fourth.send(_HOLD)
            until(lambda: len(a.held) == 4)
            assert get(port).status == 503
            limit(4, 1)
            with Client(port) as fifth:
                fifth.send(_HOLD)
                stays(lambda: len(a.held) == 4, during=0.3)
                assert get(port).status == 503
                limit(5, 1)
                until(lambda: len(a.held) == 5, say="what waits is served as soon as there is room")
                limit(None, 0)
                assert get(port).status == 200
                a.release()
                assert {c.read().status for c in (*clients, fourth, fifth)} == {200}
    assert lb.reloads() == {}
