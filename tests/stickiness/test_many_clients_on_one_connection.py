"""A proxy in front sends the requests of many clients on one connection: none gets another's target or cookie."""

import random
from collections.abc import Iterator

import pytest
from elbow_dataplane.model.target import name_of
from harness.background import Background
from harness.certificates import Authority
from harness.client import Client
from harness.elbow import Elbow
from harness.manifest import group, listener, load_balancer, tls
from harness.ports import Ports
from harness.target import Target
from harness.targets import Targets

from stickiness.streams import Answer, Streams
from stickiness.visitor import Visitor, value_for

CLIENTS = 12


class Crowd:
    """Clients of one connection, some tied to each target, one with nothing, one with nonsense, one too late."""

    def __init__(self, lb: Elbow, targets: list[Target], port: int, cookie: str) -> None:
        self.lb, self.targets, self.cookie = lb, targets, cookie
        self.names = {name_of(lb.secret_file.read_bytes().strip(), "web", (t.ip, t.port)): t.name for t in targets}
        self.clients: list[Visitor] = []
        self.homes: dict[int, str | None] = {}
        for number in range(CLIENTS):
            client = Visitor(port)
            target = targets[number % len(targets)]
            client.cookies[cookie] = value_for(lb, target, lasts=1000 + number)
            self.clients.append(client)
            self.homes[id(client)] = target.name
        for value in ("nonsense", value_for(lb, targets[0], lasts=-10), "x" * 50, None):
            client = Visitor(port)
            if value:
                client.cookies[cookie] = value
            self.clients.append(client)
            self.homes[id(client)] = None

    def check(self, client: Visitor, target: str | None, set_cookies: list[str]) -> None:
        """An answer is its client's own: from the target it is tied to, with a cookie that names that target."""
        if (home := self.homes[id(client)]) is not None:
            assert target == home
        assert len(set_cookies) == 2
        for line in set_cookies:
            value = line.partition(";")[0].partition("=")[2]
            assert self.names[value.split(".")[0]] == target


@pytest.fixture(scope="module")
def four(background: Background, ports: Ports) -> Iterator[list[Target]]:
    targets = Targets(background, ports)
    yield targets.many(4)
    targets.stop()


@pytest.fixture(scope="module")
def site(four: list[Target], ports: Ports, authority: Authority) -> Iterator[tuple[Elbow, int, int]]:
    http, https = ports.take(), ports.take()
    listeners = [listener(http), listener(https, "HTTPS", tls=tls(authority.issue("localhost").bundle))]
    sticky = {"type": "lb_cookie", "duration": "1h"}
    lb = Elbow(load_balancer(listeners, [group(four, stickiness=sticky)]), ports)
    yield lb, http, https
    lb.stop()


@pytest.mark.parametrize("cookie", ["AWSALB", "AWSALBCORS"])
def test_requests_one_after_the_other(site: tuple[Elbow, int, int], four: list[Target], cookie: str) -> None:
    lb, port, _ = site
    crowd = Crowd(lb, four, port, cookie)
    chance = random.Random(1)
    with Client(port) as connection:
        for _ in range(400):
            client = chance.choice(crowd.clients)
            answer = connection.get("/", client.header)
            crowd.check(client, answer.target, answer.values("Set-Cookie"))


def test_requests_pipelined(site: tuple[Elbow, int, int], four: list[Target]) -> None:
    lb, port, _ = site
    crowd = Crowd(lb, four, port, "AWSALB")
    chance = random.Random(2)
    with Client(port) as connection:
        for _ in range(10):
            order = chance.choices(crowd.clients, k=30)
            lines = [f"Cookie: {client.header[0][1]}\r\n" if client.header else "" for client in order]
            connection.send("".join(f"GET / HTTP/1.1\r\nHost: web\r\n{line}\r\n" for line in lines).encode())
            for client in order:
                answer = connection.read()
                crowd.check(client, answer.target, answer.values("Set-Cookie"))


@pytest.mark.parametrize("path", ["/", "/slow?ms={}"])
def test_requests_at_once_over_http2(
    site: tuple[Elbow, int, int], four: list[Target], authority: Authority, path: str
) -> None:
    lb, port, https = site
    crowd = Crowd(lb, four, port, "AWSALB")
    chance = random.Random(3)
    streams = Streams(https, authority.client_context(alpn=("h2",)))
    for _ in range(8):
        asked = [
            (client, streams.open(path.format(chance.randrange(60)), client.header))
            for client in chance.choices(crowd.clients, k=60)
        ]
        streams.wait()
        for client, answer in asked:
            crowd.check(client, answer.target, answer.set_cookies)
    streams.close()


def test_requests_whose_bodies_come_while_others_begin_and_end(
    site: tuple[Elbow, int, int], four: list[Target], authority: Authority
) -> None:
    lb, port, https = site
    crowd = Crowd(lb, four, port, "AWSALB")
    chance = random.Random(4)
    streams = Streams(https, authority.client_context(alpn=("h2",)))
    for _ in range(6):
        asked: list[tuple[Visitor, Answer]] = []
        waiting: list[Answer] = []
        for _ in range(60):
            client = chance.choice(crowd.clients)
            extra = [("expect", "100-continue")] if chance.random() < 0.3 else []
            has_body = chance.random() < 0.5
            answer = streams.open(
                "/echo", client.header + (extra if has_body else []), method="POST", ends=not has_body
            )
            asked.append((client, answer))
            waiting += [answer] if has_body else []
            if waiting and chance.random() < 0.4:
                streams.end(waiting.pop(chance.randrange(len(waiting))), b"body" * chance.randrange(1, 200))
            if chance.random() < 0.5:
                streams.flush()
        for answer in waiting:
            streams.end(answer, b"late")
            streams.flush()
        streams.wait()
        for client, answer in asked:
            crowd.check(client, answer.target, answer.set_cookies)
    streams.close()


def test_a_client_without_a_cookie_never_inherits_the_tie_of_the_one_before(
    site: tuple[Elbow, int, int], four: list[Target]
) -> None:
    lb, port, _ = site
    tied = [("Cookie", f"AWSALB={value_for(lb, four[0])}")]
    newcomers = []
    with Client(port) as connection:
        for _ in range(12):
            assert connection.get("/", tied).target == "a"
            newcomers.append(connection.get("/").target)
    assert sorted(set(newcomers), key=str) == ["a", "b", "c", "d"]
