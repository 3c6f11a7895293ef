"""Requests that two HTTP parsers might read differently (ELB section 6.6)."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from conftest import Targets
from elbow_dataplane.haproxy.render.listener_counter import COUNTERS_TABLE, parse_table
from harness.client import Client, Closed
from harness.elbow import Elbow
from harness.manifest import group, listener, load_balancer
from harness.poll import until
from harness.ports import Ports
from harness.target import Target

MODES = ("monitor", "defensive", "strictest")


def request(lines: str = "", *, start: str = "GET / HTTP/1.1", body: str = "") -> bytes:
    return f"{start}\r\nHost: web\r\n{lines}\r\n{body}".encode("latin-1")


POST = "POST /early HTTP/1.1"
COMPLIANT = {
    "plain": request(),
    "an empty value": request("X-A:\r\n"),
    "options for the server": request(start="OPTIONS * HTTP/1.1"),
    "an unknown method": request(start="BREW / HTTP/1.1"),
    "a post of nothing": request("Content-Length: 0\r\n", start=POST),
}
ACCEPTABLE = {
    "NonCompliantHeader: not ASCII": request("X-A: caf\xe9\r\n"),
    "NonCompliantHeader: a control character": request("X-A: a\x01b\r\n"),
    "NonCompliantVersion": request(start="GET / HTTP/1.2"),
}
ZERO_LENGTH = {
    "GetHeadZeroContentLength: GET": request("Content-Length: 0\r\n"),
    "GetHeadZeroContentLength: HEAD": request("Content-Length: 0\r\n", start="HEAD / HTTP/1.1"),
}
AMBIGUOUS = {
    "SuspiciousHeader: Content_Length": request("Content_Length: 5\r\n"),
    "SuspiciousHeader: Content.Length": request("Content.Length: 5\r\n"),
    "SuspiciousHeader: Transfer_Encoding": request("Transfer_Encoding: chunked\r\n"),
    "SuspiciousHeader: Transfer-Encoding_": request("Transfer-Encoding_: chunked\r\n"),
    "UndefinedContentLengthSemantics: GET": request("Content-Length: 5\r\n", start="GET /early HTTP/1.1", body="hello"),
    "UndefinedContentLengthSemantics: HEAD": request("Content-Length: 5\r\n", start="HEAD / HTTP/1.1", body="hello"),
    "UndefinedTransferEncodingSemantics": request("Transfer-Encoding: chunked\r\n", body="5\r\nhello\r\n0\r\n\r\n"),
}
SEVERE = {
    "BadUri: NUL": request(start="GET /a\0b HTTP/1.1"),
    "BadUri: CR": request(start="GET /a\rb HTTP/1.1"),
    "BadContentLength: no number": request("Content-Length: abc\r\n", start=POST),
    "BadContentLength: negative": request("Content-Length: -5\r\n", start=POST),
    "BadContentLength: signed": request("Content-Length: +5\r\n", start=POST),
    "BadHeader: NUL": request("X-A: a\0b\r\n"),
    "BadHeader: CR": request("X-A: a\rb\r\n"),
    "BadHeader: no name": request(": x\r\n"),
    "BadHeader: a space before the colon": request("Transfer-Encoding : chunked\r\n"),
    "BadTransferEncoding": request("Transfer-Encoding: xchunked\r\n", start=POST, body="0\r\n\r\n"),
    "BadMethod": request(start="G\xe9T / HTTP/1.1"),
    "BadVersion": request(start="GET / HTTP/x.1"),
    "MultipleContentLength: in one line": request("Content-Length: 5, 6\r\n", start=POST, body="hello!"),
    "MultipleTransferEncodingChunked": request("Transfer-Encoding: chunked, chunked\r\n", start=POST, body="0\r\n\r\n"),
}
STRICTER = {
    "SpaceInUri": request(start="GET /a b HTTP/1.1"),
    "AmbiguousUri": request(start="GET /a\x01b HTTP/1.1"),
    "a URI that is not ASCII": request(start="GET /caf\xe9 HTTP/1.1"),
}
"""ELB's default mode lets these through; here they are refused in every mode."""


