"""The Host header that targets get (ELB section 6.5)."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from conftest import Targets
from harness.certificates import Authority
from harness.client import Client
from harness.elbow import Elbow
from harness.manifest import group, listener, load_balancer, tls
from harness.ports import Ports
from harness.target import Target

ADDRESS = "127.0.77.1"
"""An address of this machine on which nothing else listens, not even at ports 80 and 443."""


@dataclass
class Site:
    target: Target
    ports: dict[str, int]
    authority: Authority

    def send(self, listens: str, lines: str, *, start: str = "GET / HTTP/1.1") -> int:
        self.target.forget()
        secure = listens == "https"
        context = self.authority.client_context() if secure else None
        with Client(self.ports[listens], ADDRESS, tls=context, server_name="example.com" if secure else None) as client:
            client.send(f"{start}\r\n{lines}\r\n".encode())
            return client.read().status

    def hosts(self, listens: str, lines: str, *, start: str = "GET / HTTP/1.1") -> list[str]:
        """The Host headers the target got."""
        assert self.send(listens, lines, start=start) == 200
        return self.target.requests[0].values("Host")


@pytest.fixture(scope="module")
def site(shared: Callable[..., Elbow], fleet: Targets, ports: Ports, authority: Authority) -> Site:
    target = fleet.http()
    taken = {"http": 80, "https": 443, "odd": ports.take(), "preserving": ports.take()}
    listeners = [
        listener(taken["http"], name="http"),
        listener(taken["https"], "HTTPS", tls=tls(authority.issue("example.com").bundle)),
        listener(taken["odd"], name="odd"),
        listener(taken["preserving"], name="preserving", http={"preserveHost": True}),
    ]
    shared(load_balancer(listeners, [group([target])]), options=("--address", ADDRESS))
    return Site(target, taken, authority)


@pytest.mark.parametrize("listens", ["http", "https"])
@pytest.mark.parametrize(
    ("came", "told"),
    [
        ("example.com", "example.com"),
        ("Example.COM", "example.com"),
        ("example.com:80", "example.com"),
        ("example.com:443", "example.com"),
        ("Example.com:8080", "example.com"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]:80", "[::1]"),
        ("[::1]", "[::1]"),
    ],
)
def test_on_ports_80_and_443_the_host_is_lower_case_and_without_a_port(
    site: Site, listens: str, came: str, told: str
) -> None:
    assert site.hosts(listens, f"Host: {came}\r\n") == [told]


@pytest.mark.parametrize("came", ["example.com", "Example.com", "example.com:80", "example.com:{port}"])
def test_on_another_port_the_host_carries_that_port(site: Site, came: str) -> None:
    port = site.ports["odd"]
    assert site.hosts("odd", f"Host: {came.format(port=port)}\r\n") == [f"example.com:{port}"]


@pytest.mark.parametrize("came", ["example.com", "Example.COM", "example.com:80", "Example.com:1"])
def test_a_preserved_host_is_handed_on_exactly_as_it_came(site: Site, came: str) -> None:
    assert site.hosts("preserving", f"Host: {came}\r\n") == [came]


def test_a_request_line_with_a_whole_url_names_the_host(site: Site) -> None:
    assert site.hosts("http", "Host: Example.com\r\n", start="GET http://Example.com/a?b HTTP/1.1") == ["example.com"]
    assert site.target.requests[0].target == "/a?b"


@pytest.mark.parametrize(
    ("rest", "told"), [("", "/"), ("/", "/"), ("?a=b", "/?a=b"), ("/?a", "/?a"), ("//a?b=http://c", "//a?b=http://c")]
)
def test_a_whole_url_reaches_the_target_as_its_path_and_query(site: Site, rest: str, told: str) -> None:
    for listens, port in (("http", ""), ("odd", f":{site.ports['odd']}"), ("preserving", "")):
        for scheme in ("http", "HTTPS"):
            start = f"GET {scheme}://a.example{port}{rest} HTTP/1.1"
            assert site.hosts(listens, f"Host: a.example{port}\r\n", start=start) == [f"a.example{port}"]
            assert site.target.requests[0].target == told


def test_a_whole_url_that_names_another_host_than_the_header_is_refused(site: Site) -> None:
    for scheme in ("http", "https"):
        assert site.send("http", "Host: example.com\r\n", start=f"GET {scheme}://other.example.com/ HTTP/1.1") == 400


def test_a_request_of_http_1_0_without_a_host_gets_the_balancers_address(site: Site) -> None:
    assert site.hosts("http", "", start="GET / HTTP/1.0") == [ADDRESS]
    assert site.hosts("odd", "", start="GET / HTTP/1.0") == [f"{ADDRESS}:{site.ports['odd']}"]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_host_without_a_name_is_the_balancers_address(site: Site, version: str) -> None:
    assert site.hosts("http", "Host: \r\n", start=f"GET / HTTP/{version}") == [ADDRESS]
    assert site.hosts("odd", "Host:\r\n", start=f"GET / HTTP/{version}") == [f"{ADDRESS}:{site.ports['odd']}"]
    assert site.hosts("odd", "Host: :80\r\n", start=f"GET / HTTP/{version}") == [f"{ADDRESS}:{site.ports['odd']}"]
    assert site.hosts("preserving", "Host: \r\n", start=f"GET / HTTP/{version}") == [""]


def test_a_request_of_http_1_1_without_a_host_is_refused(site: Site) -> None:
    for listens in ("http", "https", "odd", "preserving"):
        for method in ("GET", "POST", "OPTIONS"):
            assert site.send(listens, "Content-Length: 0\r\n", start=f"{method} / HTTP/1.1") == 400


def test_two_different_hosts_are_refused(site: Site) -> None:
    for listens in ("http", "preserving"):
        assert site.send(listens, "Host: a.example.com\r\nHost: b.example.com\r\n") == 400
