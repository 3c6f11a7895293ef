"""lb_cookie, its value and its attributes (ELB section 4.4)."""

import base64
import ipaddress
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from elbow_dataplane.model.target import name_of
from harness.background import Background
from harness.certificates import Authority
from harness.client import Client, get
from harness.elbow import Elbow
from harness.manifest import group, listener, load_balancer, tls
from harness.poll import until
from harness.ports import Ports
from harness.target import Target
from harness.targets import Targets

from stickiness.visitor import (
    WEEK,
    Visitor,
    expires_of,
    not_sticky,
    until_of,
    value_for,
)

Start = Callable[..., Elbow]
STICKY = {"type": "lb_cookie", "duration": "1h"}


@dataclass
class Site:
    """Four targets behind an HTTP and an HTTPS listener."""

    lb: Elbow
    targets: list[Target]
    port: int
    https: int
    authority: Authority

    def names(self, cookie: str, requests: int = 8) -> Counter[str | None]:
        """Who answers so many requests that bring exactly this Cookie header, each on a connection of its own."""
        return Counter(get(self.port, headers=[("Cookie", cookie)]).target for _ in range(requests))


@pytest.fixture(scope="module")
def site(background: Background, ports: Ports, authority: Authority) -> Iterator[Site]:
    targets = Targets(background, ports)
    four = targets.many(4)
    port, https = ports.take(), ports.take()
    listeners = [listener(port), listener(https, "HTTPS", tls=tls(authority.issue("localhost").bundle))]
    lb = Elbow(load_balancer(listeners, [group(four, stickiness=STICKY)]), ports)
    yield Site(lb, four, port, https, authority)
    lb.stop()
    targets.stop()


EVEN = {"a": 2, "b": 2, "c": 2, "d": 2}


def test_a_client_stays_on_its_target_and_others_are_balanced(site: Site) -> None:
    visitors = [Visitor(site.port) for _ in range(8)]

    first = [visitor.visit().target for visitor in visitors]

    assert Counter(first) == EVEN
    assert [set(visitor.targets()) for visitor in visitors] == [{name} for name in first]


def test_the_cookie_and_its_twin_carry_exactly_elbs_attributes(site: Site) -> None:
    before = int(time.time())
    plain, twin = get(site.port).values("Set-Cookie")
    after = int(time.time())

    name, _, value = plain.partition(";")[0].partition("=")
    expires = plain.split("; ")[1]
    assert name == "AWSALB"
    assert plain == f"AWSALB={value}; {expires}; Path=/"
    assert twin == f"AWSALBCORS={value}; {expires}; Path=/; SameSite=None"
    assert before + WEEK <= expires_of(plain) <= after + WEEK
    assert before + 3600 <= until_of(value) <= after + 3600


def test_over_https_the_twin_is_secure_and_the_cookie_itself_is_not(site: Site) -> None:
    with Client(site.https, tls=site.authority.client_context(), server_name="localhost") as client:
        plain, twin = client.get().values("Set-Cookie")

    assert plain.endswith("; Path=/")
    assert twin.endswith("; Path=/; SameSite=None; Secure")


def test_the_cookie_of_one_listener_is_honoured_by_the_other(site: Site) -> None:
    visitor = Visitor(site.port)
    name = visitor.visit().target
    with Client(site.https, tls=site.authority.client_context(), server_name="localhost") as client:
        assert {visitor.visit(client=client).target for _ in range(8)} == {name}


def test_the_twin_alone_is_honoured(site: Site) -> None:
    visitor = Visitor(site.port, only=("AWSALBCORS",))
    name = visitor.visit().target

    assert set(visitor.targets()) == {name}


def test_the_twin_alone_is_honoured_on_a_kept_connection(site: Site) -> None:
    visitor = Visitor(site.port, only=("AWSALBCORS",))
    with Client(site.port) as client:
        name = visitor.visit(client=client).target
        assert {visitor.visit(client=client).target for _ in range(8)} == {name}


def test_the_cookie_is_found_among_others(site: Site) -> None:
    value = value_for(site.lb, site.targets[2])

    assert site.names(f"a=1; XAWSALB=x; AWSALB={value}; b=2; AWSALBTG=y") == {"c": 8}
    two = [("Cookie", "a=1"), ("Cookie", f"AWSALB={value}")]
    assert {get(site.port, headers=two).target for _ in range(8)} == {"c"}


def test_every_method_is_sticky(site: Site) -> None:
    cookie = [("Cookie", f"AWSALB={value_for(site.lb, site.targets[1])}")]
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        for _ in range(4):
            with Client(site.port) as client:
                response = client.request(method, "/x", cookie, b"body" if method in ("POST", "PUT", "PATCH") else b"")
            assert response.target == "b", method
            assert len(response.values("Set-Cookie")) == 2, method


