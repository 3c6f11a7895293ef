"""Resident memory: fresh, and per client connection that waits after one request."""

import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from bench.elbow import elbow
from bench.envoy import envoy
from bench.field import PLAIN, running
from bench.haproxy import haproxy
from bench.nginx import nginx
from bench.peer import HOST, HTTP, HTTPS, Peer, Place
from bench.report import table

_REQUEST = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
_STEPS = (1000, 3000)
_STARTERS: Sequence[Callable[[Place], list[Peer]]] = (
    haproxy,
    lambda place: [elbow(place, "Elbow memory", PLAIN)],
    nginx,
    envoy,
)


@dataclass(frozen=True)
class Footprint:
    """MiB of the processes that carry traffic."""

    peer: str
    tls: bool
    idle: float
    at: dict[int, float]
    """By number of connections."""

    @property
    def per_connection(self) -> float:
        """KiB for each connection between the two steps."""
        few, many = _STEPS
        return (self.at[many] - self.at[few]) * 1024 / (many - few)

    def row(self) -> dict[str, Any]:
        return {"scenario": "memory"} | asdict(self)


def measure(place: Place) -> Iterator[Footprint]:
    """Each peer afresh, one after the other, without and with TLS."""
    for start in _STARTERS:
        for tls in (False, True):
            fresh = Place(place.directory / f"memory-{_STARTERS.index(start)}-{tls}", place.certificate)
            fresh.directory.mkdir()
            with running(start(fresh)) as peers:
                peers[0].wait()
                yield _footprint(peers[0], tls=tls)


def _footprint(peer: Peer, *, tls: bool) -> Footprint:
    time.sleep(2)
    idle, at = peer.memory(), {}
    with ExitStack() as stack:
        clients = []
        for number in range(1, max(_STEPS) + 1):
            clients.append(stack.enter_context(_connection(peer, tls=tls)))
            if number in _STEPS:
                time.sleep(1)
                at[number] = peer.memory()
        if closed := _closed(clients):
            raise RuntimeError(f"{peer.name} closed {len(closed)} connections that were to wait")
    return Footprint(peer.name.removesuffix(" memory"), tls, idle, at)


def _closed(clients: Sequence[socket.socket]) -> list[int]:
    poller = select.poll()
    for client in clients:
        poller.register(client, select.POLLRDHUP)
    return [descriptor for descriptor, _ in poller.poll(0)]


def _connection(peer: Peer, *, tls: bool) -> socket.socket:
    plain = socket.create_connection((peer.address, HTTPS if tls else HTTP), timeout=10)
    connection = _CONTEXT.wrap_socket(plain, server_hostname=HOST) if tls else plain
    connection.sendall(_REQUEST)
    missing = None
    answer = b""
    while missing is None or missing > 0:
        answer += connection.recv(65536)
        head, end, body = answer.partition(b"\r\n\r\n")
        if end:
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            missing = int(length.partition(b":")[2]) - len(body)
    return connection


def _client_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


_CONTEXT = _client_context()


def text(found: Sequence[Footprint]) -> str:
    """The figures as a table."""
    few, many = _STEPS
    rows = [
        [
            each.peer,
            "TLS" if each.tls else "plain",
            f"{each.idle:.1f}",
            f"{each.at[few]:.1f}",
            f"{each.at[many]:.1f}",
            f"{each.per_connection:.1f}",
        ]
        for each in found
    ]
    head = ["", "", "idle, MiB", f"{few} connections", f"{many} connections", "KiB per connection"]
    return f"## Memory (RSS of the processes that carry traffic; kernel socket memory isn't in it)\n\n{table(head, rows)}\n"