def cases(requests: dict[str, bytes]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("data", list(requests.values()), ids=list(requests))


@dataclass
class Site:
    lb: Elbow
    target: Target
    ports: dict[str, int]

    def asked(self, mode: str, data: bytes) -> bytes:
        """The request with the Host that targets get, so that nothing but what is tested makes it special."""
        return data.replace(b"Host: web\r\n", b"Host: web:%d\r\n" % self.ports[mode])

    def send(self, mode: str, data: bytes) -> tuple[int, bool]:
        """The status, and whether the connection is kept."""
        self.target.forget()
        with Client(self.ports[mode]) as client:
            client.send(self.asked(mode, data))
            response = client.read("HEAD" if data.startswith(b"HEAD") else "GET")
            if not response.keeps_alive:
                assert client.read_to_end() == b""
                return response.status, False
            # A connection that is kept serves another request.
            client.send(self.asked(mode, request()))
            assert client.read().status == 200
            return response.status, True

    def counted(self) -> int:
        """How many requests were counted as not compliant."""
        rows = parse_table(self.lb.socket(f"show table {COUNTERS_TABLE}")).values()
        return sum(row["noncompliant"] for row in rows)


@pytest.fixture(scope="module")
def site(shared: Callable[..., Elbow], fleet: Targets, ports: Ports) -> Site:
    target = fleet.http()
    taken = {mode: ports.take() for mode in MODES}
    listeners = [listener(port, name=mode, http={"desyncMitigation": mode}) for mode, port in taken.items()]
    return Site(shared(load_balancer(listeners, [group([target])])), target, taken)


@pytest.mark.parametrize("mode", MODES)
@cases(COMPLIANT)
def test_a_compliant_request_passes_uncounted(site: Site, mode: str, data: bytes) -> None:
    before = site.counted()
    status, kept = site.send(mode, data)
    assert status == 200
    assert kept or data.startswith(b"POST /early")
    assert site.counted() == before


@pytest.mark.parametrize("mode", ["monitor", "defensive"])
@cases(ACCEPTABLE | ZERO_LENGTH)
def test_an_acceptable_request_passes(site: Site, mode: str, data: bytes) -> None:
    assert site.send(mode, data) == (200, True)


@pytest.mark.parametrize("mode", ["monitor", "defensive"])
@cases(ZERO_LENGTH)
def test_a_get_or_head_of_length_zero_is_counted_in_every_mode(site: Site, mode: str, data: bytes) -> None:
    before = site.counted()
    site.send(mode, data)
    assert site.counted() == before + 1


@cases(AMBIGUOUS)
def test_monitor_lets_an_ambiguous_request_pass_and_counts_it(site: Site, data: bytes) -> None:
    before = site.counted()
    assert site.send("monitor", data)[0] == 200
    assert site.counted() == before + 1


@cases(AMBIGUOUS)
def test_defensive_closes_both_connections_after_an_ambiguous_request(site: Site, data: bytes) -> None:
    before = site.counted()
    assert site.send("defensive", data) == (200, False)
    used = site.target.requests[0].connection
    until(lambda: used not in [c.number for c in site.target.open_connections], say="the target's connection is closed")
    assert site.counted() == before + 1


@cases(ACCEPTABLE | ZERO_LENGTH | AMBIGUOUS)
def test_strictest_refuses_everything_not_compliant_and_closes(site: Site, data: bytes) -> None:
    before = site.counted()
    assert site.send("strictest", data) == (400, False)
    assert not site.target.requests
    assert site.counted() == before + 1


@pytest.mark.parametrize("mode", MODES)
@cases(SEVERE | STRICTER)
def test_a_severe_request_is_refused_in_every_mode_and_the_connection_closed(
    site: Site, mode: str, data: bytes
) -> None:
    site.target.forget()
    with Client(site.ports[mode]) as client:
        client.send(site.asked(mode, data))
        response = client.read("HEAD" if data.startswith(b"HEAD") else "GET")
        assert (response.status, response.header("Server")) == (400, "awselb/2.0")
        assert client.read_to_end() == b""
    assert not site.target.requests


@pytest.mark.parametrize("mode", MODES)
def test_two_different_content_lengths_end_the_connection_without_reaching_a_target(site: Site, mode: str) -> None:
    site.target.forget()
    with Client(site.ports[mode]) as client:
        data = request("Content-Length: 5\r\nContent-Length: 6\r\n", start=POST, body="hello!")
        client.send(site.asked(mode, data))
        with pytest.raises(Closed):
            client.read()
    assert not site.target.requests


@pytest.mark.parametrize("mode", MODES)
def test_of_both_framings_the_length_is_dropped_and_the_connection_closed_in_every_mode(site: Site, mode: str) -> None:
    data = request(
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        start="POST /echo HTTP/1.1",
        body="5\r\nhello\r\n0\r\n\r\n",
    )
    assert site.send(mode, data) == (200, False)
    seen = site.target.requests[0]
    assert (seen.body, seen.header("Content-Length"), seen.header("Transfer-Encoding")) == (b"hello", None, "chunked")


@pytest.mark.parametrize("mode", MODES)
def test_the_same_content_length_twice_reaches_the_target_once(site: Site, mode: str) -> None:
    data = request("Content-Length: 5\r\nContent-Length: 5\r\n", start="POST /echo HTTP/1.1", body="hello")
    assert site.send(mode, data) == (200, True)
    assert site.target.requests[0].values("Content-Length") == ["5"]


def test_what_follows_a_smuggled_body_is_never_a_request(site: Site) -> None:
    inner = "GET /smuggled HTTP/1.1\r\nHost: web\r\n\r\n"
    for mode in MODES:
        for lines in (
            f"Content-Length: {len(inner)}\r\n",
            f"Content_Length: {len(inner)}\r\nContent-Length: {len(inner)}\r\n",
        ):
            site.target.forget()
            with Client(site.ports[mode]) as client:
                client.send(site.asked(mode, request(lines, start="GET /early HTTP/1.1", body=inner)))
                client.read()
            assert all(seen.path != "/smuggled" for seen in site.target.requests)


def test_requests_that_are_not_compliant_are_a_metric(site: Site) -> None:
    metric = "elb_desync_mitigation_mode_non_compliant_request_count_total"
    site.send("monitor", next(iter(AMBIGUOUS.values())))
    until(lambda: site.lb.metric(metric) == site.counted() > 0, say=metric)
