"""HTTP/1 as clients may speak it: methods, versions, bodies, pipelines, sizes (ELB sections 6.2, 6.7 and 6.8)."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from conftest import Targets
from elbow_dataplane.haproxy.render.listener_counter import COUNTERS_TABLE, parse_table
from harness.client import Client, Closed
from harness.elbow import Elbow
from harness.haproxy import IS_34
from harness.manifest import group, listener, load_balancer
from harness.poll import until
from harness.ports import Ports
from harness.response import Response
from harness.target import Target


@dataclass
class Site:
    lb: Elbow
    target: Target
    port: int
    strict_port: int

    def send(self, data: bytes, method: str = "GET") -> Response:
        self.target.forget()
        with Client(self.port) as client:
            client.send(self.asked(data))
            return client.read(method)

    def asked(self, data: bytes) -> bytes:
        """The request with the Host that targets get, so that nothing but what is tested makes it special."""
        return data.replace(b"Host: web\r\n", b"Host: web:%d\r\n" % self.port)

    def invalid_headers(self) -> int:
        rows = parse_table(self.lb.socket(f"show table {COUNTERS_TABLE}")).values()
        return sum(row["invalid_headers"] for row in rows)


@pytest.fixture(scope="module")
def site(shared: Callable[..., Elbow], fleet: Targets, ports: Ports) -> Site:
    target, port, strict_port = fleet.http(), ports.take(), ports.take()
    listeners = [listener(port), listener(strict_port, name="dropping", http={"dropInvalidHeaders": True})]
    return Site(shared(load_balancer(listeners, [group([target])])), target, port, strict_port)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "B" * 127])
def test_any_method_up_to_127_characters_reaches_the_target(site: Site, method: str) -> None:
    site.target.forget()
    with Client(site.port) as client:
        assert client.request(method).status == 200
    assert site.target.requests[0].method == method


@pytest.mark.parametrize(("method", "code"), [("TRACE", 405), ("B" * 128, 405), ("b" * 4000, 405)])
def test_trace_and_longer_methods_are_answered_with_405(site: Site, method: str, code: int) -> None:
    site.target.forget()
    with Client(site.port) as client:
        response = client.request(method)
        assert (response.status, response.header("Server")) == (code, "awselb/2.0")
        assert client.get().status == 200
    assert len(site.target.requests) == 1


def test_connect_is_answered_with_400(site: Site) -> None:
    response = site.send(b"CONNECT web:443 HTTP/1.1\r\nHost: web:443\r\n\r\n")
    assert response.status == 400
    assert not site.target.requests


def test_the_preface_of_http_2_is_refused_where_only_http_1_is_spoken(site: Site) -> None:
    response = site.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert response.status == (405 if IS_34 else 400)
    assert not site.target.requests


def test_expect_is_answered_by_the_balancer_and_not_seen_by_the_target(site: Site) -> None:
    site.target.forget()
    with Client(site.port) as client:
        client.send(
            site.asked(b"POST /echo HTTP/1.1\r\nHost: web\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        )
        assert client._until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        client.send(b"hello")
        response = client.read()
    assert (response.status, response.body, response.interim) == (200, b"hello", [])
    assert site.target.requests[0].header("Expect") is None


def test_a_body_sent_without_waiting_for_100_arrives_once(site: Site) -> None:
    data = b"POST /echo HTTP/1.1\r\nHost: web\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello"
    response = site.send(data)
    assert (response.status, response.body) == (200, b"hello")
    assert len(site.target.requests) == 1


def test_a_request_of_http_1_0_is_answered_and_the_connection_closed(site: Site) -> None:
    with Client(site.port) as client:
        client.send(site.asked(b"GET / HTTP/1.0\r\nHost: web\r\n\r\n"))
        response = client.read()
        assert (response.status, response.body, response.keeps_alive) == (200, b"a\n", False)
        assert client.read_to_end() == b""


def test_a_client_of_http_1_0_may_keep_its_connection(site: Site) -> None:
    with Client(site.port) as client:
        for _ in range(2):
            client.send(site.asked(b"GET / HTTP/1.0\r\nHost: web\r\nConnection: keep-alive\r\n\r\n"))
            assert client.read().status == 200


def test_connection_close_is_honoured_once_the_response_was_sent(site: Site) -> None:
    with Client(site.port) as client:
        response = client.get("/", [("Connection", "close")])
        assert (response.status, response.keeps_alive) == (200, False)
        assert client.read_to_end() == b""


def test_pipelined_requests_are_answered_in_order_and_never_pipelined_to_the_target(site: Site) -> None:
    site.target.forget()
    paths = ["/slow?ms=60", "/status/201", "/", "/status/404", "/slow?ms=1"]
    with Client(site.port) as client:
        client.send(b"".join(f"GET {path} HTTP/1.1\r\nHost: web\r\n\r\n".encode() for path in paths))
        assert [client.read().status for _ in paths] == [200, 201, 200, 404, 200]
    assert [request.target for request in site.target.requests] == paths
    for earlier, later in zip(site.target.requests, site.target.requests[1:], strict=False):
        if earlier.path == "/slow":
            assert later.time - earlier.time >= int(earlier.query["ms"]) / 1000


@pytest.mark.parametrize("pieces", [1, 7])
def test_chunked_bodies_pass_both_ways(site: Site, pieces: int) -> None:
    site.target.forget()
    parts = [bytes([n]) * 3000 for n in range(pieces)]
    with Client(site.port) as client:
        client.send(site.asked(b"POST /echo HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n"))
        for part in parts:
            client.send(b"%x;ext=1\r\n%s\r\n" % (len(part), part))
        client.send(b"0\r\n\r\n")
        response = client.read()
        assert (response.status, response.body) == (200, b"".join(parts))

        download = client.get(f"/download?bytes=70000&chunks={pieces}")
        assert (download.header("Transfer-Encoding"), len(download.body), download.is_complete) == (
            "chunked",
            70000,
            True,
        )


def test_a_large_body_passes_both_ways_unchanged(site: Site) -> None:
    body = bytes(range(256)) * 40_000  # 10 MB
    with Client(site.port) as client:
        assert client.post("/echo", body).body == body


def test_a_chunk_that_is_none_is_answered_with_400(site: Site) -> None:
    response = site.send(b"POST /echo HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n")
    assert response.status == 400


@pytest.mark.parametrize("encoding", ["gzip, chunked", "deflate, chunked"])
def test_an_unknown_transfer_encoding_is_answered_with_501(site: Site, encoding: str) -> None:
    data = f"POST /echo HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: {encoding}\r\n\r\n0\r\n\r\n".encode()
    response = site.send(data)
    assert (response.status, response.header("Server")) == (501, "awselb/2.0")
    assert not site.target.requests


INVALID = [("X_Underscore", "1"), ("X.Dot", "2"), ("X!", "3")]


def test_invalid_header_names_are_forwarded_and_counted(site: Site) -> None:
    before = site.invalid_headers()
    site.target.forget()
    with Client(site.port) as client:
        assert client.get("/", [*INVALID, ("X-Valid-1", "4")]).status == 200
        assert client.get("/", [("X-Valid-1", "4")]).status == 200
    seen = site.target.requests[0]
    assert [seen.header(name) for name, _ in INVALID] == ["1", "2", "3"]
    assert site.invalid_headers() == before + 1


def test_invalid_header_names_are_dropped_and_counted_if_asked(site: Site) -> None:
    before = site.invalid_headers()
    site.target.forget()
    with Client(site.strict_port) as client:
        assert client.get("/", [*INVALID, ("X-Valid-1", "4")]).status == 200
    seen = site.target.requests[0]
    assert [seen.header(name) for name, _ in INVALID] == [None, None, None]
    assert seen.header("X-Valid-1") == "4"
    assert site.invalid_headers() == before + 1


def test_forwarded_and_dropped_invalid_headers_are_metrics(site: Site) -> None:
    for name, listens in (("forwarded", "http"), ("dropped", "dropping")):
        metric = f"elb_{name}_invalid_header_request_count_total"
        until(lambda metric=metric, at=listens: site.lb.metric(metric, listener=at) == 1, say=metric)


def test_a_folded_header_reaches_the_target_on_one_line(site: Site) -> None:
    site.send(b"GET / HTTP/1.1\r\nHost: web\r\nX-A: a\r\n b\r\n\r\n")
    assert re.fullmatch("a +b", site.target.requests[0].header("X-A") or "")


FITS = 15_000
"""Bytes of headers that pass; HAProxy's buffer holds them with what is added on the way."""


