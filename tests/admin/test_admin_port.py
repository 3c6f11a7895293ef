"""The admin port: what the agent shows to people and programs."""

import re
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from conftest import Targets
from harness.client import get, post
from harness.elbow import Elbow
from harness.manifest import http, tcp
from harness.poll import until
from harness.ports import Ports
from harness.target import addresses

Start = Callable[..., Elbow]


def test_ready_once_the_first_checks_have_told_something(elbow: Start, targets: Targets, port: int) -> None:
    a = targets.http("a")
    a.health.mode = "hang"
    lb = elbow(http(port, [a], check={"unhealthyThreshold": 3, "interval": "2s", "timeout": "1s"}), settle=False)
    assert lb.page("/readyz") == (503, "not ready\n")

    a.health.mode = "answer"

    lb.wait_ready()


def test_live_while_it_looks(elbow: Start, targets: Targets, port: int) -> None:
    lb = elbow(http(port, [targets.http("a")]))

    status, text = lb.page("/livez")

    assert status == 200
    assert text.startswith("last look")


def test_config_is_the_file_haproxy_would_start_from(elbow: Start, targets: Targets, port: int) -> None:
    lb = elbow(http(port, [targets.http("a")]))

    assert lb.page("/config") == (200, lb.config())


def test_the_key_that_signs_cookies_is_on_no_page(elbow: Start, targets: Targets, port: int) -> None:
    lb = elbow(http(port, [targets.http("a")], stickiness={"type": "lb_cookie"}))
    (key,) = set(re.findall(r"hmac\(sha256,([^)]+)\)", lb.config()))

    for page in ("/config", "/wanted"):
        assert lb.page(page) == (200, lb.config().replace(key, "***"))


def test_a_page_that_does_not_exist_names_those_that_do(elbow: Start, targets: Targets, port: int) -> None:
    lb = elbow(http(port, [targets.http("a")]))

    assert lb.page("/nothing")[0] == 404
    assert "/metrics" in lb.page("/nothing")[1]


def test_a_client_that_goes_away_is_not_told_in_the_log(elbow: Start, targets: Targets, port: int) -> None:
    lb = elbow(http(port, targets.many(1)))
    threads = Path(f"/proc/{lb.process.pid}/task")
    before = set(threads.iterdir())

    with socket.create_connection(("127.0.0.1", lb.admin)) as client:
        (serving,) = until(lambda: set(threads.iterdir()) - before, say="it is served")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes with a reset

    until(lambda: not serving.exists(), say="it is done with")
    assert "Error" not in lb.logs()


def test_requests_codes_and_latencies_are_counted_to_the_last_one(elbow: Start, targets: Targets, port: int) -> None:
    lb = elbow(http(port, [targets.http("a", zone="zone-a"), targets.http("b", zone="zone-b")]))
    for _ in range(20):
        get(port)
    for code in (301, 404, 404, 500, 503):
        get(port, f"/status/{code}")
    get(port, "/slow?ms=300")
    post(port, "/echo", b"x" * 1000)

    until(lambda: lb.metric("elb_request_count_total", listener="http") == 27, say="all requests are counted")

    codes = {n: lb.metric(f"elb_httpcode_target_{n}xx_count_total", target_group="web") for n in (2, 3, 4, 5)}
    assert codes == {2: 22, 3: 1, 4: 2, 5: 2}
    assert lb.metric("elb_httpcode_elb_4xx_count_total") == lb.metric("elb_httpcode_elb_5xx_count_total") == 0
    assert lb.metric("elb_target_response_time_seconds_count") == 27
    assert lb.metric("elb_target_response_time_seconds_bucket", le="0.2") == 26
    assert 0.3 <= lb.metric("elb_target_response_time_seconds_sum") < 3
    assert lb.metric("elb_processed_bytes_total") > 1000
    assert lb.metric("elb_healthy_host_count", target_zone="zone-a") == 1
    assert lb.metric("elb_healthy_host_count") == 2


