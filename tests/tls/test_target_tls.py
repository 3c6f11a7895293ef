"""TLS to targets (ELB section 8.4)."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from conftest import Targets
from harness.certificates import Authority, Certificate
from harness.client import get
from harness.elbow import Elbow
from harness.manifest import group, listener, load_balancer
from harness.poll import until
from harness.ports import Ports
from harness.tcp_client import TcpClient, target_of

NAME = "target.example.com"


@dataclass
class Site:
    lb: Elbow
    ports: dict[str, int]
    names: dict[str, list[str | None]] = field(default_factory=dict)
    """The names that targets were asked for, by their own."""


def versions(context: ssl.SSLContext, only: ssl.TLSVersion) -> ssl.SSLContext:
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = only
    return context


@pytest.fixture(scope="module")
def site(
    shared: Callable[..., Elbow],
    fleet: Targets,
    ports: Ports,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Site:
    other = Authority(tmp_path_factory.mktemp("other"), name="Untrusted")
    expired = authority.issue(NAME, days=-1)
    names: dict[str, list[str | None]] = {}

    def serve(name: str, certificate: Certificate) -> ssl.SSLContext:
        context, names[name] = certificate.server_context(), []

        def note(_socket: ssl.SSLSocket, asked: str | None, _context: ssl.SSLContext) -> None:
            names[name].append(asked)

        context.sni_callback = note
        return context

    good = authority.issue(NAME)
    verified = {"verify": True, "ca": str(authority.file)}
    settings: dict[str, tuple[ssl.SSLContext, dict[str, object] | None]] = {
        "unchecked": (serve("unchecked", other.issue("anything")), None),
        "expired": (serve("expired", expired), None),
        "named": (serve("named", good), {"serverName": NAME}),
        "verified": (serve("verified", good), verified | {"serverName": NAME}),
        "chain-only": (serve("chain-only", good), verified),
        "wrong-name": (serve("wrong-name", good), verified | {"serverName": "another.example.com"}),
        "wrong-authority": (serve("wrong-authority", other.issue(NAME)), verified | {"serverName": NAME}),
        "verified-expired": (serve("verified-expired", expired), verified | {"serverName": NAME}),
        "rsa": (serve("rsa", authority.issue(NAME, kind="rsa")), verified | {"serverName": NAME}),
    }
    for number in ("1.0", "1.2", "1.3"):
        version = getattr(ssl.TLSVersion, f"TLSv{number.replace('.0', '').replace('.', '_')}")
        context = authority.issue(NAME, kind="rsa").server_context()
        settings[f"tls{number.replace('.', '-')}"] = (versions(context, version), None)
    groups = [
        group(
            [fleet.http(name, tls=context)],
            "HTTPS",
            name=name,
            check={"host": "check.example.com"},
            **({"tls": rules} if rules else {}),
        )
        for name, (context, rules) in settings.items()
    ]
    taken = {name: ports.take() for name in settings} | {"bytes": ports.take(), "refused-bytes": ports.take()}
    listeners = [listener(taken[name], name=name, group=name) for name in settings]
    for name, certificate in (("bytes", good), ("refused-bytes", other.issue(NAME))):
        target = fleet.tcp(name, tls=certificate.server_context())
        groups.append(group([target], "TLS", name=name, tls=verified | {"serverName": NAME}))
        listeners.append(listener(taken[name], "TCP", name=name, group=name))
    return Site(shared(load_balancer(listeners, groups)), taken, names)


@pytest.mark.parametrize("name", ["unchecked", "expired", "tls1-0", "tls1-2", "tls1-3"])
def test_without_verify_any_certificate_and_any_version_will_do(site: Site, name: str) -> None:
    assert get(site.ports[name]).target == name
    assert site.lb.group(name).healthy == 1


@pytest.mark.parametrize("name", ["verified", "chain-only", "rsa"])
def test_with_verify_a_certificate_signed_by_the_authority_will_do(site: Site, name: str) -> None:
    assert get(site.ports[name]).target == name
    assert site.lb.group(name).healthy == 1


@pytest.mark.parametrize("name", ["wrong-name", "wrong-authority", "verified-expired"])
def test_with_verify_another_name_authority_or_time_is_502_and_the_target_unhealthy(site: Site, name: str) -> None:
    assert get(site.ports[name]).status == 502
    until(lambda: site.lb.group(name).unhealthy == 1, say="the target is unhealthy")


def test_the_server_name_is_sent_to_targets_and_to_their_checks(site: Site) -> None:
    assert set(site.names["named"]) == {NAME}
    get(site.ports["named"])
    assert set(site.names["named"]) == {NAME}


def test_where_no_server_name_is_given_none_is_sent(site: Site) -> None:
    assert get(site.ports["chain-only"], headers=[("Host", "web.example.com")]).target == "chain-only"
    assert set(site.names["chain-only"]) == {None}
    assert site.lb.group("chain-only").healthy == 1


def test_targets_of_bytes_are_verified_the_same_way(site: Site) -> None:
    with TcpClient(site.ports["bytes"]) as client:
        assert client.greeting() == "bytes"
        client.echo(b"x" * 100_000)
    assert target_of(site.ports["refused-bytes"]) is None
