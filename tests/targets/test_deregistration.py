"""How targets leave."""

from collections.abc import Callable

import pytest
from harness.client import Client, Closed, get
from harness.elbow import Elbow
from harness.holding import hold
from harness.manifest import group, http, listener, load_balancer, tcp
from harness.poll import stays, until
from harness.ports import Ports
from harness.target import Target, addresses
from harness.targets import Targets
from harness.tcp_client import TcpClient, target_of
from harness.websocket import WebSocket

Start = Callable[..., Elbow]


def is_cut(client: Client) -> None:
    """ELB answers 502; HAProxy closes without a word."""
    with pytest.raises(Closed, match="closed before a response"):
        client.read()


def test_a_client_that_stays_connected_is_served_by_others_at_once(elbow: Start, targets: Targets, port: int) -> None:
    a, b = targets.many(2)
    lb = elbow(http(port, [a, b]))
    with Client(port) as client:
        assert {client.get().target for _ in range(4)} == {"a", "b"}
        a.forget()

        lb.set_targets(addresses(b))

        assert {client.get().target for _ in range(20)} == {"b"}
        assert a.requests == []


def test_work_in_progress_goes_on_for_the_delay_and_is_cut_at_its_end(
    elbow: Start, targets: Targets, ports: Ports
) -> None:
    web, tcp_port = ports.take(), ports.take()
    a, b, echo = targets.http("a"), targets.http("b"), targets.tcp("t")
    lb = elbow(
        load_balancer(
            [listener(web), listener(tcp_port, "TCP", group="tcp")],
            [
                group([a], deregistrationDelay="3s"),
                group([echo], "TCP", name="tcp", deregistrationDelay="3s", connectionTermination=True),
            ],
        )
    )
    with (
        Client(web) as waiting,
        Client(web) as short,
        Client(web) as download,
        WebSocket(web) as socket,
        TcpClient(tcp_port) as stream,
    ):
        hold(waiting, a)
        short.send(b"GET /slow?ms=1500 HTTP/1.1\r\nHost: web\r\n\r\n")
        download.send(b"GET /download?bytes=1000000&chunks=100&ms=100 HTTP/1.1\r\nHost: web\r\n\r\n")
        assert download.read_head().status == 200
        assert stream.greeting() == "t"
        socket.echo(b"before")

        def leave(spec: dict) -> None:
            spec["targetGroups"][0]["targets"]["addresses"] = addresses(b)
            spec["targetGroups"][1]["targets"]["addresses"] = []

        lb.edit(leave)
        health = lb.health_of(a)
        assert health is not None
        assert (health.state, health.reason) == ("draining", "Target.DeregistrationInProgress")
        assert health.description == "Target deregistration is in progress"
        socket.echo(b"during")
        stream.echo(b"during")
        assert short.read().target == "a"
        assert download.read_chunk()
        assert lb.health_of(a) == health, "the state stays, with its time, whatever ends before"
        assert target_of(tcp_port) is None
        lb.wait_state(a, None, limit=6)

        until(lambda: not socket.client.is_open(), say="the WebSocket is closed")
        until(lambda: not stream.is_open(), say="the TCP connection is closed")
        with pytest.raises(Closed):
            _ = [*iter(download.read_chunk, b"")]
        is_cut(waiting)
        until(lambda: not a.open_connections)
    lb.wait_converged()
    assert lb.reloads() == {}


def test_tcp_connections_outlive_the_delay_unless_termination_is_asked_for(
    elbow: Start, targets: Targets, port: int
) -> None:
    a, b = targets.tcp("a"), targets.tcp("b")
    lb = elbow(tcp(port, [a], deregistrationDelay="1s"))
    with TcpClient(port) as client:
        assert client.greeting() == "a"
        lb.set_targets(addresses(b))
        lb.wait_state(a, None)

        client.echo(b"still here")
        lb.wait_converged()
        assert lb.state_of(a) is None
        assert target_of(port) is None or target_of(port) == "b"
        client.echo(b"and here")
    until(lambda: a.ip not in lb.socket("show servers state"), say="the server is deleted once it is idle")


def test_a_target_that_comes_back_while_it_leaves_begins_anew_and_keeps_its_work(
    elbow: Start, targets: Targets, port: int
) -> None:
    a, b = targets.many(2)
    lb = elbow(http(port, [a, b], deregistrationDelay="2s"))
    with Client(port) as client:
        leaving = hold(client, a, b)
        staying = b if leaving is a else a
        lb.set_targets(addresses(staying))
        leaving.health.mode = "hang"
        assert lb.state_of(leaving) == "draining"

        lb.set_targets(addresses(staying, leaving))

        health = lb.health_of(leaving)
        assert health is not None
        assert health.state == "initial"
        leaving.requests.clear()
        assert {get(port).target for _ in range(20)} == {staying.name}
        assert leaving.requests == []
        leaving.health.mode = "answer"
        lb.wait_state(leaving, "healthy")
        assert {get(port).target for _ in range(20)} == {"a", "b"}
        # Longer than the delay that was.
        stays(client.is_open, during=2.2)
        leaving.release()
        assert client.read().target == leaving.name


