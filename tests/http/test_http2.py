"""HTTP/2 and gRPC, and which of them a target group takes (ELB sections 1.4, 6.1 and 9.1)."""

import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Self

import grpc
import h2.config
import h2.connection
import h2.events
import h2.settings
import httpx
import pytest
from conftest import Targets
from harness.certificates import Authority
from harness.client import Client
from harness.elbow import Elbow
from harness.grpc_client import GrpcClient
from harness.grpc_target import SERVICE, GrpcTarget
from harness.haproxy import IS_34
from harness.manifest import group, listener, load_balancer, tls
from harness.ports import Ports
from harness.target import Target

NAME = "web.example.com"
UNCHECKED = {"enabled": False, "path": None}


@dataclass
class Site:
    authority: Authority
    ports: dict[str, int]
    target: Target
    http2_target: Target
    grpc_targets: dict[str, GrpcTarget]
    lb: Elbow

    def context(self, *alpn: str) -> ssl.SSLContext:
        return self.authority.client_context(alpn=alpn)

    def ask(
        self, name: str, path: str = "/", method: str = "GET", *, http2: bool = True, **options: str
    ) -> httpx.Response:
        """One request by httpx, of HTTP/2 or HTTP/1.1."""
        transport = httpx.HTTPTransport(http2=http2, http1=not http2, verify=self.context())
        with httpx.Client(transport=transport) as client:
            url = f"https://127.0.0.1:{self.ports[name]}{path}"
            headers = {"Host": f"{NAME}:{self.ports[name]}"} | options
            return client.request(method, url, headers=headers, extensions={"sni_hostname": NAME})


@pytest.fixture(scope="module")
def site(shared: Callable[..., Elbow], fleet: Targets, ports: Ports, authority: Authority) -> Site:
    secure = authority.issue("target")
    target, http2_target = fleet.http("a"), fleet.http("b", tls=secure.server_context(alpn=("h2",)))
    speakers = {"grpc": fleet.grpc("c"), "grpc-tls": fleet.grpc("d", tls=secure)}
    groups = [
        group([target], name="http1"),
        group([http2_target], "HTTPS", name="http2", protocolVersion="HTTP2"),
        group([target], name="http2-clear", protocolVersion="HTTP2"),
        group([speakers["grpc"]], name="grpc", protocolVersion="GRPC", check=UNCHECKED),
        group([speakers["grpc-tls"]], "HTTPS", name="grpc-tls", protocolVersion="GRPC", check=UNCHECKED),
        group([speakers["grpc"]], name="grpc-by-http2", protocolVersion="HTTP2", check=UNCHECKED),
    ]
    taken = {one["name"]: ports.take() for one in groups} | {"no-http2": ports.take()}
    bundle = authority.issue(NAME).bundle
    listeners = [
        listener(taken[one["name"]], "HTTPS", name=one["name"], group=one["name"], tls=tls(bundle)) for one in groups
    ]
    options = {"http2": False}
    listeners.append(
        listener(taken["no-http2"], "HTTPS", name="no-http2", group="http1", tls=tls(bundle), http=options)
    )
    lb = shared(load_balancer(listeners, groups))
    return Site(authority, taken, target, http2_target, speakers, lb)


class Http2Client(Client):
    """HTTP/2 by hand: sends what a well-behaved client would not."""

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site.ports[name], tls=site.context("h2"), server_name=NAME)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="latin-1"))
        self.h2.initiate_connection()
        self.flush()

    def __enter__(self) -> Self:
        return self

    def flush(self) -> None:
        self.send(self.h2.data_to_send())

    def open(self, path: str = "/", *, method: str = "GET", end: bool = True, **headers: str) -> int:
        """Begin a request; the number of its stream."""
        stream = self.h2.get_next_available_stream_id()
        pseudo = [(":method", method), (":scheme", "https"), (":authority", self.authority), (":path", path)]
        self.h2.send_headers(stream, [*pseudo, *headers.items()], end_stream=end)
        self.flush()
        return stream

    def events(self) -> Iterator[h2.events.Event]:
        """What comes, until the other side ends the connection."""
        while data := self.socket.recv(65536):
            for event in self.h2.receive_data(data):
                if isinstance(event, h2.events.DataReceived):
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                yield event
            self.flush()


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def answers(client: Http2Client, *streams: int) -> dict[int, Answer]:
    """The answers of these streams, whole."""
    found = {stream: Answer() for stream in streams}
    left = set(streams)
    for event in client.events():
        stream = getattr(event, "stream_id", None)
        if isinstance(event, h2.events.ResponseReceived):
            found[event.stream_id].headers = {str(k): str(v) for k, v in event.headers}
            found[event.stream_id].status = int(found[event.stream_id].headers[":status"])
        elif isinstance(event, h2.events.DataReceived):
            found[event.stream_id].body += event.data
        elif isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
            left.discard(stream)
        if not left:
            return found
    raise AssertionError(f"the connection ended before {left}")


def test_an_https_listener_speaks_http_2_to_those_who_can_and_http_1_to_the_target(site: Site) -> None:
    site.target.forget()
    response = site.ask("http1")
    assert (response.http_version, response.status_code, response.text) == ("HTTP/2", 200, "a\n")
    seen = site.target.requests[0]
    assert (seen.version, seen.values("Host")) == ("HTTP/1.1", [f"{NAME}:{site.ports['http1']}"])
    assert seen.header("X-Forwarded-Proto") == "https"


