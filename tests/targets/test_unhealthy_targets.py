"""What a target that turned unhealthy still serves (ELB section 2.7)."""

from collections.abc import Callable

import pytest
from harness.client import Client
from harness.elbow import Elbow
from harness.holding import hold
from harness.manifest import group, listener, load_balancer, tcp
from harness.poll import until
from harness.ports import Ports
from harness.targets import Targets
from harness.tcp_client import TcpClient, target_of
from harness.websocket import WebSocket

Start = Callable[..., Elbow]


def test_a_target_that_turned_unhealthy_finishes_its_work(elbow: Start, targets: Targets, ports: Ports) -> None:
    web, tcp_port = ports.take(), ports.take()
    a, b, t = targets.http("a"), targets.http("b"), targets.tcp("t", greets=True)
    checked = targets.http("checked", ip=t.ip)
    check = {"protocol": "HTTP", "port": checked.port, "path": "/healthz"}
    lb = elbow(
        load_balancer(
            [listener(web), listener(tcp_port, "TCP", group="tcp")],
            [group([a, b]), group([t], "TCP", name="tcp", failOpen=False, check=check)],
        )
    )
    with Client(web) as client, WebSocket(web) as socket, TcpClient(tcp_port) as stream:
        sick = hold(client, a, b)
        assert stream.greeting() == "t"
        sick.health.status = checked.health.status = 500
        lb.wait_state(sick, "unhealthy")
        lb.wait_state(t, "unhealthy", group="tcp")

        socket.echo(b"still here")
        stream.echo(b"still here")
        assert target_of(tcp_port) is None
        sick.release()
        assert client.read().target == sick.name


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"unhealthyConnectionTermination": True}, "unhealthy"),
        ({"unhealthyDrainingInterval": "2s"}, "unhealthy.draining"),
    ],
)
def test_connections_to_a_target_that_turned_unhealthy_are_cut_at_once_or_after_the_interval(
    elbow: Start, targets: Targets, ports: Ports, fields: dict[str, object], state: str
) -> None:
    port = ports.take()
    a = targets.tcp("a")
    checked = targets.http("checked", ip=a.ip)
    check = {"protocol": "HTTP", "port": checked.port, "path": "/healthz"}
    lb = elbow(tcp(port, [a], check=check, failOpen=False, **fields))
    with TcpClient(port) as before, TcpClient(port) as replaced:
        assert (before.greeting(), replaced.greeting()) == ("a", "a")
        lb.edit(lambda spec: spec["listeners"].append(listener(ports.take(), "TCP", name="more")))
        with TcpClient(port) as after:
            assert after.greeting() == "a"
            before.echo(b"well")

            checked.health.status = 500
            lb.wait_state(a, state)
            if state == "unhealthy.draining":
                before.echo(b"while it may")
                after.echo(b"while it may")
                lb.wait_state(a, "unhealthy")

            for client in (before, replaced, after):
                until(lambda client=client: not client.is_open(), say="the connection is cut")
