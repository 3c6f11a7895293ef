"""Capacity set aside ahead of traffic: ELB's pre-warming and its reservation of capacity units (ELB sections 7.2, 7.3)."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from elbow_api.base import Model
from elbow_api.fields import DnsLabel, Text, Time

LEAD = timedelta(minutes=15)
"""How long before its start the proxies of a reservation are started: time for a cluster to add nodes, for images, and to put right what is missing."""
_CONNECTIONS_PER_REQUEST = 0.1


class Reservation(Model):
    """Proxies set aside for a time: there before its start, and gone after its end (ELB section 7.2)."""

    name: DnsLabel
    """A DNS label, unique among the reservations."""
    start: Time
    """When the traffic begins, such as 2026-01-31T18:00:00Z; proxies are started ahead of it."""
    end: Time
    """When it is over, after the start."""
    requests_per_second: Annotated[int, Field(ge=1, le=10_000_000, strict=True)] | None = None
    """The most requests a second expected of all clients, 1 to 10000000; for HTTP and HTTPS listeners. This or connectionsPerSecond is required."""
    bytes_per_request: Annotated[int, Field(ge=0, le=1_000_000_000, strict=True)] = 10_000
    """Average bytes of a request and its response together, 0 to 1000000000; for TCP and TLS listeners of a connection."""
    connections_per_second: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] | None = None
    """The most new connections of clients a second, 1 to 1000000; by default a tenth of the requests."""
    tls_percent: Annotated[int, Field(ge=0, le=100, strict=True)] | None = None
    """How many of a hundred requests and connections use TLS, 0 to 100; by default 100 where a listener is HTTPS or TLS, else 0."""
    note: Annotated[Text, Field(max_length=1024)] = ""
    """For people who wonder."""

    @property
    def start_time(self) -> datetime:
        """When the traffic begins."""
        return datetime.fromisoformat(self.start)

    @property
    def end_time(self) -> datetime:
        """When it is over."""
        return datetime.fromisoformat(self.end)

    @property
    def connections(self) -> float:
        """New connections a second: as said, or a tenth of the requests."""
        if self.connections_per_second is not None:
            return self.connections_per_second
        return (self.requests_per_second or 0) * _CONNECTIONS_PER_REQUEST


class Capacity(Model):
    """Capacity that is there whether traffic is or not; the proxies of a zone are never fewer than spec.proxy.replicas."""

    minimum_units: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = None
    """Capacity units (LCU) always set aside over all zones, 1 to 100000 (ELB: MinimumLoadBalancerCapacity)."""
    reservations: Annotated[list[Reservation], Field(max_length=32)] | None = None
    """Capacity for a time, at most 32; those that overlap add up."""