def test_a_websocket_goes_to_the_tied_target(site: Site) -> None:
    upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
    upgrade += [("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
    cookie = [("Cookie", f"AWSALB={value_for(site.lb, site.targets[3])}")]
    for _ in range(4):
        with Client(site.port) as client:
            client.send(b"GET /ws HTTP/1.1\r\nHost: web\r\n")
            client.send("".join(f"{name}: {value}\r\n" for name, value in [*upgrade, *cookie]).encode() + b"\r\n")
            response = client.read()
        assert (response.status, response.target) == (101, "d")


def test_the_value_tells_nothing_of_the_target(site: Site) -> None:
    for target in site.targets:
        value = value_for(site.lb, target)
        assert target.name == get(site.port, headers=[("Cookie", f"AWSALB={value}")]).target
        name, _, signature = value.split(".")
        packed = ipaddress.ip_address(target.ip).packed
        told = bytes.fromhex(name) + b"|" + base64.urlsafe_b64decode(signature + "==")
        assert not [
            form for form in (packed, packed[::-1], target.port.to_bytes(2)) if form * 2 in told or form in told[:8]
        ]
        assert name_of(b"another secret", "web", (target.ip, target.port)) != name


def test_an_expired_cookie_is_balanced_and_replaced(site: Site) -> None:
    value = value_for(site.lb, site.targets[0], lasts=-2)

    assert site.names(f"AWSALB={value}") == EVEN
    renewed = get(site.port, headers=[("Cookie", f"AWSALB={value}")]).cookies["AWSALB"].value
    assert until_of(renewed) > time.time() + 3000


def test_a_cookie_lasts_until_its_time_on_a_kept_connection_too(site: Site) -> None:
    visits = 0
    with Client(site.port) as client:
        cookie = [("Cookie", f"AWSALB={value_for(site.lb, site.targets[0], lasts=2)}")]
        began = time.monotonic()
        while client.get(headers=cookie).target == "a" or client.get(headers=cookie).target == "a":
            visits += 1
            assert time.monotonic() < began + 10
    assert visits > 5
    assert time.monotonic() > began + 0.9


def _tampered(value: str) -> list[str]:
    """Every character changed in turn, and other damage."""
    changed = [value[:i] + ("0" if value[i] != "0" else "1") + value[i + 1 :] for i in range(len(value))]
    later = f"{value[:17]}9999999999{value[27:]}"
    name, ends, signature = value.split(".")
    return [
        *changed,
        later,
        "",
        ".",
        "..",
        value[:-1],
        value + "0",
        value.lower(),
        f'"{value}"',
        f"{value}%00",
        f"{name}.{ends}",
        f"{name}.{ends}.",
        f"{name}..{signature}",
        f"{ends}.{name}.{signature}",
        signature,
        "x" * 50,
        "." * 50,
        "0" * 4000,
        name,
    ]


def test_a_cookie_changed_in_any_place_ties_to_nothing_and_is_replaced(site: Site) -> None:
    value = value_for(site.lb, site.targets[0])
    before = not_sticky(site.lb)
    tampered = _tampered(value)
    with Client(site.port) as client:
        assert client.get(headers=[("Cookie", f"AWSALB={value}")]).target == "a"  # now it is known to the connection
        answers = [client.get(headers=[("Cookie", f"AWSALB={bad}")]) for bad in tampered]

    assert {answer.status for answer in answers} == {200}
    assert max(Counter(answer.target for answer in answers).values()) <= len(answers) / 4 + 1
    assert all(until_of(answer.cookies["AWSALB"].value) for answer in answers)
    until(lambda: not_sticky(site.lb) >= before + len(tampered), limit=15, say="all are counted")


def test_a_cookie_signed_with_another_secret_ties_to_nothing(site: Site) -> None:
    foreign = value_for(site.lb, site.targets[0], secret=b"another secret, as long as the true one")

    assert site.names(f"AWSALB={foreign}") == EVEN


def test_a_cookie_of_another_target_group_ties_to_nothing(site: Site) -> None:
    assert site.names(f"AWSALB={value_for(site.lb, site.targets[0], group='other')}") == EVEN


def test_a_cookie_of_a_target_that_is_no_more_ties_to_nothing_and_is_replaced(
    site: Site, background: Background, ports: Ports
) -> None:
    gone = Target(background, "gone", "127.0.1.250", ports.take())
    gone.stop()
    value = value_for(site.lb, gone)

    assert site.names(f"AWSALB={value}") == EVEN
    visitor = Visitor(site.port)
    visitor.cookies["AWSALB"] = value
    assert len(visitor.targets()) == 1
