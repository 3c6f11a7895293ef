"""The codes a load balancer answers with, each with its cause, its page and its counter (ELB section 9.1)."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest
from conftest import Targets
from harness.black_hole import BlackHole
from harness.certificates import Authority
from harness.client import Client, Closed
from harness.elbow import Elbow
from harness.manifest import group, listener, load_balancer, tls
from harness.poll import until
from harness.ports import Ports
from harness.response import Response
from harness.target import Target

PAGES = {
    400: "400 Bad Request",
    405: "405 Not Allowed",
    408: "408 Request Time-out",
    414: "414 Request-URI Too Large",
    463: "463",
    464: "464",
    501: "501 Not Implemented",
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}


def page(code: int) -> str:
    title = PAGES[code]
    lines = [
        "<html>",
        f"<head><title>{title}</title></head>",
        "<body>",
        f"<center><h1>{title}</h1></center>",
        "</body>",
        "</html>",
        "",
    ]
    return "\r\n".join(lines)


def assert_made_here(response: Response, code: int) -> None:
    """The balancer's own answer, as ALB words it."""
    assert (response.status, response.text) == (code, page(code))
    assert (response.header("Server"), response.header("Content-Type")) == ("awselb/2.0", "text/html")
    assert response.target is None


@dataclass
class Site:
    lb: Elbow
    ports: dict[str, int]
    targets: dict[str, Target]
    authority: Authority

    def ask(self, name: str, path: str = "/", method: str = "GET", *, body: bytes = b"") -> Response:
        with Client(self.ports[name]) as client:
            return client.request(method, path, body=body)

    @contextmanager
    def counts(
        self, name: str, *, elb4xx: int = 0, elb5xx: int = 0, target4xx: int = 0, target5xx: int = 0
    ) -> Iterator[None]:
        """What happens within is counted exactly so: by the listener as made here, or by its group as the targets'."""

        def now() -> tuple[int, ...]:
            seen = self.lb.report()
            at = next(one for one in seen.listeners if one.name == name)
            to = next(one for one in seen.target_groups if one.name == at.target_group)
            return at.elb4xx, at.elb5xx, to.target4xx, to.target5xx

        before = now()
        yield
        wanted = tuple(map(sum, zip(before, (elb4xx, elb5xx, target4xx, target5xx), strict=True)))
        last: list[tuple[int, ...]] = []

        def is_counted() -> bool:
            last[:] = [now()]
            return last[0] == wanted

        until(is_counted, limit=5, every=0.1, say=f"{wanted} are counted, not {last}")


@pytest.fixture(scope="module")
def site(shared: Callable[..., Elbow], fleet: Targets, ports: Ports, authority: Authority) -> Iterator[Site]:
    targets = {name: fleet.http(name) for name in ("web", "sick")}
    targets["silent"] = fleet.http("silent", tls=authority.issue("silent").server_context())
    # Of two, so that the next is tried at once; one and the same is tried again after a second.
    refusing, resetting = ([fleet.http(name), fleet.http(name)] for name in ("refusing", "resetting"))
    for one, other in zip(refusing, resetting, strict=True):
        one.refuse()
        other.on_accept = "reset"
    targets["silent"].on_accept = "hang"
    targets["sick"].health.status = 500
    hole = BlackHole("127.0.1.200", ports.take())
    groups = [
        group([targets["web"]], name="web"),
        group(refusing, name="refusing"),
        group(resetting, name="resetting"),
        group([fleet.tcp(), fleet.tcp()], "HTTPS", name="no-tls"),
        group([targets["silent"]], "HTTPS", name="silent"),
        group([hole], name="hole"),
        group([], name="empty"),
        group([targets["sick"]], name="classic", failOpen=False),
    ]
    taken = {one["name"]: ports.take() for one in groups} | {"impatient": ports.take(), "secure": ports.take()}
    listeners = [listener(taken[one["name"]], name=one["name"], group=one["name"]) for one in groups]
    listeners.append(listener(taken["impatient"], name="impatient", group="web", idleTimeout="1s"))
    bundle = authority.issue("web").bundle
    listeners.append(listener(taken["secure"], "HTTPS", name="secure", group="web", idleTimeout="1s", tls=tls(bundle)))
    yield Site(shared(load_balancer(listeners, groups)), taken, targets, authority)
    hole.stop()


REFUSED = {
    b"GET / HTTP/1.1\r\nHost: web\r\nX-A: a\0b\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nno header\r\n\r\n": 400,
    b"CONNECT web:443 HTTP/1.1\r\nHost: web:443\r\n\r\n": 400,
    b"TRACE / HTTP/1.1\r\nHost: web\r\n\r\n": 405,
    b"GET /" + b"u" * 17_000 + b" HTTP/1.1\r\nHost: web\r\n\r\n": 414,
    b"GET / HTTP/1.1\r\nHost: web\r\nX-Forwarded-For: " + b"1.1.1.1," * 30 + b"1.1.1.1\r\n\r\n": 463,
    b"POST / HTTP/1.1\r\nHost: web\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\n\r\n": 464,
}


