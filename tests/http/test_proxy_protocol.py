"""PROXY protocol, from a balancer in front and to targets (ELB section 6.9), and the listeners that carry bytes."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from conftest import Targets
from harness.certificates import Authority
from harness.client import Client, Closed
from harness.elbow import Elbow
from harness.manifest import group, listener, load_balancer, tls
from harness.poll import until
from harness.ports import Ports
from harness.proxy_protocol import header_v1, header_v2
from harness.server import Connection
from harness.target import Target
from harness.tcp_client import TcpClient
from harness.tcp_target import TcpTarget

NAME = "tcp.example.com"
FAR = ("192.0.2.7", 40_001)
FAR6 = ("2001:db8::7", 40_002)


@dataclass
class Site:
    authority: Authority
    ports: dict[str, int]
    tcp: dict[str, TcpTarget]
    http: Target

    def context(self, name: str) -> ssl.SSLContext | None:
        return self.authority.client_context() if name.startswith("tls") else None

    def client(self, name: str, *, host: str = "127.0.0.1", first: bytes = b"") -> TcpClient:
        context = self.context(name)
        return TcpClient(self.ports[name], host, tls=context, server_name=NAME if context else None, first=first)

    def last_proxied(self, target: str) -> Connection:
        """The newest connection of a client, not of a check."""
        return until(lambda: [c for c in self.tcp[target].connections if c.received])[-1]


@pytest.fixture(scope="module")
def site(shared: Callable[..., Elbow], fleet: Targets, ports: Ports, authority: Authority) -> Site:
    secure = authority.issue("target").server_context()
    tcp = {
        "plain": fleet.tcp("plain"),
        "secure": fleet.tcp("secure", tls=secure),
        "v1": fleet.tcp("v1", proxy_protocol=True),
        "v2": fleet.tcp("v2", proxy_protocol=True),
        "secure-v2": fleet.tcp("secure-v2", proxy_protocol=True, tls=secure),
    }
    web = fleet.http()
    groups = [
        group([tcp["plain"]], "TCP", name="plain"),
        group([tcp["secure"]], "TLS", name="secure"),
        group([tcp["v1"]], "TCP", name="v1", proxyProtocol="v1"),
        group([tcp["v2"]], "TCP", name="v2", proxyProtocol="v2"),
        group([tcp["secure-v2"]], "TLS", name="secure-v2", proxyProtocol="v2"),
        group([web], name="web"),
    ]
    names = [f"{kind}-{to}" for kind in ("tcp", "tls") for to in tcp] + ["in-tcp", "in-tls", "in-v1", "in-http"]
    taken = {name: ports.take() for name in names}
    certificate = tls(authority.issue(NAME).bundle)
    listeners = [listener(taken[f"tcp-{to}"], "TCP", name=f"tcp-{to}", group=to) for to in tcp]
    listeners += [listener(taken[f"tls-{to}"], "TLS", name=f"tls-{to}", group=to, tls=certificate) for to in tcp]
    listeners += [
        listener(taken["in-tcp"], "TCP", name="in-tcp", group="plain", acceptProxyProtocol=True),
        listener(taken["in-tls"], "TLS", name="in-tls", group="v1", tls=certificate, acceptProxyProtocol=True),
        listener(taken["in-v1"], "TCP", name="in-v1", group="v1", acceptProxyProtocol=True),
        listener(taken["in-http"], name="in-http", group="web", acceptProxyProtocol=True),
    ]
    shared(load_balancer(listeners, groups), options=("--address", "::1"))
    return Site(authority, taken, tcp, web)


@pytest.mark.parametrize("target", ["plain", "secure"])
@pytest.mark.parametrize("listens", ["tcp", "tls"])
def test_tcp_and_tls_listeners_carry_bytes_to_tcp_and_tls_targets(site: Site, listens: str, target: str) -> None:
    data = bytes(range(256)) * 2_000
    with site.client(f"{listens}-{target}") as client:
        assert client.greeting() == target
        client.echo(data)


@pytest.mark.parametrize("target", ["plain", "v1", "v2"])
def test_the_end_of_what_a_client_sends_reaches_the_target_and_its_last_words_the_client(
    site: Site, target: str
) -> None:
    data = b"x" * 100_000
    with site.client(f"tcp-{target}") as client:
        client.greeting()
        client.echo(data)
        client.finish(data)


@pytest.mark.parametrize("listens", ["tcp", "tls"])
def test_version_1_is_the_exact_first_line(site: Site, listens: str) -> None:
    with site.client(f"{listens}-v1") as client:
        source = client.address
        client.greeting()
        client.echo(b"x")
    told = site.last_proxied("v1").proxy
    assert told is not None
    assert told.raw == f"PROXY TCP4 127.0.0.1 127.0.0.1 {source[1]} {site.ports[f'{listens}-v1']}\r\n".encode()


def test_version_1_names_an_ipv6_client_as_tcp6(site: Site) -> None:
    with site.client("tcp-v1", host="::1") as client:
        source = client.address
        client.greeting()
        client.echo(b"x")
    told = site.last_proxied("v1").proxy
    assert told is not None
    assert told.raw == f"PROXY TCP6 ::1 ::1 {source[1]} {site.ports['tcp-v1']}\r\n".encode()


@pytest.mark.parametrize("name", ["tcp-v2", "tls-v2", "tcp-secure-v2", "tls-secure-v2"])
def test_version_2_names_client_and_listener(site: Site, name: str) -> None:
    with site.client(name) as client:
        source = client.address
        client.greeting()
        client.echo(b"x")
    told = site.last_proxied(name.split("-", 1)[1]).proxy
    assert told is not None
    assert (told.version, told.source, told.destination) == (2, source, ("127.0.0.1", site.ports[name]))


def test_health_checks_carry_a_header_without_a_client(site: Site) -> None:
    for target in ("v1", "v2", "secure-v2"):
        checks = [c for c in site.tcp[target].connections if not c.received]
        assert checks
        assert all(check.proxy is not None for check in checks if target != "v1" or check.proxy)


@pytest.mark.parametrize(
    ("header", "source"),
    [
        (header_v1(FAR, ("192.0.2.1", 443)), FAR),
        (header_v2(FAR, ("192.0.2.1", 443)), FAR),
        (header_v1(FAR6, ("2001:db8::1", 443)), FAR6),
        (header_v2(FAR6, ("2001:db8::1", 443)), FAR6),
    ],
    ids=["v1", "v2", "v1, IPv6", "v2, IPv6"],
)
@pytest.mark.parametrize("name", ["in-v1", "in-tls"])
def test_the_client_that_a_balancer_in_front_names_is_handed_on(
    site: Site, name: str, header: bytes, source: tuple[str, int]
) -> None:
    context = site.authority.client_context() if name == "in-tls" else None
    with TcpClient(site.ports[name], tls=context, server_name=NAME if context else None, first=header) as client:
        client.greeting()
        client.echo(b"x")
    told = site.last_proxied("v1").proxy
    assert told is not None
    assert told.source == source


@pytest.mark.parametrize("header", [header_v1(FAR, ("192.0.2.1", 80)), header_v2(FAR, ("192.0.2.1", 80))])
def test_the_client_that_a_balancer_in_front_names_stands_in_forwarded_for(site: Site, header: bytes) -> None:
    site.http.forget()
    with Client(site.ports["in-http"], first=header) as client:
        assert client.get().status == 200
        assert client.get().status == 200
    assert [request.header("X-Forwarded-For") for request in site.http.requests] == [FAR[0]] * 2


@pytest.mark.parametrize("name", ["in-tcp", "in-http"])
def test_a_connection_without_the_expected_header_is_closed(site: Site, name: str) -> None:
    with Client(site.ports[name]) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
        with pytest.raises(Closed):
            client.read()