@pytest.mark.parametrize(
    "data",
    [
        b"GET /" + b"u" * FITS + b" HTTP/1.1\r\nHost: web\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: web\r\nX-A: " + b"v" * FITS + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: web\r\n" + b"X-A: v\r\n" * 900 + b"\r\n",
    ],
    ids=["line", "header", "count"],
)
def test_headers_of_15_000_bytes_pass(site: Site, data: bytes) -> None:
    assert site.send(data).status == 200


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"GET /" + b"u" * 17_000 + b" HTTP/1.1\r\nHost: web\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: web\r\nX-A: " + b"v" * 17_000 + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: web\r\n" + (b"X-A: " + b"v" * 900 + b"\r\n") * 80 + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: web\r\n" + b"X-A: v\r\n" * 1_001 + b"\r\n", 400),
    ],
    ids=["line", "header", "all", "count"],
)
def test_larger_request_headers_are_answered_with_414_or_400(site: Site, data: bytes, code: int) -> None:
    site.target.forget()
    with Client(site.port) as client:
        client.send(site.asked(data))
        response = client.read()
        assert (response.status, response.header("Server")) == (code, "awselb/2.0")
        with pytest.raises(Closed):
            client.read()
    assert not site.target.requests


def test_response_headers_pass_up_to_15_000_bytes_and_beyond_are_answered_with_502(site: Site) -> None:
    assert site.send(b"GET /headers?bytes=14900 HTTP/1.1\r\nHost: web\r\n\r\n").status == 200
    refused = site.send(b"GET /headers?bytes=33000 HTTP/1.1\r\nHost: web\r\n\r\n")
    assert (refused.status, refused.header("Server")) == (502, "awselb/2.0")