def test_a_request_that_is_refused_is_answered_by_the_balancer_and_counted_as_its_4xx(site: Site) -> None:
    site.targets["web"].forget()
    with site.counts("web", elb4xx=len(REFUSED)):
        for data, code in REFUSED.items():
            with Client(site.ports["web"]) as client:
                client.send(data.replace(b"Host: web\r\n", b"Host: %s\r\n" % client.authority.encode()))
                assert_made_here(client.read(), code)
    assert not site.targets["web"].requests


def test_an_unknown_transfer_encoding_is_501(site: Site) -> None:
    with Client(site.ports["web"]) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")
        assert_made_here(client.read(), 501)


STOPPED = [
    b"GET / HTTP/1.1\r\nHost: we",
    b"POST /echo HTTP/1.1\r\nHost: web\r\nContent-Length: 10\r\n\r\nhalf",
    b"POST /echo HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
]


def test_a_client_that_stops_in_the_middle_of_its_request_gets_408(site: Site) -> None:
    def stop(data: bytes) -> None:
        with Client(site.ports["impatient"]) as client:
            client.send(data)
            assert_made_here(client.read(), 408)
            assert client.read_to_end() == b""

    with site.counts("impatient", elb4xx=len(STOPPED)), ThreadPoolExecutor() as pool:
        list(pool.map(stop, STOPPED))


@pytest.mark.parametrize("name", ["refusing", "resetting", "no-tls"])
def test_targets_that_refuse_reset_or_speak_no_tls_are_502(site: Site, name: str) -> None:
    with site.counts(name, elb5xx=2):
        assert_made_here(site.ask(name, "/echo"), 502)
        assert_made_here(site.ask(name, "/echo", "POST"), 502)


ENDS = ("/close", "/reset", "/garbage", "/half-a-head", "/headers?bytes=100000")


def test_a_target_that_ends_or_says_no_http_before_its_response_is_502(site: Site) -> None:
    with site.counts("web", elb5xx=2 * len(ENDS)):
        for path in ENDS:
            for method in ("GET", "POST"):
                assert_made_here(site.ask("web", path, method), 502)


def test_the_second_request_of_a_connection_is_told_of_a_target_that_ends_too(site: Site) -> None:
    for method in ("GET", "POST"):
        with Client(site.ports["web"]) as client:
            assert client.request(method, "/echo").status == 200
            assert_made_here(client.request(method, "/close"), 502)


@pytest.mark.parametrize("name", ["empty", "classic"])
def test_a_group_without_targets_or_classics_without_healthy_ones_is_503_and_keeps_the_connection(
    site: Site, name: str
) -> None:
    with site.counts(name, elb5xx=2), Client(site.ports[name]) as client:
        assert_made_here(client.get(), 503)
        assert_made_here(client.post(), 503)
    assert not site.targets["sick"].requests


def test_a_target_that_does_not_answer_within_the_idle_timeout_is_504(site: Site) -> None:
    with site.counts("impatient", elb5xx=2):
        assert_made_here(site.ask("impatient", "/hang"), 504)
        assert_made_here(site.ask("impatient", "/hang", "POST"), 504)


def test_a_target_that_cannot_be_reached_or_shakes_no_hands_within_10_s_is_504(site: Site) -> None:
    def later_request() -> str:
        with Client(site.ports["hole"]) as client:
            assert client.request("TRACE").status == 405
            with pytest.raises(Closed) as error:
                client.get()
            return str(error.value)

    began = time.monotonic()
    with site.counts("silent", elb5xx=1), ThreadPoolExecutor() as pool:
        hole, silent = (pool.submit(site.ask, name) for name in ("hole", "silent"))
        later = pool.submit(later_request)
        assert_made_here(hole.result(), 504)
        assert_made_here(silent.result(), 504)
        # A later request of a connection is told so by its end alone.
        assert later.result() == "closed before a response"
    assert 9 < time.monotonic() - began < 14


def test_a_body_cut_short_by_the_target_is_never_whole_for_the_client(site: Site) -> None:
    for path in ("/close-mid-body", "/close-mid-body?chunked=1"):
        with pytest.raises(Closed) as error:
            site.ask("web", path)
        assert error.value.args[1].status == 200


def test_a_targets_own_error_passes_unchanged_and_is_counted_as_the_targets(site: Site) -> None:
    codes = (400, 404, 408, 429, 500, 502, 503, 504)
    with site.counts("web", target4xx=4, target5xx=4):
        for code in codes:
            response = site.ask("web", f"/status/{code}")
            assert (response.status, response.text, response.target) == (code, f"web {code}\n", "web")
            assert response.header("Server") is None


def test_over_http_2_the_codes_and_pages_are_the_same(site: Site) -> None:
    context = site.authority.client_context()
    context.check_hostname = False
    cases = [("/close", "GET", 502), ("/close", "POST", 502), ("/hang", "GET", 504), ("/", "TRACE", 405)]
    with site.counts("secure", elb4xx=1, elb5xx=3), httpx.Client(http2=True, verify=context, trust_env=False) as client:
        for path, method, code in cases:
            response = client.request(method, f"https://127.0.0.1:{site.ports['secure']}{path}")
            assert (response.http_version, response.status_code, response.text) == ("HTTP/2", code, page(code))
            assert response.headers["server"] == "awselb/2.0"
