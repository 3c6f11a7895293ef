"""A reload loses nothing: no request, no connection, no count, no state."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from harness.behaviour import pattern
from harness.client import Client, get
from harness.elbow import Elbow
from harness.load import Load
from harness.manifest import group, listener, load_balancer
from harness.poll import until
from harness.ports import Ports
from harness.target import addresses
from harness.targets import Targets
from harness.tcp_load import TcpLoad
from websockets.sync.client import connect

Start = Callable[..., Elbow]
Spec = dict[str, Any]


def reload(lb: Elbow, turn: int) -> None:
    """Have HAProxy reloaded, by a change of the listener's timeout."""
    lb.edit(lambda spec: spec["listeners"][0].update(idleTimeout=f"{61 + turn}s"), limit=20)


@contextmanager
def beside(work: Callable[[], None]) -> Iterator[list[BaseException]]:
    """Run something beside the block, and wait for its end; what it raised is in the list."""
    faults: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  (the test looks at it)
            faults.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield faults
    thread.join(30)
    assert not thread.is_alive()


def test_twenty_reloads_under_mixed_load_fail_nothing_and_every_request_is_counted(
    elbow: Start, targets: Targets, ports: Ports
) -> None:
    web, plain = ports.take(), ports.take()
    lb = elbow(
        load_balancer(
            [listener(web), listener(plain, "TCP", group="plain")],
            [group(targets.many(3)), group([targets.tcp("t"), targets.tcp("u")], "TCP", name="plain")],
        )
    )
    is_over = threading.Event()
    downloads = []

    def download() -> None:
        while not is_over.is_set():
            body = get(web, "/download?bytes=300000&chunks=30&ms=50").body
            assert body == pattern(300_000)
            downloads.append(len(body))

    def talk() -> None:
        with connect(f"ws://127.0.0.1:{web}/ws", proxy=None) as websocket:
            while not is_over.is_set():
                websocket.send("hello")
                websocket.recv(timeout=10)
                time.sleep(0.02)

    with (
        Load(web, keep_alive=3, fresh=2, pause=0.02) as load,
        TcpLoad(plain, lasting=2) as tcp,
        beside(download) as downloaded,
        beside(talk) as talked,
    ):
        try:
            for turn in range(20):
                reload(lb, turn)
                load.wait_for(3)
        finally:
            is_over.set()
    load.assert_clean(least=60)
    assert (downloaded, talked, dict(tcp.failures)) == ([], [], {})
    assert lb.reloads()["ListenerChanged"] == 20
    asked = load.served + len(downloads) + 1  # one WebSocket
    until(
        lambda: lb.listener("http").requests == asked == lb.group("web").requests,
        say=f"{asked} requests are counted",
        limit=15,
    )
    connections = sum(tcp.targets.values())
    until(lambda: lb.group("plain").requests == connections, say=f"{connections} connections are counted")


def test_workers_that_were_replaced_end_once_they_have_nothing_left_to_do(
    elbow: Start, targets: Targets, port: int
) -> None:
    (a,) = targets.many(1)
    lb = elbow(load_balancer([listener(port)], [group([a])]))
    with Client(port) as client:
        client.send(b"GET /hold HTTP/1.1\r\nHost: web\r\n\r\n")
        until(lambda: a.held)

        reload(lb, 1)
        reload(lb, 2)

        # The second one served nothing.
        until(lambda: len(lb.haproxies()) == 3, say="one master, one worker, one that still serves")
        a.release()
        assert client.read().status == 200
    until(lambda: len(lb.haproxies()) == 2, say="one master, one worker")


def test_health_and_its_since_are_kept_over_a_reload(elbow: Start, targets: Targets, port: int) -> None:
    a, b = targets.many(2)
    lb = elbow(load_balancer([listener(port)], [group([a, b])]))
    a.health.status = 500
    lb.wait_state(a, "unhealthy")
    before = [lb.health_of(t) for t in (a, b)]

    with Load(port) as load:
        load.wait_for(20)
        reload(lb, 1)
        load.wait_for(50)

    load.assert_clean()
    assert set(load.targets) == {"b"}
    assert [lb.health_of(t) for t in (a, b)] == before


def test_targets_of_a_group_that_is_renamed_serve_on_and_others_wait_for_their_first_success(
    elbow: Start, targets: Targets, port: int
) -> None:
    a, b, c = targets.many(3)
    lb = elbow(load_balancer([listener(port)], [group([a, b])]))
    a.health.status = 500
    lb.wait_state(a, "unhealthy")
    for target in (b, c):
        target.health.delay = 0.4

    def rename(spec: Spec) -> None:
        spec["targetGroups"] = [group([a, b, c], name="shop")]
        spec["listeners"][0]["targetGroup"] = "shop"

    with Load(port) as load:
        load.wait_for(20)
        lb.edit(rename, limit=20)
        assert lb.state_of(c, group="shop") == "initial"
        load.wait_for(50)
        lb.wait_state(c, "healthy", group="shop")

    load.assert_clean()
    assert "a" not in load.targets


def test_a_drain_goes_on_over_a_reload_and_its_end_cuts_what_is_left_on_the_old_worker(
    elbow: Start, targets: Targets, port: int
) -> None:
    a, b = targets.many(2)
    lb = elbow(load_balancer([listener(port)], [group([a, b], deregistrationDelay="4s")]))
    with Client(port) as client:
        client.send(b"GET /hold HTTP/1.1\r\nHost: web\r\n\r\n")
        until(lambda: a.held or b.held)
        leaving, staying = (a, b) if a.held else (b, a)
        lb.set_targets(addresses(staying))
        before = lb.health_of(leaving)
        began = time.monotonic()

        reload(lb, 1)

        assert lb.health_of(leaving) == before
        assert {get(port).target for _ in range(6)} == {staying.name}
        assert client.is_open()
        until(lambda: not client.is_open(), limit=8)
        assert time.monotonic() - began > 2.0
    lb.wait_state(leaving, None)


def test_ties_of_sticky_clients_outlive_a_reload(elbow: Start, targets: Targets, port: int) -> None:
    sticky = {"type": "lb_cookie", "duration": "1h"}
    lb = elbow(load_balancer([listener(port)], [group(targets.many(4), stickiness=sticky)]))
    first = get(port)
    cookie = next(value for name, value in first.headers if name.lower() == "set-cookie").partition(";")[0]

    reload(lb, 1)

    assert {get(port, headers={"Cookie": cookie}).target for _ in range(12)} == {first.target}
