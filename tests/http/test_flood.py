"""A client that connects without end leaves room for the others."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest
from conftest import Targets
from harness.client import Client
from harness.elbow import Elbow
from harness.manifest import group, listener, load_balancer
from harness.ports import Ports
from harness.proxy_protocol import header_v1

_FILES = 1000  # of which Elbow makes 200 connections
_FLOOD = 400


@pytest.fixture
def flooded(elbow: Callable[..., Elbow], targets: Targets, ports: Ports) -> Iterator[dict[str, int]]:
    """Two listeners, the second behind another balancer, and a client at each that holds all the connections it gets."""
    plain, behind = ports.take(), ports.take()
    elbow(
        load_balancer(
            [listener(plain), listener(behind, name="behind", acceptProxyProtocol=True)],
            [group([targets.http()])],
        ),
        files=_FILES,
    )
    with ExitStack() as held:
        for _ in range(_FLOOD):
            one = held.enter_context(socket.socket())
            one.settimeout(5)
            one.bind(("127.0.0.2", 0))
            with suppress(ConnectionResetError):
                one.connect(("127.0.0.1", plain))
        yield {"plain": plain, "behind": behind}


def test_clients_of_other_addresses_are_served(flooded: dict[str, int]) -> None:
    for _ in range(20):
        with Client(flooded["plain"], limit=3) as client:
            assert client.get("/").status == 200


def test_behind_another_balancer_the_clients_own_address_counts(flooded: dict[str, int]) -> None:
    for _ in range(20):
        with Client(flooded["behind"], first=header_v1(("192.0.2.7", 4000), ("192.0.2.1", 80)), limit=3) as client:
            assert client.get("/").status == 200