def test_what_the_balancer_answers_itself_is_counted_apart(elbow: Start, targets: Targets, port: int) -> None:
    a = targets.http("a")
    lb = elbow(http(port, [a], failOpen=False))
    a.health.status = 500
    lb.wait_state(a, "unhealthy")

    assert [get(port).status for _ in range(3)] == [503] * 3

    until(lambda: lb.metric("elb_httpcode_elb_503_count_total", listener="http") == 3, say="3 x 503 are counted")
    assert lb.metric("elb_httpcode_elb_5xx_count_total") == 3
    assert lb.metric("elb_httpcode_elb_502_count_total") == lb.metric("elb_httpcode_target_5xx_count_total") == 0
    assert lb.metric("elb_unhealthy_host_count") == 1
    assert lb.metric("elb_unhealthy_state_routing") == 1


def test_a_failed_connection_to_a_target_is_counted_though_another_target_took_it(
    elbow: Start, targets: Targets, port: int, ports: Ports
) -> None:
    nobody = {"ip": "127.0.0.1", "port": ports.take()}
    lb = elbow(tcp(port, [*addresses(targets.tcp(greets=False)), nobody], check={"enabled": False}))
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            client.sendall(b"x")
            assert client.recv(1) == b"x"

    until(lambda: lb.metric("elb_target_connection_error_count_total") >= 5, say="each is counted")

    assert lb.group().connection_errors == lb.metric("elb_target_request_count_total") - 10


def test_requests_sent_while_failing_open_are_counted(elbow: Start, targets: Targets, port: int) -> None:
    a = targets.http("a")
    lb = elbow(http(port, [a]))
    a.health.status = 500
    lb.wait_state(a, "unhealthy")

    assert [get(port).status for _ in range(4)] == [200] * 4

    until(lambda: lb.metric("elb_unhealthy_routing_request_count_total") == 4, say="4 requests are counted")


def test_counters_go_on_over_a_reload(elbow: Start, targets: Targets, port: int, ports: object) -> None:
    two = targets.many(2)
    lb = elbow(http(port, two))
    for _ in range(10):
        get(port)
    lb.edit(lambda spec: spec["listeners"][0].update(idleTimeout="59s"))
    for _ in range(10):
        get(port)

    until(lambda: lb.metric("elb_target_request_count_total") == 20, say="requests of both workers are counted")

    assert lb.metric("elbow_reloads_total", reason="ListenerChanged") == 1
    assert lb.metric("elb_httpcode_target_2xx_count_total") == 20
    assert lb.metric("elb_target_response_time_seconds_count") == 20


def test_every_metric_says_the_elb_metric_it_is(elbow: Start, targets: Targets, port: int) -> None:
    lb = elbow(http(port, [targets.http("a")]))
    until(lambda: lb.metric("elb_healthy_host_count") == 1, say="the target is healthy")

    helps = [line for line in lb.page("/metrics")[1].splitlines() if line.startswith("# HELP")]

    names = [line.split()[2] for line in helps]
    assert len(names) == len(set(names))
    assert all(name.startswith(("elb_", "elbow_")) for name in names)
    text = "\n".join(helps)
    for metric in (
        "ActiveConnectionCount",
        "NewConnectionCount",
        "RejectedConnectionCount",
        "RequestCount",
        "TargetResponseTime",
        "Latency",
        "TargetConnectionErrorCount",
        "BackendConnectionErrors",
        "TargetTLSNegotiationErrorCount",
        "ClientTLSNegotiationErrorCount",
        "HTTPCode_ELB_4XX_Count",
        "HTTPCode_ELB_5XX_Count",
        "HTTPCode_ELB_502_Count",
        "HTTPCode_Target_2XX_Count",
        "HTTPCode_Target_5XX_Count",
        "HealthyHostCount",
        "UnHealthyHostCount",
        "HealthyStateRouting",
        "UnhealthyRoutingRequestCount",
        "NonStickyRequestCount",
        "ProcessedBytes",
        "SurgeQueueLength",
        "SpilloverCount",
        "DesyncMitigationMode_NonCompliant_Request_Count",
        "ForwardedInvalidHeaderRequestCount",
    ):
        assert metric in text, metric
