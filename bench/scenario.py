"""What is measured: a load, who takes it, and the figure that counts."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.load import MIB, Load, Work
from bench.peer import Peer

RATE = 4000
"""Requests per second of the open loop; well below what any peer can take on one core."""


@dataclass(frozen=True)
class Scenario:
    """One load put on several peers in turn; the figure is CPU time per unit of work, so less is better."""

    name: str
    title: str
    unit: str
    put: Callable[[Load, Peer], Work]
    scale: float
    """From CPU seconds per piece of work to the unit."""
    peers: tuple[str, ...]


_WEB = (
    "HAProxy",
    "Elbow",
    "Elbow, lb_cookie",
    "nginx",
    "Envoy",
    "Envoy, same features",
    "Envoy, same and cookie",
)
_FOUR = ("HAProxy", "Elbow", "nginx", "Envoy")
_MICRO = 1e6
_PER_GB = 1e9 / MIB

SCENARIOS = (
    Scenario("http", "HTTP/1.1 keep-alive, 1 KiB", "µs per request", Load.http, _MICRO, _WEB),
    Scenario("tls", "HTTPS, HTTP/1.1 keep-alive, 1 KiB", "µs per request", Load.tls, _MICRO, _WEB),
    Scenario("h2", "HTTPS, HTTP/2, 1 KiB", "µs per request", Load.http2, _MICRO, _WEB),
    Scenario("connections", "HTTP, a connection per request", "µs per request", Load.connections, _MICRO, _FOUR),
    Scenario("handshakes", "Full TLS 1.3 handshakes", "µs per handshake", Load.handshakes, _MICRO, _FOUR),
    Scenario("tcp", "TCP, 1 KiB", "µs per exchange", Load.tcp, _MICRO, _FOUR),
    Scenario("tcp-1m", "TCP, 1 MiB", "CPU s per GB", Load.large_tcp, _PER_GB, _FOUR),
    Scenario("http-1m", "HTTP, 1 MiB", "CPU s per GB", Load.large, _PER_GB, _FOUR),
    Scenario("tls-1m", "HTTPS, 1 MiB", "CPU s per GB", Load.large_tls, _PER_GB, _FOUR),
    Scenario(
        "latency",
        f"Open loop, {RATE} requests per second, 1 KiB",
        "µs per request",
        lambda load, peer: load.open_loop(peer, RATE),
        _MICRO,
        ("direct", *_FOUR, "Envoy, same features"),
    ),
)


@dataclass(frozen=True)
class Goal:
    """A ratio the project wants to keep."""

    scenarios: tuple[str, ...]
    of: str
    to: str
    most: float


GOALS = (
    Goal(("http", "tls", "h2"), "Elbow", "HAProxy", 1.15),
    Goal(("http", "tls", "h2"), "Elbow, lb_cookie", "HAProxy", 1.35),
    Goal(("http", "tls", "h2"), "Elbow", "Envoy, same features", 0.5),
    Goal(("http", "tls", "h2"), "Elbow, lb_cookie", "Envoy, same and cookie", 0.5),
    Goal(("tcp-1m", "http-1m"), "Elbow", "HAProxy", 0.34),
    Goal(("tcp-1m", "http-1m"), "Elbow", "Envoy", 1.0),
    Goal(("handshakes",), "Elbow", "Envoy", 1 / 0.65),
)
