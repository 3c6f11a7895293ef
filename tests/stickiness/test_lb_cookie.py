"""lb_cookie (ELB section 4.4)."""

import base64
import ipaddress
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from elbow_dataplane.model.target import name_of
from harness.background import Background
from harness.certificates import Authority
from harness.client import Client, Closed, get
from harness.elbow import Elbow
from harness.manifest import group, http, listener, load_balancer, tls
from harness.poll import stays, until
from harness.ports import Ports
from harness.target import Target, addresses
from harness.targets import Targets

from stickiness.visitor import (
    WEEK,
    Visitor,
    assert_not_sticky,
    bound,
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


def is_open(port: int) -> bool:
    try:
        return get(port).status == 200
    except (Closed, ConnectionError):
        return False


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


def test_every_answer_renews_the_tie(elbow: Start, targets: Targets, port: int) -> None:
    two = targets.many(2)
    elbow(http(port, two, stickiness={"type": "lb_cookie", "duration": "3s"}))
    visitor = Visitor(port)
    name = visitor.visit().target
    first = until_of(visitor.cookies["AWSALB"])

    stays(lambda: visitor.visit().target == name, during=5, every=0.2, say="tied")

    assert until_of(visitor.cookies["AWSALB"]) > first + 3


def test_a_tie_without_requests_lapses(elbow: Start, targets: Targets, port: int) -> None:
    two = targets.many(2)
    elbow(http(port, two, stickiness={"type": "lb_cookie", "duration": "2s"}))
    visitor = Visitor(port)
    name = visitor.visit().target
    old = visitor.header

    assert {get(port, headers=old).target for _ in range(4)} == {name}
    until(lambda: get(port, headers=old).target != name, limit=8, say="balanced again")
    assert time.time() >= until_of(visitor.cookies["AWSALB"])
    assert Counter(get(port, headers=old).target for _ in range(8)) == {"a": 4, "b": 4}


def test_a_new_duration_counts_from_the_next_answer_without_a_reload(elbow: Start, targets: Targets, port: int) -> None:
    two = targets.many(2)
    lb = elbow(http(port, two, stickiness=STICKY))
    visitor = Visitor(port)
    name = visitor.visit().target

    lb.edit(lambda spec: spec["targetGroups"][0]["stickiness"].update(duration="7d"))

    assert visitor.visit().target == name
    assert abs(until_of(visitor.cookies["AWSALB"]) - time.time() - WEEK) < 5
    assert lb.reloads() == {}


def test_a_client_of_an_unhealthy_target_is_moved_and_does_not_move_back(
    elbow: Start, targets: Targets, port: int
) -> None:
    three = targets.many(3)
    lb = elbow(http(port, three, stickiness=STICKY))
    visitor = Visitor(port)
    old, _ = bound(three, visitor)
    old_cookie = visitor.header

    old.health.status = 500
    lb.wait_state(old, "unhealthy")
    new = visitor.visit().target
    assert new != old.name
    assert set(visitor.targets()) == {new}

    old.health.status = 200
    lb.wait_state(old, "healthy")
    assert set(visitor.targets()) == {new}
    # The old cookie would still name the old target, so it was the new one that kept the client away.
    assert {get(port, headers=old_cookie).target for _ in range(4)} == {old.name}
    assert_not_sticky(lb, 2)


def test_a_client_of_a_draining_target_is_moved_at_once_and_does_not_move_back(
    elbow: Start, targets: Targets, port: int
) -> None:
    three = targets.many(3)
    lb = elbow(http(port, three, stickiness=STICKY))
    visitor = Visitor(port)
    old, rest = bound(three, visitor)

    lb.set_targets(addresses(*rest))
    assert lb.state_of(old) == "draining"
    new = visitor.visit().target
    assert new != old.name
    assert set(visitor.targets()) == {new}

    lb.set_targets(addresses(*three))
    lb.wait_state(old, "healthy")
    assert set(visitor.targets()) == {new}


def test_a_client_whose_target_refuses_connections_is_moved_without_an_error(
    elbow: Start, targets: Targets, port: int
) -> None:
    three = targets.many(3)
    lb = elbow(http(port, three, stickiness=STICKY, check={"interval": "60s", "timeout": "5s"}))
    visitor = Visitor(port)
    old, _ = bound(three, visitor)

    old.die()
    response = visitor.visit()

    assert response.status == 200
    assert set(visitor.targets()) == {response.target} != {old.name}
    assert_not_sticky(lb, 2)
    old.listen()


def test_new_targets_take_no_client_that_is_tied(elbow: Start, targets: Targets, port: int) -> None:
    four = targets.many(4)
    lb = elbow(http(port, four[:2], stickiness=STICKY))
    visitors = [Visitor(port) for _ in range(6)]
    first = [visitor.visit().target for visitor in visitors]

    lb.set_targets(addresses(*four))
    lb.wait_settled()

    assert [visitor.visit().target for visitor in visitors] == first


def test_while_all_targets_are_unhealthy_cookies_are_honoured(elbow: Start, targets: Targets, port: int) -> None:
    two = targets.many(2)
    lb = elbow(http(port, two, stickiness=STICKY))
    visitor = Visitor(port)
    name = visitor.visit().target

    for target in two:
        target.health.status = 500
    for target in two:
        lb.wait_state(target, "unhealthy")

    assert set(visitor.targets()) == {name}
    assert Counter(Visitor(port).visit().target for _ in range(8)) == {"a": 4, "b": 4}


def test_cookies_are_honoured_after_a_reload_and_after_agent_and_haproxy_died(
    elbow: Start, targets: Targets, port: int
) -> None:
    three = targets.many(3)
    lb = elbow(http(port, three, stickiness=STICKY))
    visitors = [Visitor(port) for _ in range(6)]
    first = [visitor.visit().target for visitor in visitors]

    lb.edit(lambda spec: spec["listeners"][0].update(idleTimeout="61s"))
    assert lb.reloads()["ListenerChanged"] == 1
    assert [visitor.visit().target for visitor in visitors] == first

    lb.restart_agent()
    assert [visitor.visit().target for visitor in visitors] == first

    lb.kill_haproxy()
    until(lambda: is_open(port), say="HAProxy is back")
    assert [visitor.visit().target for visitor in visitors] == first


def test_another_proxy_of_the_load_balancer_honours_the_cookie(
    elbow: Start, targets: Targets, port: int, ports: Ports, tmp_path: Path
) -> None:
    four = [targets.http(name, zone=zone) for name, zone in (("a", "z1"), ("b", "z1"), ("c", "z2"), ("d", "z2"))]
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef" * 4)
    one = elbow(http(port, four, stickiness=STICKY), zone="z1", secret_file=secret)
    other_port = ports.take()
    # The same targets in another order: the place in the list means nothing.
    elbow(http(other_port, four[::-1], stickiness=STICKY), zone="z2", secret_file=secret)

    for _ in range(8):
        visitor = Visitor(port)
        name = visitor.visit().target
        visitor.port = other_port
        assert set(visitor.targets(4)) == {name}
        visitor.port = port
        assert set(visitor.targets(4)) == {name}
    assert_not_sticky(one, 8)


def test_a_cookie_of_another_zones_target_is_balanced_where_cross_zone_is_off(
    elbow: Start, targets: Targets, port: int, ports: Ports
) -> None:
    a, b = targets.http("a", zone="z1"), targets.http("b", zone="z2")
    one = elbow(http(port, [a, b], stickiness=STICKY, crossZone="disabled"), zone="z1")
    other_port = ports.take()
    elbow(http(other_port, [a, b], stickiness=STICKY, crossZone="disabled"), zone="z2", secret_file=one.secret_file)
    visitor = Visitor(port)

    assert set(visitor.targets(4)) == {"a"}
    visitor.port = other_port
    assert set(visitor.targets(4)) == {"b"}


def test_requests_without_a_usable_cookie_are_counted_and_others_are_not(
    elbow: Start, targets: Targets, port: int
) -> None:
    two = targets.many(2)
    lb = elbow(http(port, two, stickiness=STICKY))
    visitor = Visitor(port)

    visitor.targets(6)
    assert_not_sticky(lb, 1)
    with Client(port) as client:
        for _ in range(3):
            client.get()
        client.get(headers=[("Cookie", f"AWSALB={value_for(lb, two[0], lasts=-5)}")])
        client.get(headers=[("Cookie", "AWSALB=nonsense")])
        for _ in range(3):
            visitor.visit(client=client)
    assert_not_sticky(lb, 6)
