"""source_ip (ELB section 4.6), for connections and for requests."""

from collections.abc import Callable
from typing import Any

import pytest
from harness.client import Client
from harness.elbow import Elbow
from harness.manifest import group, listener, load_balancer
from harness.poll import until
from harness.ports import Ports
from harness.target import addresses
from harness.targets import Targets
from harness.tcp_client import target_of

Start = Callable[..., Elbow]
STICKY = {"type": "source_ip", "duration": "1h"}
SOURCES = [f"127.0.3.{i}" for i in range(1, 65)]


class Layer:
    """TCP or HTTP: how to make targets, and how to see which one a client reaches."""

    def __init__(self, protocol: str, targets: Targets) -> None:
        self.protocol, self._targets = protocol, targets

    def make(self, count: int) -> list[Any]:
        return [getattr(self._targets, self.protocol.lower())("abcdef"[i]) for i in range(count)]

    def manifest(self, port: int, targets: list[Any], **fields: Any) -> dict[str, Any]:
        one = group(targets, self.protocol, **({"stickiness": STICKY} | fields))
        return load_balancer([listener(port, self.protocol)], [one])

    def reach(self, port: int, source: str) -> str | None:
        if self.protocol == "TCP":
            return target_of(port, source=source)
        with Client(port, source=source) as client:
            return client.get().target

    def reached(self, port: int) -> dict[str, str | None]:
        return {source: self.reach(port, source) for source in SOURCES}


@pytest.fixture(params=["TCP", "HTTP"])
def layer(request: pytest.FixtureRequest, targets: Targets) -> Layer:
    return Layer(request.param, targets)


def test_a_clients_address_stays_on_its_target_when_others_come(elbow: Start, layer: Layer, port: int) -> None:
    five = layer.make(5)
    lb = elbow(layer.manifest(port, five[:3]))
    first = layer.reached(port)
    assert set(first.values()) == {"a", "b", "c"}
    assert layer.reached(port) == first

    lb.set_targets(addresses(*five))
    lb.wait_settled()

    assert layer.reached(port) == first
    assert lb.reloads() == {}


def test_clients_of_an_unhealthy_target_are_moved_and_do_not_move_back(elbow: Start, layer: Layer, port: int) -> None:
    three = layer.make(3)
    lb = elbow(layer.manifest(port, three))
    first = layer.reached(port)

    three[0].refuse()
    lb.wait_state(three[0], "unhealthy")
    moved = layer.reached(port)
    assert set(moved.values()) == {"b", "c"}
    assert {s: n for s, n in moved.items() if first[s] != "a"} == {s: n for s, n in first.items() if n != "a"}

    three[0].listen()
    lb.wait_state(three[0], "healthy")
    assert layer.reached(port) == moved


def test_clients_of_a_draining_target_are_moved_and_do_not_move_back(elbow: Start, layer: Layer, port: int) -> None:
    three = layer.make(3)
    lb = elbow(layer.manifest(port, three))
    first = layer.reached(port)

    lb.set_targets(addresses(*three[1:]))
    moved = layer.reached(port)
    assert set(moved.values()) == {"b", "c"}
    assert {s: n for s, n in moved.items() if first[s] != "a"} == {s: n for s, n in first.items() if n != "a"}

    lb.set_targets(addresses(*three))
    lb.wait_settled()
    assert layer.reached(port) == moved


def test_two_proxies_that_never_spoke_send_an_address_to_the_same_target(
    elbow: Start, layer: Layer, port: int, ports: Ports
) -> None:
    three = layer.make(3)
    one = elbow(layer.manifest(port, three), zone="z1")
    other = ports.take()
    two = elbow(layer.manifest(other, three[:2]), zone="z2", secret_file=one.secret_file)
    # The other proxy meets its targets in another order, the last one while it runs.
    two.set_targets(addresses(three[2], three[1], three[0]))
    two.wait_settled()

    assert layer.reached(port) == layer.reached(other)


def test_an_address_that_was_silent_for_the_duration_is_not_tied_any_more(
    elbow: Start, layer: Layer, port: int
) -> None:
    two = layer.make(2)
    lb = elbow(layer.manifest(port, two, stickiness={"type": "source_ip", "duration": "2s"}))
    mine = next(source for source in SOURCES if layer.reach(port, source) == "a")

    two[0].refuse()
    lb.wait_state(two[0], "unhealthy")
    assert layer.reach(port, mine) == "b"
    two[0].listen()
    lb.wait_state(two[0], "healthy")
    table = "tg_web"
    until(lambda: "key=" not in lb.socket(f"show table {table}"), limit=10, say="the tie lapses")

    assert layer.reach(port, mine) == "a"
