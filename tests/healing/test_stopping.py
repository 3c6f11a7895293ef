"""How `elbow run` ends: what is served may finish, within a bound; a second signal ends it at once."""

import os
import signal
import time
from collections.abc import Callable

import pytest
from harness.client import Client
from harness.elbow import Elbow
from harness.manifest import group, http, listener, load_balancer
from harness.poll import until
from harness.targets import Targets
from harness.tcp_client import TcpClient

Start = Callable[..., Elbow]


def refuses(port: int) -> bool:
    """Whether nobody listens any more."""
    try:
        Client(port).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_in_flight_is_finished_and_new_clients_are_refused(
    elbow: Start, targets: Targets, port: int, number: int
) -> None:
    (a,) = targets.many(1)
    lb = elbow(http(port, [a]))
    assert lb.process is not None
    with Client(port) as idle, Client(port) as client:
        assert idle.get().status == 200
        client.send(b"GET /hold HTTP/1.1\r\nHost: web\r\n\r\n")
        until(lambda: a.held)

        lb.process.send_signal(number)

        until(lambda: refuses(port))
        assert not idle.get().keeps_alive  # a kept connection is served once more
        assert lb.process.poll() is None
        a.release()
        assert client.read().target == "a"
    assert lb.process.wait(10) == 0
    assert lb.haproxies() == []


def test_a_second_signal_ends_it_at_once(elbow: Start, targets: Targets, port: int) -> None:
    t = targets.tcp("t")
    lb = elbow(load_balancer([listener(port, "TCP")], [group([t], "TCP")]))
    assert lb.process is not None
    with TcpClient(port) as client:
        assert client.greeting() == "t"
        lb.process.send_signal(signal.SIGINT)
        until(lambda: refuses(port))
        client.echo(b"still here")
        began = time.monotonic()
        lb.process.send_signal(signal.SIGINT)
        assert lb.process.wait(10) == 0
    assert time.monotonic() - began < 8
    assert lb.haproxies() == []


def test_one_that_was_taken_over_ends_the_same_way(elbow: Start, targets: Targets, port: int) -> None:
    (a,) = targets.many(1)
    lb = elbow(http(port, [a]))
    lb.restart_agent()
    with Client(port) as client:
        client.send(b"GET /hold HTTP/1.1\r\nHost: web\r\n\r\n")
        until(lambda: a.held)
        assert lb.process is not None
        lb.process.send_signal(signal.SIGTERM)
        until(lambda: refuses(port))
        a.release()
        assert client.read().target == "a"
    assert lb.process.wait(10) == 0
    assert lb.haproxies() == []


def test_it_ends_also_when_haproxy_hangs(elbow: Start, targets: Targets, port: int) -> None:
    lb = elbow(http(port, targets.many(1)))
    assert lb.process is not None
    for pid in lb.haproxies():
        os.kill(pid, signal.SIGSTOP)

    lb.process.send_signal(signal.SIGINT)
    until(lambda: "stopping" in lb.logs())
    lb.process.send_signal(signal.SIGINT)

    assert lb.process.wait(20) == 0
    until(lambda: lb.haproxies() == [])
