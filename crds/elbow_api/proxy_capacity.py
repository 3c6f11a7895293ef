"""What one proxy can carry, from figures that were measured, and how many proxies a load needs.

The figures are CPU time of HAProxy as Elbow configures it, each the median of bench/results/2026-11-25-capacity.md (`scripts/bench capacity`), rounded:
cores of an AMD EPYC with several times as much work as they can do, where a request costs about half as much again as on quiet ones.
"""

import math
from dataclasses import dataclass

from elbow_api.capacity import Reservation
from elbow_api.listener import Listener
from elbow_api.proxy import Proxy, amount
from elbow_api.usage import UNITS, kind_of

REQUEST = 75e-6
"""CPU seconds of an HTTP request over a connection that is there, 1 KiB answered."""
TLS_REQUEST = 130e-6
"""The same over TLS."""
CONNECTION = 65e-6
"""CPU seconds a new connection costs beyond its first request."""
HANDSHAKE = 960e-6
"""CPU seconds of a full TLS 1.3 handshake (ECDSA P-256), beyond that."""
BYTE = 0.56e-9
"""CPU seconds a byte of a body costs."""
TLS_BYTE = 1.94e-9
"""The same over TLS."""
USED = 0.6
"""How much of its CPU a proxy that is reserved for a load is to use, as the autoscaler aims for."""

_SPARE_MIB = 60
_KIB_PER_CONNECTION = 100
"""With TLS, and with the worker of a reload beside it (measured: 25 to 50 KiB each)."""
_MIB = 2**20


@dataclass(frozen=True)
class Load:
    """What clients ask for at one time, of a load balancer or of a part of it."""

    requests: float = 0.0
    """HTTP requests a second."""
    connections: float = 0.0
    """New connections a second."""
    bytes: float = 0.0
    """Bytes a second, of requests and responses together."""
    tls: float = 0.0
    """Which part of all that uses TLS, 0 to 1."""
    open: float = 0.0
    """Connections open at the same time."""

    @property
    def cores(self) -> float:
        """CPU seconds a second it takes."""
        plain = self.requests * REQUEST + self.bytes * BYTE
        encrypted = self.requests * TLS_REQUEST + self.bytes * TLS_BYTE + self.connections * HANDSHAKE
        return self.connections * CONNECTION + (1 - self.tls) * plain + self.tls * encrypted


@dataclass(frozen=True)
class ProxyCapacity:
    """What one proxy has."""

    cores: float
    """What is set aside for it: its CPU request, or its limit where it has none."""
    open: int
    """Connections it takes at the same time, by its memory."""

    def needed(self, loads: list[Load]) -> int:
        """How many such proxies carry all the loads together."""
        by_cpu = sum(load.cores for load in loads) / (self.cores * USED)
        by_memory = sum(load.open for load in loads) / self.open
        return math.ceil(round(max(by_cpu, by_memory), 6))


def capacity_of(proxy: Proxy) -> ProxyCapacity:
    """What one of a load balancer's proxies has, by its container's requests and limits; without any, by the defaults."""
    given, usual = proxy.given, Proxy().given
    cpu = next(r["cpu"] for r in (given.requests, given.limits, usual.requests) if r and "cpu" in r)
    memory = next(r["memory"] for r in (given.limits, given.requests, usual.limits) if r and "memory" in r)
    return ProxyCapacity(max(amount(cpu), 0.001), most_connections(int(amount(memory) / _MIB)))


def most_connections(memory_mib: int) -> int:
    """Connections HAProxy takes at the same time in a container with so much memory; 100 to 100,000."""
    return max(100, min(100_000, (memory_mib - _SPARE_MIB) * 1024 // _KIB_PER_CONNECTION))


def per_zone(load: Load, zones: int) -> Load:
    """What one of so many zones gets when one of them is lost: all others carry the whole."""
    share = 1 / max(1, zones - 1)
    return Load(load.requests * share, load.connections * share, load.bytes * share, load.tls, load.open * share)


def unit_load(units: int, listeners: list[Listener]) -> Load:
    """All dimensions of so many capacity units at once: an Application Load Balancer's, or without HTTP a Network Load Balancer's."""
    kinds = {kind_of(listener.protocol) for listener in listeners}
    unit = UNITS[next(kind for kind in ("http", "tls", "tcp") if kind in kinds)]
    return Load(
        connections=units * unit.new_connections,
        bytes=units * unit.processed_bytes / 3600,
        tls=_encrypted(listeners),
        open=units * unit.active_connections,
    )


def reservation_load(reservation: Reservation, listeners: list[Listener]) -> Load:
    """What a reservation expects; without a share of TLS, all of it where a listener has TLS."""
    requests, connections = reservation.requests_per_second or 0, reservation.connections
    return Load(
        requests=requests,
        connections=connections,
        bytes=(requests or connections) * reservation.bytes_per_request,
        tls=_encrypted(listeners) if reservation.tls_percent is None else reservation.tls_percent / 100,
    )


def _encrypted(listeners: list[Listener]) -> float:
    return float(any(listener.protocol.is_encrypted for listener in listeners))
