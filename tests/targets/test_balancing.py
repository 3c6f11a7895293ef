"""Which target gets the next request or connection."""

from collections import Counter
from collections.abc import Callable

from harness.client import Client, get
from harness.elbow import Elbow
from harness.load import Load
from harness.manifest import group, http, listener, load_balancer
from harness.poll import until
from harness.ports import Ports
from harness.target import addresses
from harness.targets import Targets
from harness.tcp_client import target_of

Start = Callable[..., Elbow]


def test_round_robin_gives_each_of_four_targets_every_fourth_request_and_every_fourth_connection(
    elbow: Start, targets: Targets, ports: Ports
) -> None:
    web, tcp = ports.take(), ports.take()
    echoes = [targets.tcp(name) for name in "wxyz"]
    elbow(
        load_balancer(
            [listener(web), listener(tcp, "TCP", group="tcp")],
            [group(targets.many(4), name="web"), group(echoes, "TCP", name="tcp")],
        )
    )

    assert Counter(get(web).target for _ in range(100)) == {"a": 25, "b": 25, "c": 25, "d": 25}
    assert Counter(target_of(tcp) for _ in range(100)) == {"w": 25, "x": 25, "y": 25, "z": 25}
    with Client(web) as client:
        assert Counter(client.get().target for _ in range(40)) == {"a": 10, "b": 10, "c": 10, "d": 10}


def test_least_outstanding_requests_leaves_out_a_target_that_is_busy(elbow: Start, targets: Targets, port: int) -> None:
    a, b = targets.many(2)
    elbow(http(port, [a, b], algorithm="least_outstanding_requests"))
    clients = [Client(port) for _ in range(6)]
    for sent, client in enumerate(clients, 1):
        client.send(b"GET /hold HTTP/1.1\r\nHost: web\r\n\r\n")
        until(lambda sent=sent: len(a.held) + len(b.held) == sent)

    assert (len(a.held), len(b.held)) == (3, 3)

    b.release()
    for client in clients:
        client.socket.settimeout(5)
    until(lambda: not b.held)
    assert {get(port).target for _ in range(20)} == {"b"}
    a.release()
    assert Counter(client.read().target for client in clients) == {"a": 3, "b": 3}
    for client in clients:
        client.close()


def test_weights_are_shares_and_change_without_a_reload(elbow: Start, targets: Targets, port: int) -> None:
    a, b, c = targets.many(3)
    lb = elbow(http(port, [a.address(weight=10), b.address(weight=30), c.address(weight=0)]))

    assert Counter(get(port).target for _ in range(80)) == {"a": 20, "b": 60}
    assert lb.state_of(c) == "healthy"

    lb.set_targets([a.address(weight=10), b.address(weight=0), c.address(weight=10)])

    assert Counter(get(port).target for _ in range(40)) == {"a": 20, "c": 20}
    assert lb.reloads() == {}


def test_a_target_that_becomes_healthy_beside_others_gets_a_growing_share(
    elbow: Start, targets: Targets, port: int
) -> None:
    a, b, c = targets.many(3)
    lb = elbow(http(port, [a, b], slowStart="30s"))

    # Both filled an empty group: neither begins slowly.
    assert Counter(get(port).target for _ in range(40)) == {"a": 20, "b": 20}

    lb.set_targets(addresses(a, b, c))
    lb.wait_state(c, "healthy")
    early = Counter(get(port).target for _ in range(60))
    with Load(port, pause=0.05) as load:
        until(lambda: 3 <= _share_of_last(load, "c") < 15, limit=30, say="a small share")
        until(lambda: 20 <= _share_of_last(load, "c") < 30, limit=30, say="a greater share")
        until(lambda: _is_full(lb), limit=45, every=0.5, say="the full share")
    load.assert_clean()

    assert early["c"] <= 4
    assert early["a"] + early["b"] >= 56
    assert Counter(get(port).target for _ in range(60)) == {"a": 20, "b": 20, "c": 20}
    assert lb.reloads() == {}


def _share_of_last(load: Load, name: str) -> float:
    """Percent of the next 100 requests."""
    before = load.targets.copy()
    load.wait_for(100)
    new = load.targets - before
    return 100 * new[name] / new.total()


def _is_full(lb: Elbow) -> bool:
    lines = lb.socket("show servers state tg_web").splitlines()
    names = next(line for line in lines if line.startswith("# ")).split()[1:]
    return len({line.split()[names.index("srv_uweight")] for line in lines[2:] if line.strip()}) == 1
