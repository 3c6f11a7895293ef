"""What a real proxy tells of its usage."""

import copy
import os
import signal
from collections.abc import Callable

from elbow_api.usage import Usage
from elbow_dataplane.agent.kept_counters import KeptCounters
from harness.client import Client, Closed, get
from harness.elbow import Elbow
from harness.manifest import group, http, listener, load_balancer
from harness.poll import until
from harness.ports import Ports
from harness.targets import Targets
from harness.tcp_client import TcpClient

from usage.told import newest, usage, usage_reports

Start = Callable[..., Elbow]


def test_requests_connections_and_bytes_are_those_that_were_sent(elbow: Start, targets: Targets, port: int) -> None:
    lb = elbow(http(port, [targets.http("a")]))
    with Client(port) as client:
        for _ in range(3):
            client.get()
    for _ in range(2):
        get(port)

    until(lambda: usage(lb).http.requests == 5, limit=30, say="five requests")

    told = usage(lb)
    assert told.http.new_connections == 3
    assert told.http.processed_bytes == lb.listener().processed_bytes > 500
    assert told.tcp == told.tls == Usage().tcp


def test_each_kind_of_listener_is_told_apart_and_open_connections_by_their_time(
    elbow: Start, targets: Targets, ports: Ports
) -> None:
    web, raw = ports.take(), ports.take()
    groups = [group([targets.http("a")]), group([targets.tcp("t")], "TCP", name="raw")]
    lb = elbow(load_balancer([listener(web), listener(raw, "TCP", group="raw")], groups))
    get(web)
    with TcpClient(raw) as client:
        assert client.greeting() == "t"
        until(lambda: usage(lb).tcp.connection_seconds >= 2, limit=30, say="the connection is open for 2 s")

    told = usage(lb)
    assert (told.http.new_connections, told.tcp.new_connections) == (1, 1)
    assert (told.http.requests, told.tcp.requests) == (1, 0)


def test_sums_go_on_over_kills_of_the_agent_and_of_haproxy_and_a_reload(
    elbow: Start, targets: Targets, port: int
) -> None:
    lb = elbow(http(port, [targets.http("a")]))
    stream = newest(lb).stream
    served = cut = 0

    def answers() -> bool:
        """A request that nobody listens for isn't sent; one that is answered by a HAProxy without targets is."""
        nonlocal served, cut
        try:
            found = get(port)
        except ConnectionRefusedError:
            return False
        except (Closed, ConnectionResetError):  # a HAProxy that ends or begins, which may have counted it
            cut += 1
            return False
        served += 1
        return found.status == 200

    def are_counted() -> bool:
        return served <= usage(lb).http.requests <= served + cut

    def serves() -> None:
        until(answers, limit=30, every=0.1, say="it serves")
        until(are_counted, limit=30, say=f"all {served} requests are counted")

    serves()
    lb.restart_agent()
    serves()
    lb.edit(lambda spec: spec["listeners"][0].update(idleTimeout="59s"))
    serves()
    for kill in (lb.kill_haproxy, lb.kill_worker):
        before = lb.haproxies()
        kill()
        until(lambda before=before: not {*before} & {*lb.haproxies()}, limit=30, say="the old ones are gone")
        serves()
    assert newest(lb).stream == stream


def test_an_agent_killed_while_haproxy_is_reloaded_loses_nothing_that_was_done_before(
    elbow: Start, targets: Targets, port: int
) -> None:
    lb = elbow(http(port, [targets.http("a")]))
    master, old = lb.haproxies()
    os.kill(master, signal.SIGSTOP)  # a reload takes as long as this
    for _ in range(5):
        get(port)
    changed = copy.deepcopy(lb.manifest)
    changed["spec"]["listeners"][0]["idleTimeout"] = "59s"
    lb.write(changed)
    kept = lb.run_dir / "counters.json"
    until(lambda: KeptCounters(kept).of("usage", "http", "requests") == 5, limit=30, say="five requests are kept")
    lb.kill_agent()
    os.kill(master, signal.SIGCONT)
    until(lambda: old not in lb.haproxies(), limit=30, say="the old worker's end")
    lb.start()
    until(lambda: usage(lb).http.requests == 5, limit=30, say="five requests")


def test_whoever_follows_is_told_within_seconds_what_came_since(elbow: Start, targets: Targets, port: int) -> None:
    lb = elbow(http(port, [targets.http("a")]))
    told = usage_reports(lb.admin)
    assert next(told).usage.http.requests == 0
    get(port)
    assert any(report.usage.http.requests == 1 for report in told)
