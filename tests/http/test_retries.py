"""What a client is spared when targets refuse or die, and what is never done twice."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from conftest import Targets
from harness.certificates import Authority
from harness.client import get, post
from harness.elbow import Elbow
from harness.exchange import Exchange
from harness.load import Load
from harness.manifest import group, listener, load_balancer, tls
from harness.ports import Ports
from harness.target import Target

UNSEEN = {"interval": "60s", "timeout": "500ms"}
"""Checks that find out about nothing within a test."""


@dataclass
class Site:
    authority: Authority
    targets: dict[str, list[Target]]
    ports: dict[str, int]


@pytest.fixture(scope="module")
def whole(shared: Callable[..., Elbow], fleet: Targets, ports: Ports, authority: Authority) -> Site:
    context = authority.issue("target").server_context()
    targets = {
        "unseen": fleet.many(2),
        "seen": fleet.many(3),
        "hasty": [fleet.http(name, idle_timeout=0.01) for name in "abc"],
        "hasty-tls": [fleet.http(name, idle_timeout=0.01, tls=context) for name in "ab"],
    }
    groups = [
        group(targets["unseen"], name="unseen", check=UNSEEN),
        group(targets["seen"], name="seen"),
        group(targets["hasty"], name="hasty"),
        group(targets["hasty-tls"], "HTTPS", name="hasty-tls"),
    ]
    taken = {name: ports.take() for name in targets}
    secure = tls(authority.issue("127.0.0.1").bundle)
    listeners = [listener(taken[name], name=name, group=name) for name in ("unseen", "seen", "hasty")]
    listeners.append(listener(taken["hasty-tls"], "HTTPS", name="hasty-tls", group="hasty-tls", tls=secure))
    shared(load_balancer(listeners, groups))
    return Site(authority, targets, taken)


@pytest.fixture
def site(whole: Site) -> Iterator[Site]:
    """Every target as new."""
    yield whole
    for target in itertools.chain(*whole.targets.values()):
        target.on_accept = "serve"
        vars(target).pop("answer", None)
        target.listen()
        target.forget()


def assert_no_post_reached_two(targets: list[Target]) -> None:
    """Every body is another; none was received twice, by whichever targets."""
    bodies = Counter(request.body for target in targets for request in target.requests if request.method == "POST")
    assert bodies
    assert bodies.most_common(1)[0][1] == 1


def test_a_target_that_refuses_costs_no_client_an_error_while_another_is_healthy(site: Site) -> None:
    refusing, healthy = site.targets["unseen"]
    refusing.die()

    for ask in (get, post):
        assert {ask(site.ports["unseen"]).target for _ in range(20)} == {"b"}
    assert len(healthy.requests) == 40


def test_a_target_that_resets_new_connections_costs_no_client_an_error_while_another_is_healthy(site: Site) -> None:
    resetting, healthy = site.targets["unseen"]
    resetting.on_accept = "reset"
    resetting.reset_connections()

    assert {get(site.ports["unseen"]).target for _ in range(20)} == {"b"}
    assert len(healthy.requests) == 20


@pytest.mark.parametrize("how", ["close", "abort"])
def test_a_target_that_dies_over_a_get_before_the_first_byte_costs_no_client_an_error(site: Site, how: str) -> None:
    dying, healthy = site.targets["unseen"]

    async def die(exchange: Exchange) -> None:
        getattr(exchange, how)()

    dying.answer = die

    assert {get(site.ports["unseen"]).target for _ in range(20)} == {"b"}
    assert dying.requests
    assert len(healthy.requests) == 20


def test_a_post_that_a_target_died_over_is_502_and_never_sent_to_another(site: Site) -> None:
    dying, healthy = site.targets["unseen"]

    async def die(exchange: Exchange) -> None:
        exchange.close()

    dying.answer = die
    answers = Counter(post(site.ports["unseen"], "/echo", b"%d" % n).status for n in range(20))

    assert answers == {200: 10, 502: 10}
    assert (len(dying.requests), len(healthy.requests)) == (10, 10)
    assert_no_post_reached_two([dying, healthy])


def test_targets_that_die_and_come_back_under_load_cost_no_get_an_error(site: Site) -> None:
    three = site.targets["seen"]
    with Load(site.ports["seen"], posts=False) as load:
        for victim in itertools.islice(itertools.cycle(three), 9):
            victim.die()
            load.wait_for(40)
            victim.listen()
            load.wait_for(20)
    load.assert_clean(least=500)


def test_posts_under_load_reach_one_target_each_while_targets_die_and_come_back(site: Site) -> None:
    three = site.targets["seen"]
    with Load(site.ports["seen"], path="/slow?ms=5") as load:
        for victim in itertools.islice(itertools.cycle(three), 9):
            victim.die()
            load.wait_for(40)
            victim.listen()
            load.wait_for(20)
    # Whether a target acted on a POST it died over, nobody knows: the client is told so, and nothing is lost in silence.
    assert not load.failures, load
    assert set(load.statuses) <= {200, 502}, load
    assert_no_post_reached_two(three)


@pytest.mark.parametrize("protocol", ["hasty", "hasty-tls"])
def test_targets_that_close_idle_connections_at_once_cost_no_request_an_error(site: Site, protocol: str) -> None:
    targets = site.targets[protocol]
    context = site.authority.client_context() if protocol == "hasty-tls" else None
    with Load(site.ports[protocol], keep_alive=5, fresh=2, pause=0.005, tls=context) as load:
        load.wait_for(200 if context else 600)
    load.assert_clean(least=200)
    assert_no_post_reached_two(targets)
    reused = [connection for target in targets for connection in target.connections if connection.requests > 1]
    assert reused, "no connection was kept, so none could be closed under a request"
