"""How targets are checked."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import grpc
import pytest
from harness.certificates import Authority
from harness.client import get
from harness.elbow import Elbow
from harness.grpc_target import GrpcTarget
from harness.manifest import group, http, listener, load_balancer, tls
from harness.poll import until
from harness.ports import Ports
from harness.server import Server
from harness.target import Target, addresses
from harness.targets import Targets
from harness.tcp_target import TcpTarget

Start = Callable[..., Elbow]


@dataclass
class Fleet:
    """One target for each way of checking, in one load balancer."""

    lb: Elbow
    http: Target
    https: Target
    http2: Target
    http2s: Target
    own: Target
    own_port: Target
    ipv6: Target
    tcp: TcpTarget
    tls: TcpTarget
    no_tls: TcpTarget
    by_http: Target
    grpc: GrpcTarget
    grpcs: GrpcTarget
    seen_by_grpc: Target


@pytest.fixture
def fleet(elbow: Start, targets: Targets, ports: Ports, authority: Authority) -> Fleet:
    certificate = authority.issue("localhost", "127.0.0.1")
    context = certificate.server_context()
    made = {
        "http": targets.http("http"),
        "https": targets.http("https", tls=context),
        "http2": targets.http("http2"),
        "http2s": targets.http("http2s", tls=certificate.server_context(alpn=("h2", "http/1.1"))),
        "own": (own := targets.http("own")),
        "own_port": targets.http("own-port", ip=own.ip),
        "ipv6": targets.http("ipv6", ip="::1"),
        "tcp": targets.tcp("tcp"),
        "tls": targets.tcp("tls", tls=context),
        "no_tls": targets.tcp("no-tls"),
        "by_http": targets.http("by-http"),
        "grpc": targets.grpc("grpc"),
        "grpcs": targets.grpc("grpcs", tls=certificate),
        "seen_by_grpc": targets.http("seen-by-grpc"),
    }
    made["own"].health.path = made["own_port"].health.path = "/ready"
    made["seen_by_grpc"].health.path = "/AWS.ALB/healthcheck"
    over_grpc = {"protocolVersion": "GRPC"}
    grpc_check = {"path": None}
    own_check = {"path": "/ready?deep=1", "port": made["own_port"].port, "host": "health.example.com:81"}
    groups = [
        group([made["http"]], name="http"),
        group([made["https"]], "HTTPS", name="https"),
        group([made["http2"]], name="http2", protocolVersion="HTTP2"),
        group([made["http2s"]], "HTTPS", name="http2s", protocolVersion="HTTP2"),
        group([made["own"]], name="own", check=own_check),
        group([made["ipv6"]], name="ipv6"),
        group([made["tcp"]], "TCP", name="tcp"),
        group([made["tls"], made["no_tls"]], "TLS", name="tls"),
        group([made["by_http"]], "TCP", name="by-http", check={"protocol": "HTTP", "path": "/healthz"}),
        group([made["grpc"]], name="grpc", check=grpc_check, **over_grpc),
        group(
            [made["grpcs"]],
            "HTTPS",
            name="grpcs",
            check={"path": "/grpc.health.v1.Health/Check", "matcher": "0"},
            **over_grpc,
        ),
        group([made["seen_by_grpc"]], name="seen-by-grpc", check=grpc_check, **over_grpc),
    ]
    listeners = []
    for each in groups:
        protocol = (
            "HTTPS"
            if "protocolVersion" in each
            else {"HTTPS": "HTTP", "TLS": "TCP"}.get(each["protocol"], each["protocol"])
        )
        fields = {"tls": tls(certificate.bundle)} if protocol == "HTTPS" else {}
        listeners.append(listener(ports.take(), protocol, name=each["name"], group=each["name"], **fields))
    # All are added while HAProxy runs.
    lb = elbow(load_balancer(listeners, [each | {"targets": {"addresses": []}} for each in groups]))
    lb.edit(lambda spec: spec.update(targetGroups=groups))
    assert lb.reloads() == {}
    return Fleet(lb, **made)


def test_each_kind_of_check_finds_a_target_healthy_and_says_why_it_is_not(fleet: Fleet, ports: Ports) -> None:
    lb = fleet.lb
    kinds: dict[str, Server | GrpcTarget] = {
        "http": fleet.http,
        "https": fleet.https,
        "http2": fleet.http2,
        "http2s": fleet.http2s,
        "ipv6": fleet.ipv6,
        "tcp": fleet.tcp,
        "tls": fleet.tls,
        "by-http": fleet.by_http,
        "grpc": fleet.grpc,
        "grpcs": fleet.grpcs,
    }
    for name, target in kinds.items():
        lb.wait_state(target, "healthy", group=name)
    lb.wait_state(fleet.no_tls, "unhealthy", group="tls")

    fleet.http.health.mode = "hang"
    fleet.https.health.status = 503
    fleet.http2.health.status = fleet.http2s.health.status = 201
    fleet.ipv6.health.mode = "garbage"
    fleet.tcp.refuse()
    fleet.tls.on_accept = "hang"
    fleet.by_http.health.status = 500
    fleet.grpc.codes["/AWS.ALB/healthcheck"] = grpc.StatusCode.OK
    fleet.grpcs.codes["/grpc.health.v1.Health/Check"] = grpc.StatusCode.UNAVAILABLE

    def told() -> dict[str, tuple[str | None, str | None]]:
        found = {name: lb.health_of(target, group=name) for name, target in kinds.items()}
        return {name: (h.reason, h.description) for name, h in found.items() if h and h.state == "unhealthy"}

    mismatch, failed = "Target.ResponseCodeMismatch", ("Target.FailedHealthChecks", "Health checks failed")
    wanted = {
        "http": ("Target.Timeout", "Request timed out"),
        "https": (mismatch, "Health checks failed with these codes: [503]"),
        "http2": (mismatch, "Health checks failed with these codes: [201]"),
        "http2s": (mismatch, "Health checks failed with these codes: [201]"),
        "ipv6": failed,
        "tcp": failed,
        "tls": failed,
        "by-http": failed,
        "grpc": (mismatch, "Health checks failed with these codes: [0]"),
        "grpcs": (mismatch, "Health checks failed with these codes: [14]"),
    }
    # A busy machine may let a check time out; what the next one finds is what counts.
    with suppress(AssertionError):
        until(lambda: told() == wanted, limit=20)
    assert told() == wanted

    fleet.http.health.mode = fleet.ipv6.health.mode = "answer"
    fleet.tcp.listen()
    fleet.tls.on_accept = "serve"
    for target in (fleet.https, fleet.http2, fleet.http2s, fleet.by_http):
        target.health.status = 200
    fleet.grpc.codes.clear()
    fleet.grpcs.codes.clear()
    # From here on they stand in the file HAProxy starts from.
    lb.edit(lambda spec: spec["listeners"].append(listener(ports.take(), name="more", group="http")))
    assert lb.reloads() == {"ListenerAdded": 1}
    for name, target in kinds.items():
        health = lb.wait_state(target, "healthy", group=name)
        assert health is not None
        assert (health.reason, health.description) == (None, None)


def test_a_check_asks_as_elb_does(fleet: Fleet) -> None:
    until(lambda: all(t.checks for t in (fleet.http, fleet.https, fleet.http2, fleet.ipv6, fleet.own_port)))
    until(lambda: fleet.seen_by_grpc.checks and fleet.grpcs.checks)

    for target in (fleet.http, fleet.https, fleet.ipv6):
        check = target.checks[0]
        host = f"[::1]:{target.port}" if target is fleet.ipv6 else f"{target.ip}:{target.port}"
        assert (check.method, check.target, check.version) == ("GET", "/healthz", "HTTP/1.1")
        assert check.header("Host") == host
        assert check.header("User-Agent") == "ELB-HealthChecker/2.0"
    over_http2 = fleet.http2.checks[0]
    assert over_http2.version == "HTTP/2"
    assert over_http2.header("host") == f"{fleet.http2.ip}:{fleet.http2.port}"
    own = fleet.own_port.checks[0]
    assert (own.target, own.header("Host")) == ("/ready?deep=1", "health.example.com:81")
    assert fleet.own.checks == []
    call = fleet.seen_by_grpc.checks[0]
    assert (call.method, call.target) == ("POST", "/AWS.ALB/healthcheck")
    assert call.header(":authority") == f"{fleet.seen_by_grpc.ip}:{fleet.seen_by_grpc.port}"
    assert (call.header("content-type"), call.header("te")) == ("application/grpc", "trailers")
    until(lambda: fleet.seen_by_grpc.checks[0].body == bytes(5))
    assert fleet.grpcs.checks[0].method == "/grpc.health.v1.Health/Check"
    assert "ELB-HealthChecker/2.0" in fleet.grpcs.checks[0].metadata["user-agent"]


def test_codes_of_a_matcher_and_no_others_pass(
    elbow: Start, targets: Targets, ports: Ports, authority: Authority
) -> None:
    codes = {code.value[0]: code for code in grpc.StatusCode}
    by_grpc = {code: targets.grpc(f"grpc-{code}") for code in (0, 4, 5, 6, 7, 8, 12, 14)}
    for code, target in by_grpc.items():
        target.codes["/app.Service/Ping"] = codes[code]
    by_http = {code: targets.http(f"http-{code}") for code in (200, 201, 202, 299, 300, 404)}
    for code, target in by_http.items():
        target.health.status = code
    check = {"path": "/app.Service/Ping", "matcher": "0,5-7,14"}
    lb = elbow(
        load_balancer(
            [
                listener(ports.take(), "HTTPS", group="grpc", tls=tls(authority.issue("localhost").bundle)),
                listener(ports.take(), group="web"),
            ],
            [
                group(by_grpc.values(), name="grpc", protocolVersion="GRPC", check=check),
                group(by_http.values(), check={"matcher": "200,202-299"}),
            ],
        )
    )

    assert {c for c, target in by_grpc.items() if lb.state_of(target, group="grpc") == "healthy"} == {0, 5, 6, 7, 14}
    assert {c for c, target in by_http.items() if lb.state_of(target) == "healthy"} == {200, 202, 299}
    reasons = {c: lb.health_of(t, group="grpc") for c, t in by_grpc.items()}
    for code in (4, 8, 12):
        assert reasons[code].description == f"Health checks failed with these codes: [{code}]"


def test_a_target_turns_after_as_many_results_in_a_row_as_the_thresholds_say(
    elbow: Start, targets: Targets, port: int
) -> None:
    up, down = targets.http("up"), targets.http("down")
    down.health.status = 500
    lb = elbow(http(port, [up, down], check={"healthyThreshold": 3, "unhealthyThreshold": 3}))
    before = lb.health_of(up), lb.health_of(down)
    up.health.script = [500, 500, 200, 500, 500]
    down.health.script = [200, 200, 500, 200, 200]
    until(lambda: not up.health.script and not down.health.script, limit=20)
    done = len(up.checks), len(down.checks)
    until(lambda: len(up.checks) > done[0] and len(down.checks) > done[1], limit=20)
    lb.wait_converged()

    assert (lb.health_of(up), lb.health_of(down)) == before

    up.health.status, down.health.status = 500, 200
    up.forget()
    down.forget()
    lb.wait_state(up, "unhealthy")
    assert len(up.checks) == 3
    lb.wait_state(down, "healthy")
    assert len(down.checks) == 3


def test_a_new_target_gets_nothing_before_its_first_success_and_needs_no_second(
    elbow: Start, targets: Targets, port: int
) -> None:
    a, b = targets.many(2)
    b.health.script = [500, 500]
    lb = elbow(http(port, [a], check={"healthyThreshold": 5, "unhealthyThreshold": 5}))
    lb.set_targets(addresses(a, b))
    until(lambda: b.checks)

    while len(b.checks) < 2:
        assert get(port).target == "a"
    health = lb.health_of(b)
    assert health is not None
    assert (health.state, health.reason) == ("initial", "Elb.InitialHealthChecking")
    assert health.description == "Initial health checks in progress"

    lb.wait_state(b, "healthy")
    assert len(b.checks) == 3
    assert not [r for r in b.requests if r.time < b.checks[-1].time]


def test_a_new_target_that_never_succeeds_is_initial_until_the_threshold(
    elbow: Start, targets: Targets, port: int
) -> None:
    a = targets.http("a")
    a.health.status = 404
    lb = elbow(http(port, [a], check={"unhealthyThreshold": 3}), settle=False)
    until(lambda: len(a.checks) == 2)
    assert lb.state_of(a) == "initial"

    health = lb.wait_state(a, "unhealthy")

    assert len(a.checks) in (3, 4)
    assert health is not None
    assert health.description == "Health checks failed with these codes: [404]"
