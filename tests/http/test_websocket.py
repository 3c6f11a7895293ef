"""WebSocket through an HTTP or HTTPS listener (ELB sections 3.1, 6.1 and 6.2)."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from ssl import TLSVersion

import pytest
from conftest import Targets
from elbow_dataplane.haproxy.render.variable import drain
from harness.certificates import Authority
from harness.elbow import Elbow
from harness.manifest import group, listener, load_balancer, tls
from harness.ports import Ports
from harness.target import Target
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect


@dataclass
class Site:
    authority: Authority
    targets: list[Target]
    ports: dict[str, int]
    lb: Elbow

    def connect(self, name: str) -> ClientConnection:
        secure = name == "secure"
        url = f"{'wss' if secure else 'ws'}://127.0.0.1:{self.ports[name]}/chat"
        context = self.authority.client_context()
        # The client reads and writes in two threads, and Python before 3.13 lets both into OpenSSL: a ticket of TLS 1.3, which
        # comes when it is about to ask, may cost the question.
        context.maximum_version = TLSVersion.TLSv1_2
        return connect(
            url, ssl=context if secure else None, open_timeout=60, ping_interval=None, proxy=None, compression=None
        )


@pytest.fixture(scope="module")
def site(shared: Callable[..., Elbow], fleet: Targets, ports: Ports, authority: Authority) -> Site:
    two = fleet.many(2)
    taken = {name: ports.take() for name in ("plain", "secure", "impatient")}
    listeners = [
        listener(taken["plain"], name="plain"),
        listener(taken["secure"], "HTTPS", name="secure", tls=tls(authority.issue("127.0.0.1").bundle)),
        listener(taken["impatient"], name="impatient", idleTimeout="1s"),
    ]
    return Site(authority, two, taken, shared(load_balancer(listeners, [group(two)])))


@pytest.mark.parametrize("name", ["plain", "secure"])
def test_messages_pass_both_ways_to_one_target(site: Site, name: str) -> None:
    with site.connect(name) as first, site.connect(name) as second:
        for size in (0, 5, 70_000):
            for socket in (first, second):
                socket.send(b"x" * size)
                assert socket.recv(10) == b"x" * size
        reached = {socket.response.headers["X-Target"] for socket in (first, second) if socket.response}
    assert reached == {"a", "b"}


@pytest.mark.parametrize("name", ["plain", "secure"])
def test_one_that_begins_while_clients_are_told_to_close_is_upgraded_all_the_same(site: Site, name: str) -> None:
    site.lb.socket(drain(on=True))
    try:
        with site.connect(name) as socket:  # checks that the answer says Connection: Upgrade
            socket.send("still here")
            assert socket.recv(10) == "still here"
    finally:
        site.lb.socket(drain(on=False))


def test_the_request_for_a_websocket_carries_what_every_request_carries(site: Site) -> None:
    for target in site.targets:
        target.forget()
    with site.connect("plain"):
        pass
    (seen,) = (request for target in site.targets for request in target.requests)
    assert seen.header("X-Forwarded-For") == "127.0.0.1"
    assert (seen.header("X-Amzn-Trace-Id") or "").startswith("Root=1-")
    assert seen.header("Upgrade") == "websocket"


def test_a_websocket_silent_for_the_idle_timeout_is_closed(site: Site) -> None:
    with site.connect("impatient") as socket:
        began = time.monotonic()
        with pytest.raises(ConnectionClosed):
            socket.recv(10)
        assert 0.9 < time.monotonic() - began < 4


def test_a_message_in_either_direction_keeps_a_websocket_open(site: Site) -> None:
    with site.connect("impatient") as socket:
        began = time.monotonic()
        while time.monotonic() - began < 2.5:
            socket.send(b"x")
            assert socket.recv(10) == b"x"
            with pytest.raises(TimeoutError):
                socket.recv(0.4)
