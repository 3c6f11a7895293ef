"""What targets are told about the client (ELB sections 6.3 and 6.4)."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from conftest import Targets
from harness.client import Client
from harness.elbow import Elbow
from harness.manifest import group, listener, load_balancer
from harness.ports import Ports
from harness.request import Request
from harness.response import Response
from harness.target import Target

ROOT = r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}"
SELF = r"Self=1-[0-9a-f]{8}-[0-9a-f]{24}"
MODES = {
    "append": {},
    "preserve": {"xForwardedFor": "preserve"},
    "remove": {"xForwardedFor": "remove"},
    "client-port": {"xForwardedForClientPort": True},
}
Headers = list[tuple[str, str]]


@dataclass
class Site:
    """A listener for each mode, in front of one target."""

    target: Target
    ports: dict[str, int]

    def ask(self, mode: str, headers: Headers = [], *, host: str = "127.0.0.1") -> tuple[Response, Client]:  # noqa: B006
        self.target.forget()
        with Client(self.ports[mode], host) as client:
            client.address  # noqa: B018  (known only while it is open)
            self.source = client.address
            return client.get("/", headers), client

    def seen(self, mode: str, headers: Headers = [], *, host: str = "127.0.0.1") -> Request:  # noqa: B006
        """The request as the target got it."""
        response, _ = self.ask(mode, headers, host=host)
        assert response.status == 200
        return self.target.requests[0]

    def forwarded_for(self, mode: str, headers: Headers = []) -> list[str]:  # noqa: B006
        return self.seen(mode, headers).values("X-Forwarded-For")


@pytest.fixture(scope="module")
def site(shared: Callable[..., Elbow], fleet: Targets, ports: Ports) -> Site:
    target = fleet.http()
    taken = {mode: ports.take() for mode in MODES}
    listeners = [listener(taken[mode], name=mode, http=options) for mode, options in MODES.items()]
    shared(load_balancer(listeners, [group([target])]), options=("--address", "::1"))
    return Site(target, taken)


@pytest.mark.parametrize(
    ("mode", "came", "told"),
    [
        ("append", None, ["127.0.0.1"]),
        ("append", "127.0.0.4", ["127.0.0.4, 127.0.0.1"]),
        ("append", "127.0.0.4, 127.0.0.8", ["127.0.0.4, 127.0.0.8, 127.0.0.1"]),
        ("append", "2001:db8::1", ["2001:db8::1, 127.0.0.1"]),
        ("preserve", None, []),
        ("preserve", "127.0.0.4", ["127.0.0.4"]),
        ("preserve", "127.0.0.4, 127.0.0.8", ["127.0.0.4, 127.0.0.8"]),
        ("remove", None, []),
        ("remove", "127.0.0.4", []),
        ("remove", "127.0.0.4, 127.0.0.8", []),
    ],
)
def test_forwarded_for_is_appended_to_preserved_or_removed(
    site: Site, mode: str, came: str | None, told: list[str]
) -> None:
    assert site.forwarded_for(mode, [("X-Forwarded-For", came)] if came else []) == told


def test_the_client_port_stands_behind_its_address(site: Site) -> None:
    told = site.forwarded_for("client-port")
    assert told == [f"127.0.0.1:{site.source[1]}"]

    told = site.forwarded_for("client-port", [("X-Forwarded-For", "127.0.0.4:1000")])
    assert told == [f"127.0.0.4:1000, 127.0.0.1:{site.source[1]}"]


def test_an_ipv6_client_is_named_with_brackets_only_beside_its_port(site: Site) -> None:
    assert site.seen("append", host="::1").values("X-Forwarded-For") == ["::1"]
    assert site.seen("append", [("X-Forwarded-For", "::2")], host="::1").values("X-Forwarded-For") == ["::2, ::1"]

    told = site.seen("client-port", host="::1").values("X-Forwarded-For")
    assert told == [f"[::1]:{site.source[1]}"]
    told = site.seen("client-port", [("X-Forwarded-For", "[::2]:9")], host="::1").values("X-Forwarded-For")
    assert told == [f"[::2]:9, [::1]:{site.source[1]}"]


@pytest.mark.parametrize("count", [2, 3, 4, 5, 12, 30])
def test_several_lines_of_forwarded_for_reach_the_target_in_their_order(site: Site, count: int) -> None:
    came = [f"10.0.0.{n}" for n in range(count)]
    told = site.forwarded_for("append", [("X-Forwarded-For", address) for address in came])
    assert ", ".join(told) == ", ".join([*came, "127.0.0.1"])


def test_an_empty_forwarded_for_adds_nothing_to_the_clients_address(site: Site) -> None:
    assert site.forwarded_for("append", [("X-Forwarded-For", "")]) == [site.source[0]]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "connection", ["X-Forwarded-For, X-Amzn-Trace-Id", "keep-alive, x-forwarded-for", "close, Cookie", "TE"]
)
def test_no_word_of_connection_has_the_target_drop_a_header(site: Site, method: str, connection: str) -> None:
    site.target.forget()
    with Client(site.ports["append"]) as client:
        said = f"{method} / HTTP/1.1\r\nHost: web\r\nContent-Length: 0\r\nConnection: {connection}\r\n\r\n"
        client.send((said if method == "POST" else said.replace("Content-Length: 0\r\n", "")).encode())
        assert client.read().status == 200

    assert set(site.target.requests[0].values("Connection")) <= {"close"}


@pytest.mark.parametrize("mode", ["append", "preserve", "client-port"])
def test_thirty_addresses_pass_and_thirty_one_are_refused_with_463(site: Site, mode: str) -> None:
    addresses = [f"10.0.0.{n}" for n in range(31)]

    assert site.ask(mode, [("X-Forwarded-For", ", ".join(addresses[:30]))])[0].status == 200
    refused, _ = site.ask(mode, [("X-Forwarded-For", ", ".join(addresses))])
    split, _ = site.ask(mode, [("X-Forwarded-For", ", ".join(part)) for part in (addresses[:15], addresses[15:])])

    assert (refused.status, split.status) == (463, 463)
    assert not site.target.requests


@pytest.mark.parametrize("mode", list(MODES))
def test_proto_and_port_say_what_the_client_used_whatever_it_said_itself(site: Site, mode: str) -> None:
    for came in ([], [("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "1"), ("X-Forwarded-Port", "2")]):
        seen = site.seen(mode, came)
        assert seen.values("X-Forwarded-Proto") == ["http"]
        assert seen.values("X-Forwarded-Port") == [str(site.ports[mode])]


def trace(site: Site, *came: str, more: Headers = []) -> str:  # noqa: B006
    values = site.seen("append", [*more, *(("X-Amzn-Trace-Id", value) for value in came)]).values("X-Amzn-Trace-Id")
    assert len(values) == 1, values
    return values[0]


def test_a_request_without_a_trace_id_gets_one_of_its_own(site: Site) -> None:
    first, second = trace(site), trace(site)
    assert re.fullmatch(ROOT, first)
    assert re.fullmatch(ROOT, second)
    assert first != second


def test_two_requests_on_one_connection_get_different_trace_ids(site: Site) -> None:
    site.target.forget()
    with Client(site.ports["append"]) as client:
        client.get()
        client.get()
    first, second = (request.header("X-Amzn-Trace-Id") for request in site.target.requests)
    assert first != second


@pytest.mark.parametrize(
    ("came", "pattern"),
    [
        ("Root=1-67891233-abcdef012345678912345678", f"{SELF};Root=1-67891233-abcdef012345678912345678"),
        ("Self=1-1-a;Root=1-2-b", f"{SELF};Root=1-2-b"),
        ("Root=1-2-b;Self=1-1-a", f"{SELF};Root=1-2-b"),
        ("Self=1-1-a;Root=1-2-b;CalledFrom=app;Sampled=1", f"{SELF};Root=1-2-b;CalledFrom=app;Sampled=1"),
        ("CalledFrom=app;Self=1-1-a;Root=1-2-b", f"{SELF};CalledFrom=app;Root=1-2-b"),
        ("Root=1-2-b;MySelf=1", f"{SELF};Root=1-2-b;MySelf=1"),
    ],
)
def test_a_trace_id_that_came_gets_this_balancers_part_and_keeps_the_rest(site: Site, came: str, pattern: str) -> None:
    assert re.fullmatch(pattern, trace(site, came))


def test_a_trace_id_is_begun_anew_when_headers_are_larger_than_7_kb(site: Site) -> None:
    came = "Root=1-67891233-abcdef012345678912345678;CalledFrom=app"
    below = trace(site, came, more=[("X-Filler", "x" * 6_500)])
    above = trace(site, came, more=[("X-Filler", "x" * 7_168)])
    assert below.endswith(f";{came}")
    assert re.fullmatch(ROOT, above)


def test_the_response_has_no_trace_id(site: Site) -> None:
    response, _ = site.ask("append")
    assert response.header("X-Amzn-Trace-Id") is None