def test_an_https_listener_speaks_http_1_to_those_who_cannot(site: Site) -> None:
    response = site.ask("http1", http2=False)
    assert (response.http_version, response.status_code) == ("HTTP/1.1", 200)


def test_a_listener_without_http_2_never_agrees_to_it(site: Site) -> None:
    with Client(site.ports["no-http2"], tls=site.context("h2", "http/1.1"), server_name=NAME) as client:
        assert client.socket.selected_alpn_protocol() == "http/1.1"
        assert client.get().status == 200
    with Client(site.ports["no-http2"], tls=site.context(), server_name=NAME) as client:
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert client.read().status == (405 if IS_34 else 400)


def test_a_body_passes_both_ways_over_http_2(site: Site) -> None:
    body = bytes(range(256)) * 8_000  # 2 MB
    with Http2Client(site, "http1") as client, httpx.Client(http2=True, verify=site.context()) as other:
        url = f"https://127.0.0.1:{site.ports['http1']}/echo"
        answer = other.post(url, content=body, extensions={"sni_hostname": NAME})
        assert (answer.http_version, answer.content) == ("HTTP/2", body)
        stream = client.open("/download?bytes=300000&chunks=3")
        assert len(answers(client, stream)[stream].body) == 300_000


def test_many_streams_of_one_connection_are_requests_of_their_own(site: Site) -> None:
    site.target.forget()
    with Http2Client(site, "http1") as client:
        slow = [client.open("/slow?ms=300") for _ in range(20)]
        quick = client.open("/")
        assert answers(client, quick)[quick].status == 200
        assert {answer.status for answer in answers(client, *slow).values()} == {200}
    assert len({request.connection for request in site.target.requests}) >= 20


def test_a_client_is_told_of_128_streams_at_a_time(site: Site) -> None:
    with Http2Client(site, "http1") as client:
        stream = client.open("/")
        answers(client, stream)
        assert client.h2.remote_settings[h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS] == 128


def test_after_10_000_requests_the_connection_is_ended_by_goaway(site: Site) -> None:
    served, ended = 0, False
    with Http2Client(site, "grpc") as client:
        # Answered by the balancer itself (464), so that it takes a moment only.
        opened = 0
        for event in client.events():
            if isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
                served += 1
            if isinstance(event, h2.events.ConnectionTerminated):
                ended = True
                break
            while not ended and opened < 10_050 and opened - served < 100:
                client.open("/")
                opened += 1
    assert ended
    assert 9_900 <= served <= 10_000


def test_names_of_headers_are_lower_case_and_connection_headers_stay_on_their_side(site: Site) -> None:
    site.target.forget()
    with Http2Client(site, "http1") as client:
        stream = client.open("/inspect", **{"x-own": "1", "te": "trailers"})
        seen = json.loads(answers(client, stream)[stream].body)
    assert ["x-own", "1"] in seen["headers"]


# Section 1.4: what was asked for, the group's version, and what comes of it.


@pytest.mark.parametrize("name", ["http2", "http2-clear", "grpc", "grpc-tls"])
def test_groups_of_http_2_and_grpc_answer_http_1_with_464(site: Site, name: str) -> None:
    for method in ("GET", "POST"):
        assert site.ask(name, method=method, http2=False).status_code == 464


@pytest.mark.parametrize("name", ["http2", "http2-clear"])
def test_a_group_of_http_2_is_spoken_to_in_http_2(site: Site, name: str) -> None:
    for target in (site.target, site.http2_target):
        target.forget()
    response = site.ask(name, "/inspect")
    assert (response.status_code, response.json()["version"]) == (200, "HTTP/2")
    assert site.ask(name, "/echo", "POST").status_code == 200


@pytest.mark.parametrize("name", ["grpc", "grpc-tls"])
def test_a_group_of_grpc_answers_anything_but_post_with_464(site: Site, name: str) -> None:
    for method in ("GET", "HEAD", "PUT"):
        assert site.ask(name, method=method).status_code == 464


def test_a_group_of_http_1_answers_grpc_with_464(site: Site) -> None:
    for content_type in ("application/grpc", "application/grpc+proto"):
        response = site.ask("http1", "/x.Y/Z", "POST", **{"Content-Type": content_type})
        assert response.status_code == 464
    assert site.ask("http1", "/x.Y/Z", "POST", **{"Content-Type": "application/json"}).status_code == 200


@pytest.mark.parametrize("name", ["grpc", "grpc-tls", "grpc-by-http2"])
def test_grpc_passes_end_to_end_with_streams_and_trailers(site: Site, name: str) -> None:
    speaker = site.grpc_targets.get(name, site.grpc_targets["grpc"])
    with GrpcClient(site.ports[name], site.authority, server_name=NAME) as client:
        assert client.unary(b"hello") == (b"hello", speaker.name)
        assert client.server_stream(b"x") == [b"x"] * 3
        assert client.bidi([b"1", b"2", b"3"]) == [b"1", b"2", b"3"]
        assert client.unary(b"z" * 1_000_000)[0] == b"z" * 1_000_000
        # The status is in the trailers.
        with pytest.raises(grpc.RpcError) as error:
            client.unary(b"", method=f"{SERVICE}Unknown")
        assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_grpc_call_tells_the_target_about_the_client(site: Site) -> None:
    speaker = site.grpc_targets["grpc"]
    speaker.calls.clear()
    with GrpcClient(site.ports["grpc"], site.authority, server_name=NAME) as client:
        client.unary(b"")
    seen = speaker.calls[0].metadata
    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("127.0.0.1", "https")
    assert seen["x-amzn-trace-id"].startswith("Root=1-")
