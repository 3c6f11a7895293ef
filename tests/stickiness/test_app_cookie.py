"""app_cookie (ELB section 4.5)."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from harness.background import Background
from harness.client import Client, get
from harness.elbow import Elbow
from harness.manifest import group, http, listener, load_balancer
from harness.ports import Ports
from harness.target import Target
from harness.targets import Targets

from stickiness.visitor import WEEK, Visitor, assert_not_sticky, bound, expires_of, until_of, value_for

Start = Callable[..., Elbow]
STICKY = {"type": "app_cookie", "cookieName": "SESSION", "duration": "1h"}
LOGIN = "/set-cookie?set=" + quote("SESSION=xyz; Path=/; HttpOnly")
LOGOUT = "/set-cookie?set=" + quote("SESSION=; Path=/; Max-Age=0")
# Everything a cookie's name may hold (RFC 6265), most of which means something to HAProxy somewhere.
NAMES = ["SESSION", "a'b", "''", "%%", "%", "#x", "a$HOME", "`id`", "a|b", "~!&*+-.^_", "__Host-x", "x" * 256]


@dataclass
class Site:
    """Two targets; an application cookie of each odd name on a port of its own."""

    lb: Elbow
    targets: list[Target]
    ports: dict[str, int]

    @property
    def port(self) -> int:
        """Where SESSION is the application's cookie."""
        return self.ports["SESSION"]


@pytest.fixture(scope="module")
def site(background: Background, ports: Ports) -> Iterator[Site]:
    targets = Targets(background, ports)
    two = targets.many(2)
    taken = {name: ports.take() for name in NAMES}
    listeners = [listener(port, name=f"l{i}", group=f"g{i}") for i, port in enumerate(taken.values())]
    groups = [
        group(two, name=f"g{i}", stickiness=STICKY | {"cookieName": name}, check={"interval": "30s"})
        for i, name in enumerate(NAMES)
    ]
    lb = Elbow(load_balancer(listeners, groups), ports)
    yield Site(lb, two, taken)
    lb.stop()
    targets.stop()


def test_nothing_is_tied_before_the_application_sets_its_cookie(site: Site) -> None:
    visitor = Visitor(site.port)

    assert visitor.targets() == {"a": 4, "b": 4}
    assert visitor.cookies == {}
    visitor.visit(
        "/set-cookie?set=" + quote("SESSIONS=1") + "&set=" + quote("session=2") + "&set=" + quote("S=SESSION=3")
    )
    assert "AWSALBAPP-0" not in visitor.cookies


def test_the_cookie_comes_with_the_applications_own_and_carries_exactly_elbs_attributes(site: Site) -> None:
    own, added = get(site.port, LOGIN).values("Set-Cookie")

    name, _, value = added.partition(";")[0].partition("=")
    expires = added.split("; ")[1]
    assert own == "SESSION=xyz; Path=/; HttpOnly"
    assert name == "AWSALBAPP-0"
    assert added == f"AWSALBAPP-0={value}; {expires}; Path=/"
    assert abs(expires_of(added) - time.time() - WEEK) < 5
    assert abs(until_of(value) - time.time() - 3600) < 5


def test_it_is_found_among_several_cookies_that_the_application_sets(site: Site) -> None:
    for order in (["SESSION=1", "b=2"], ["b=2", "SESSION=1"], ["b=2; Path=/", "SESSION=1", "c=3"]):
        path = "/set-cookie?" + "&".join("set=" + quote(cookie) for cookie in order)
        assert [line[:11] for line in get(site.port, path).values("Set-Cookie")].count("AWSALBAPP-0") == 1, order


def test_a_client_with_both_cookies_stays_and_every_answer_renews_the_tie(site: Site) -> None:
    visitor = Visitor(site.port)
    name = visitor.visit(LOGIN).target

    for _ in range(8):
        answer = visitor.visit()
        assert answer.target == name
        assert [line.partition("=")[0] for line in answer.values("Set-Cookie")] == ["AWSALBAPP-0"]


