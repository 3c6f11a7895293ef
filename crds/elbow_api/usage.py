"""What a load balancer is billed by, counted at its listeners (ELB section 13)."""

from decimal import ROUND_HALF_UP, Decimal

from pydantic import Field

from elbow_api.base import Model
from elbow_api.protocol import Protocol

_MICRO = Decimal("0.000001")
_HOUR = 3600


class Counts(Model):
    """Sums over listeners of one kind."""

    requests: int = Field(default=0, ge=0)
    """RequestCount, of HTTP and HTTPS."""
    new_connections: int = Field(default=0, ge=0)
    """NewConnectionCount: clients that connected."""
    connection_seconds: int = Field(default=0, ge=0)
    """Client connections times the seconds they were open: divided by a time, the mean of ActiveConnectionCount."""
    processed_bytes: int = Field(default=0, ge=0)
    """ProcessedBytes: both directions, headers included."""
    rule_evaluations: int = Field(default=0, ge=0)
    """Requests times the rules processed beyond the ten that are free."""

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(**{name: value + getattr(other, name) for name, value in self})

    def beyond(self, before: "Counts") -> "Counts":
        """How much more than an earlier count; what is less tells nothing."""
        return Counts(**{name: max(0, value - getattr(before, name)) for name, value in self})


class Usage(Model):
    """Counts by the kind of listener, each of which has capacity units of its own."""

    http: Counts = Counts()
    """HTTP and HTTPS: an Application Load Balancer's LCU."""
    tcp: Counts = Counts()
    """TCP: a Network Load Balancer's NLCU."""
    tls: Counts = Counts()
    """TLS: an NLCU, of which each connection takes more."""

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(http=self.http + other.http, tcp=self.tcp + other.tcp, tls=self.tls + other.tls)

    def beyond(self, before: "Usage") -> "Usage":
        """How much more than an earlier count, nothing below zero."""
        return Usage(
            http=self.http.beyond(before.http), tcp=self.tcp.beyond(before.tcp), tls=self.tls.beyond(before.tls)
        )

    def together(self) -> Counts:
        """Over all kinds."""
        return self.http + self.tcp + self.tls


class UsageReport(Model):
    """What a proxy counted since it began to; the sums go on over restarts of its HAProxy and of its agent."""

    stream: str = Field(max_length=64)
    """Names the sums: another one, and they began anew at zero."""
    since: str
    """When the sums began, UTC, ISO 8601."""
    usage: Usage


class Unit(Model):
    """What one capacity unit holds for an hour; each dimension is a mean over the hour but bytes, which are a sum."""

    new_connections: int
    """A second."""
    active_connections: int
    processed_bytes: int = 10**9
    rule_evaluations: int = 0
    """A second; 0 where rules aren't counted."""


UNITS = {
    "http": Unit(new_connections=25, active_connections=3000, rule_evaluations=1000),
    "tcp": Unit(new_connections=800, active_connections=100_000),
    "tls": Unit(new_connections=50, active_connections=3000),
}
"""By the kind of listener."""


def kind_of(protocol: Protocol) -> str:
    """The kind a listener is billed as."""
    return "http" if protocol.is_http else "tls" if protocol is Protocol.TLS else "tcp"


def units_by_kind(usage: Usage) -> dict[str, Decimal]:
    """Capacity units an hour's counts take: of each kind the largest dimension, rounded to a millionth."""
    return {kind: _units(UNITS[kind], counts) for kind, counts in usage}


def capacity_units(usage: Usage) -> Decimal:
    """Those of all kinds of listeners together."""
    return sum(units_by_kind(usage).values(), Decimal(0))


def _units(unit: Unit, counts: Counts) -> Decimal:
    dimensions = [
        Decimal(counts.new_connections) / (unit.new_connections * _HOUR),
        Decimal(counts.connection_seconds) / (unit.active_connections * _HOUR),
        Decimal(counts.processed_bytes) / unit.processed_bytes,
    ]
    if unit.rule_evaluations:
        dimensions.append(Decimal(counts.rule_evaluations) / (unit.rule_evaluations * _HOUR))
    return max(dimensions).quantize(_MICRO, ROUND_HALF_UP)
