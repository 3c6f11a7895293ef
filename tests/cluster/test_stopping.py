"""How a proxy's pod ends: nobody is cut off who can be led away, and what is served goes on until it is done or late."""

import socket
import ssl
import time
from collections.abc import Iterator

import h2.config
import h2.connection
import pytest
from elbow_kube.object import Object
from harness.certificates import Authority
from harness.client import Client, Closed
from harness.cluster_objects import LONG, balancer
from harness.kube import Space
from harness.poll import until
from harness.websocket import HANDSHAKE
from hyperframe.frame import DataFrame, Frame, GoAwayFrame

_DELAY = 12


@pytest.fixture(scope="module")
def place(shop: Space, authority: Authority) -> Iterator[Space]:
    """The shop, with targets whose answers take long behind a LoadBalancer `long` with HTTP and HTTPS."""
    issued = authority.issue("shop.example")
    data = {"tls.crt": issued.chain.read_text(), "tls.key": issued.key.read_text()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "long-tls"}, "type": "kubernetes.io/tls"}
    shop.apply({**secret, "stringData": data})
    shop.serve("long", 2, program=LONG)
    tls = {"certificates": [{"secretName": "long-tls"}]}
    listeners = [
        {"name": "http", "protocol": "HTTP", "port": 80, "targetGroup": "web"},
        {"name": "https", "protocol": "HTTPS", "port": 443, "targetGroup": "web", "tls": tls},
    ]
    group: Object = {
        "targets": {"service": {"name": "long", "port": 80}},
        "healthCheck": {"path": "/", "interval": "3s", "timeout": "2s"},
        "deregistrationDelay": f"{_DELAY}s",
    }
    shop.apply(balancer(group, name="long", listeners=listeners))
    yield shop
    shop.kubectl("delete", "lb/long", "deployment/long", "service/long", "secret/long-tls")


def exactly(tls: ssl.SSLSocket, size: int) -> bytes:
    """So many bytes: h2 reads nothing more of a connection once it saw GOAWAY, so frames are read by hand."""
    data = b""
    while len(data) < size:
        more = tls.recv(size - len(data))
        assert more, "the connection ended"
        data += more
    return data


class Stopped:
    """A proxy that is told to end now."""

    def __init__(self, place: Space, zone: str) -> None:
        place.wait("condition=Ready", "lb/long")
        (pod,) = place.proxies(zone, "long")
        self.place, self.name, self.ip = place, pod["metadata"]["name"], pod["status"]["podIP"]
        self.since = 0.0

    def stop(self) -> None:
        self.place.kubectl("delete", "pod", self.name, "--wait=false")
        self.since = time.monotonic()
        until(self.is_draining, limit=10, every=0.1, say="it is not ready")

    def is_draining(self) -> bool:
        try:
            with Client(9900, self.ip, limit=3) as admin:
                return admin.get("/readyz").status == 503
        except (OSError, Closed):
            return True

    def refuses(self) -> bool:
        try:
            socket.create_connection((self.ip, 80), 2).close()
        except OSError:
            return True
        return False

    def until_gone(self, limit: float) -> float:
        """Seconds from the order to the end."""
        until(lambda: not self.place.kubectl("get", "pod", self.name, "--ignore-not-found"), limit=limit, every=0.3)
        return time.monotonic() - self.since


def test_clients_are_led_away_and_nothing_is_cut(place: Space) -> None:
    proxy = Stopped(place, "zone-a")
    with Client(80, proxy.ip) as kept, Client(80, proxy.ip, limit=40) as download:
        assert kept.get().keeps_alive
        download.send(b"GET /drip?seconds=14 HTTP/1.1\r\nHost: shop\r\n\r\n")
        assert download.read_head().status == 200
        proxy.stop()
        # Not ready, and still serving: who comes is served, and told to go elsewhere next.
        assert not kept.get().keeps_alive
        with Client(80, proxy.ip) as late:
            answer = late.get()
        assert (answer.status, answer.keeps_alive) == (200, False)
        until(proxy.refuses, limit=15, every=0.1, say="it takes nobody any more")
        assert 6 < time.monotonic() - proxy.since < 15
        while download.read_chunk():
            pass  # Closed if it were cut
    assert proxy.until_gone(limit=30) < 8 + _DELAY + 8


def test_an_open_websocket_goes_on_until_the_longest_delay_is_over(place: Space) -> None:
    proxy = Stopped(place, "zone-b")
    with Client(80, proxy.ip, limit=40) as socket_:
        assert socket_.get("/socket", HANDSHAKE).status == 101
        proxy.stop()
        until(proxy.refuses, limit=15, every=0.1)
        closed = time.monotonic()
        last = closed
        try:
            while time.monotonic() < closed + 40:
                socket_.send(b"still there?")
                assert socket_.socket.recv(64)
                last = time.monotonic()
                time.sleep(0.2)
        except (OSError, AssertionError):
            pass
    assert _DELAY - 3 < last - closed < _DELAY + 6
    proxy.until_gone(limit=20)


def test_clients_of_http2_get_goaway_and_their_streams_end_well(place: Space, authority: Authority) -> None:
    proxy = Stopped(place, "zone-c")
    raw = socket.create_connection((proxy.ip, 443), 10)
    with authority.client_context(alpn=("h2",)).wrap_socket(raw, server_hostname="shop.example") as tls:
        tls.settimeout(40)
        session = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        session.initiate_connection()
        headers = [(":method", "GET"), (":authority", "shop.example"), (":scheme", "https")]
        session.send_headers(1, [*headers, (":path", "/drip?seconds=12")], end_stream=True)
        tls.sendall(session.data_to_send())
        proxy.stop()
        told, body, ended = 0.0, b"", False
        while not ended:
            frame, size = Frame.parse_frame_header(memoryview(exactly(tls, 9)))
            frame.parse_body(memoryview(exactly(tls, size)))
            if isinstance(frame, GoAwayFrame):
                told = time.monotonic() - proxy.since
                assert frame.error_code == 0
            if isinstance(frame, DataFrame):
                body += frame.data
                ended = "END_STREAM" in frame.flags
    assert body == b"drip\n" * 120
    assert 6 < told < 15
    proxy.until_gone(limit=30)
