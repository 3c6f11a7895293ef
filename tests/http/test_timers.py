"""Timers of HTTP listeners (ELB section 6.1)."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import pytest
from conftest import Targets
from elbow_dataplane.cli.place import find_haproxy
from harness.certificates import Authority
from harness.client import Client, Closed
from harness.elbow import Elbow
from harness.manifest import group, listener, load_balancer, tls
from harness.poll import until
from harness.ports import Ports
from harness.target import Target

IDLE = 1.0


@dataclass
class Site:
    lb: Elbow
    authority: Authority
    target: Target
    port: int
    secure_port: int

    def client(self) -> Client:
        return Client(self.port)


@pytest.fixture(scope="module")
def site(shared: Callable[..., Elbow], fleet: Targets, ports: Ports, authority: Authority) -> Site:
    target, port, secure_port = fleet.http(), ports.take(), ports.take()
    times = {"idleTimeout": "1s", "clientKeepAlive": "60s"}
    listeners = [
        listener(port, **times),
        listener(secure_port, "HTTPS", tls=tls(authority.issue("127.0.0.1").bundle), **times),
    ]
    return Site(shared(load_balancer(listeners, [group([target])])), authority, target, port, secure_port)


def assert_ended_after(began: float, seconds: float) -> None:
    assert seconds - 0.1 <= time.monotonic() - began < seconds + 3


def test_a_kept_connection_that_is_silent_for_the_idle_timeout_is_closed_without_a_word(site: Site) -> None:
    with site.client() as client:
        assert client.get().status == 200
        began = time.monotonic()
        assert client.read_to_end() == b""
        assert_ended_after(began, IDLE)


def test_a_connection_on_which_nothing_was_ever_sent_gets_408_after_the_idle_timeout(site: Site) -> None:
    began = time.monotonic()
    with site.client() as client:
        assert client.read().status == 408
        assert client.read_to_end() == b""
    assert_ended_after(began, IDLE)


def test_every_request_begins_the_idle_timeout_anew(site: Site) -> None:
    began = time.monotonic()
    with site.client() as client:
        while time.monotonic() - began < 2.5 * IDLE:
            assert client.get("/slow?ms=600").status == 200


def test_every_byte_of_a_response_begins_the_idle_timeout_anew(site: Site) -> None:
    with site.client() as client:
        response = client.get("/download?bytes=1000&chunks=5&ms=600")
        assert (response.is_complete, len(response.body)) == (True, 1000)


def test_every_byte_of_a_request_body_begins_the_idle_timeout_anew(site: Site) -> None:
    with site.client() as client:
        client.send(b"POST /echo HTTP/1.1\r\nHost: web\r\nContent-Length: 5\r\n\r\n")
        began = time.monotonic()
        for n, byte in enumerate(b"hello"):
            until(lambda n=n: time.monotonic() > began + n * 0.6)
            client.send(bytes([byte]))
        assert client.read().body == b"hello"


def test_a_response_that_stops_in_the_middle_ends_after_the_idle_timeout(site: Site) -> None:
    began = time.monotonic()
    with site.client() as client, pytest.raises(Closed) as error:
        client.get("/download?bytes=1000&chunks=2&ms=5000&length=1")
    assert error.value.args[1].status == 200
    assert_ended_after(began, IDLE)


class Http2:
    """Enough of a client to see pings answered and GOAWAY."""

    def __init__(self, site: Site, port: int) -> None:
        self.client = Client(port, tls=site.authority.client_context(alpn=("h2",)))
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration())
        self.h2.initiate_connection()
        self.is_over = False
        self.client.socket.settimeout(0.2)

    def get(self) -> int:
        """One request; its status."""
        stream = self.h2.get_next_available_stream_id()
        authority = [(":authority", self.client.authority), (":path", "/")]
        self.h2.send_headers(stream, [(":method", "GET"), (":scheme", "https"), *authority], end_stream=True)
        status = 0
        while True:
            for event in self.events():
                if isinstance(event, h2.events.ResponseReceived):
                    status = int(dict(event.headers)[b":status"])
                if isinstance(event, h2.events.StreamEnded):
                    return status

    def events(self) -> list[h2.events.Event]:
        """What is there now."""
        self.client.send(self.h2.data_to_send())
        try:
            data = self.client.socket.recv(65536)
        except TimeoutError:
            return []
        events = self.h2.receive_data(data)
        self.is_over |= not data or any(isinstance(event, h2.events.ConnectionTerminated) for event in events)
        return events


def test_pings_do_not_keep_a_connection_of_http_2_open(site: Site) -> None:
    peer = Http2(site, site.secure_port)
    assert peer.get() == 200
    began = time.monotonic()
    while not peer.is_over:
        peer.h2.ping(b"12345678")
        peer.events()
        assert time.monotonic() - began < 4
    assert_ended_after(began, IDLE)


@dataclass
class Aged:
    """The same configuration, but a client keep-alive of 2 s, which no manifest may ask for; HAProxy counts whole seconds."""

    port: int
    secure_port: int


@pytest.fixture(scope="module")
def aged(site: Site, ports: Ports, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aged]:
    directory = tmp_path_factory.mktemp("aged")
    made = Aged(ports.take(), ports.take())
    config, count = re.subn(r"\bge 60\b", "ge 2", site.lb.config())
    assert count == 2
    config = config.replace(f":{site.port}", f":{made.port}").replace(f":{site.secure_port}", f":{made.secure_port}")
    config = config.replace("1000ms", "60000ms")  # so that no idle timeout comes first
    config = config.replace(str(site.lb.run_dir / "haproxy.sock"), str(directory / "haproxy.sock"))
    file = directory / "haproxy.cfg"
    file.write_text(config)
    with Path(directory / "log").open("wb") as log:
        process = subprocess.Popen([find_haproxy(), "-db", "-f", file], stdout=log, stderr=log)
    try:
        until(lambda: _answers(made.port), say="HAProxy answers")
        yield made
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        with Client(port) as client:
            return client.get().status == 200
    except OSError:
        return False


def test_a_connection_older_than_the_client_keep_alive_is_closed_after_one_more_response(
    site: Site, aged: Aged
) -> None:
    with Client(aged.port) as client:
        began = time.monotonic()
        while (response := client.get("/slow?ms=100")).keeps_alive:
            assert response.status == 200
            assert time.monotonic() - began < 5
        # Requests in between didn't make it younger, and the last one was served.
        assert (response.status, response.target) == (200, "a")
        assert client.read_to_end() == b""
        assert time.monotonic() - began >= 1


def test_a_connection_of_http_2_outlives_the_client_keep_alive(site: Site, aged: Aged) -> None:
    peer = Http2(site, aged.secure_port)
    began = time.monotonic()
    while time.monotonic() - began < 3.5:
        assert peer.get() == 200
        peer.events()
        assert not peer.is_over