def test_a_delay_of_nothing_cuts_at_once(elbow: Start, targets: Targets, port: int) -> None:
    a, b = targets.many(2)
    lb = elbow(http(port, [a], deregistrationDelay="0s"))
    with Client(port) as client:
        hold(client, a)
        lb.set_targets(addresses(b))

        is_cut(client)
        assert lb.state_of(a) is None


def test_work_on_a_worker_that_was_replaced_is_cut_at_the_delay_too(
    elbow: Start, targets: Targets, ports: Ports
) -> None:
    port = ports.take()
    a, b = targets.many(2)
    lb = elbow(http(port, [a], deregistrationDelay="6s"))
    with Client(port) as client, WebSocket(port) as socket:
        hold(client, a)
        lb.set_targets(addresses(b))
        health = lb.health_of(a)
        lb.edit(lambda spec: spec["listeners"].append(listener(ports.take(), name="more")))
        assert lb.reloads() == {"ListenerAdded": 1}
        socket.echo(b"after the reload")
        assert lb.health_of(a) == health
        assert get(port).target == "b"
        lb.wait_state(a, None)

        is_cut(client)
        until(lambda: not socket.client.is_open())


def is_drained(lb: Elbow, target: Target) -> bool:
    health = lb.health_of(target)
    assert health is not None
    assert health.state == "draining", "the state stays for the delay"
    return bool(health.drained)


def test_it_is_told_when_nothing_is_under_way_any_more_on_a_target_that_leaves(
    elbow: Start, targets: Targets, port: int
) -> None:
    a, b = targets.many(2)
    lb = elbow(http(port, [a, b], deregistrationDelay="60s"))
    assert [target.drained for target in lb.group().targets] == [None, None]
    with Client(port) as client, WebSocket(port) as socket:
        hold(client, a, b)
        socket.echo(b"before")
        lb.set_targets([])
        stays(lambda: not is_drained(lb, a) and not is_drained(lb, b), during=1.5)
        busy = a if a.held else b
        busy.release()
        assert client.read().target == busy.name
        socket.client.close()
        until(
            lambda: is_drained(lb, a) and is_drained(lb, b), limit=3, say="both are drained, long before the delay ends"
        )


def test_a_target_on_which_nothing_is_under_way_is_drained_at_once(elbow: Start, targets: Targets, port: int) -> None:
    a, b = targets.many(2)
    lb = elbow(http(port, [a, b], deregistrationDelay="60s"))
    with Client(port) as client:  # an idle connection isn't under way
        client.get()
        lb.set_targets(addresses(b))
        until(lambda: is_drained(lb, a), limit=2)


def test_what_is_under_way_on_a_worker_that_was_replaced_counts(elbow: Start, targets: Targets, ports: Ports) -> None:
    port = ports.take()
    a, b = targets.many(2)
    lb = elbow(http(port, [a], deregistrationDelay="60s"))
    with Client(port) as client:
        hold(client, a)
        lb.edit(lambda spec: spec["listeners"].append(listener(ports.take(), name="more")))
        assert lb.reloads() == {"ListenerAdded": 1}
        lb.set_targets(addresses(b))
        stays(lambda: not is_drained(lb, a), during=1.5)
        a.release()
        assert client.read().target == "a"
        until(lambda: is_drained(lb, a), limit=3)


def test_a_drain_goes_on_after_the_agent_was_killed(elbow: Start, targets: Targets, port: int) -> None:
    a, b = targets.many(2)
    lb = elbow(http(port, [a], deregistrationDelay="15s"))
    with Client(port) as client:
        hold(client, a)
        lb.set_targets(addresses(b))
        health = lb.health_of(a)

        lb.restart_agent()

        assert lb.health_of(a) == health
        lb.wait_state(a, None, limit=20)
        is_cut(client)


def test_a_target_taken_out_by_hand_drains_is_unused_and_comes_back(elbow: Start, targets: Targets, port: int) -> None:
    a, b = targets.many(2)
    lb = elbow(http(port, [a, b], deregistrationDelay="2s"))
    with Client(port) as waiting:
        hold(waiting, a)
        out = {"targetGroup": "web", "ip": a.ip, "port": a.port}
        lb.edit(lambda spec: spec.update(deregisteredTargets=[out]))

        draining = lb.health_of(a)
        assert draining is not None
        assert (draining.state, draining.reason) == ("draining", "Target.DeregistrationInProgress")
        assert {get(port).target for _ in range(10)} == {"b"}
        a.release()
        assert waiting.read().target == "a"

        lb.wait_state(a, "unused", limit=6)
        unused = lb.health_of(a)
        assert unused is not None
        assert (unused.reason, unused.description) == (
            "Target.NotRegistered",
            "Target is not registered to the target group",
        )
        lb.restart_agent()
        lb.wait_state(a, "unused")
        assert {get(port).target for _ in range(10)} == {"b"}

        lb.edit(lambda spec: spec.pop("deregisteredTargets"))
        lb.wait_state(a, "healthy")
        assert {get(port).target for _ in range(10)} == {"a", "b"}
    assert lb.reloads() == {}