@pytest.mark.parametrize("only", ["SESSION", "AWSALBAPP-0"])
def test_one_of_the_two_cookies_alone_ties_to_nothing_and_is_not_renewed(site: Site, only: str) -> None:
    visitor = Visitor(site.port)
    visitor.visit(LOGIN)
    visitor.only = (only,)

    answers = [visitor.visit() for _ in range(8)]

    assert Counter(answer.target for answer in answers) == {"a": 4, "b": 4}
    assert not [line for answer in answers for line in answer.values("Set-Cookie")]


def test_the_applications_cookie_counts_by_its_name_whatever_its_value(site: Site) -> None:
    visitor = Visitor(site.port)
    name = visitor.visit(LOGIN).target
    visitor.cookies["SESSION"] = "something else"

    assert set(visitor.targets()) == {name}


def test_the_tie_ends_when_the_application_removes_its_cookie(site: Site) -> None:
    visitor = Visitor(site.port)
    visitor.visit(LOGIN)
    visitor.visit(LOGOUT)
    assert set(visitor.cookies) == {"AWSALBAPP-0"}

    assert visitor.targets() == {"a": 4, "b": 4}


def test_a_lapsed_tie_is_balanced_and_not_renewed_until_the_application_sets_its_cookie_again(site: Site) -> None:
    lapsed = value_for(site.lb, site.targets[0], lasts=-2, group="g0")
    visitor = Visitor(site.port)
    visitor.cookies |= {"SESSION": "1", "AWSALBAPP-0": lapsed}

    assert visitor.targets() == {"a": 4, "b": 4}
    assert visitor.cookies["AWSALBAPP-0"] == lapsed

    name = visitor.visit(LOGIN).target
    assert set(visitor.targets()) == {name}


def test_a_tampered_cookie_ties_to_nothing_and_is_not_renewed(site: Site) -> None:
    value = value_for(site.lb, site.targets[0], group="g0")
    for bad in (value[:-1] + ("0" if value[-1] != "0" else "1"), "x" * 50, ""):
        visitor = Visitor(site.port)
        visitor.cookies |= {"SESSION": "1", "AWSALBAPP-0": bad}
        assert visitor.targets() == {"a": 4, "b": 4}
        assert visitor.cookies["AWSALBAPP-0"] == bad


def test_clients_of_one_connection_keep_their_own_ties(site: Site) -> None:
    value = value_for(site.lb, site.targets[0], group="g0")
    both, alone = f"SESSION=1; AWSALBAPP-0={value}", f"AWSALBAPP-0={value}"
    with Client(site.port) as client:
        others = []
        for _ in range(8):
            assert client.get(headers=[("Cookie", both)]).target == "a"
            others.append(client.get(headers=[("Cookie", alone)]).target)
            others.append(client.get(headers=[("Cookie", "SESSION=1")]).target)
    assert set(others) == {"a", "b"}


@pytest.mark.parametrize("name", NAMES)
def test_any_name_a_cookie_may_have_is_taken_as_it_is(site: Site, name: str) -> None:
    visitor = Visitor(site.ports[name])
    first = visitor.visit("/set-cookie?set=" + quote(f"{name}=1")).target
    assert set(visitor.cookies) == {name, "AWSALBAPP-0"}
    assert set(visitor.targets(4)) == {first}

    # Another name, however like it, is another cookie.
    for other in (f"{name}x", f"x{name}", name[:-1] or "y", name.swapcase() if name.swapcase() != name else "z"):
        stranger = Visitor(site.ports[name])
        stranger.visit("/set-cookie?set=" + quote(f"{other}=1"))
        assert set(stranger.cookies) == {other}
        stranger.cookies["AWSALBAPP-0"] = visitor.cookies["AWSALBAPP-0"]
        assert len(stranger.targets(4)) == 2


def test_a_client_of_an_unhealthy_target_is_moved_and_does_not_move_back(
    elbow: Start, targets: Targets, port: int
) -> None:
    three = targets.many(3)
    lb = elbow(http(port, three, stickiness=STICKY))
    visitor = Visitor(port)
    visitor.visit(LOGIN)
    old, _ = bound(three, visitor)

    old.health.status = 500
    lb.wait_state(old, "unhealthy")
    new = visitor.visit().target
    assert new != old.name
    assert set(visitor.targets()) == {new}

    old.health.status = 200
    lb.wait_state(old, "healthy")
    assert set(visitor.targets()) == {new}
    assert_not_sticky(lb, 2)  # the login, and the move
