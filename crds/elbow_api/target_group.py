"""A target group: where requests go, how targets are checked, and how they leave (ELB: TargetGroup)."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from elbow_api.base import Model
from elbow_api.duration import Duration, Within
from elbow_api.fields import CookieName, DnsLabel, DnsName, FilePath, IpAddress, Port, PortName, ZoneName
from elbow_api.health_check import HealthCheck
from elbow_api.protocol import Protocol, ProtocolVersion
from elbow_api.threshold import MinimumHealthy


def _slow_start(value: Duration) -> Duration:
    if value.milliseconds != 0 and not 30_000 <= value.milliseconds <= 900_000:
        raise PydanticCustomError("slow_start", "neither 0s nor within 30s to 15m")
    return value


class Algorithm(StrEnum):
    """How the next target is chosen (ELB sections 3.1 and 3.2)."""

    ROUND_ROBIN = "round_robin"
    LEAST_OUTSTANDING_REQUESTS = "least_outstanding_requests"


class CrossZone(StrEnum):
    """Whether a zone's proxies use the targets of other zones (ELB section 3.4)."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class ProxyProtocol(StrEnum):
    """Which PROXY protocol header targets get (ELB section 6.9)."""

    OFF = "off"
    V1 = "v1"
    V2 = "v2"


class StickinessType(StrEnum):
    """What ties a client to a target (ELB section 4.1)."""

    LB_COOKIE = "lb_cookie"
    APP_COOKIE = "app_cookie"
    SOURCE_IP = "source_ip"


class Address(Model):
    """A target by its address (ELB: an ip target)."""

    ip: IpAddress
    """Its IPv4 or IPv6 address, in its one short form."""
    port: Port
    """Its port, 1 to 65535."""
    zone: ZoneName | None = None
    """The zone the target is in; needed when cross-zone is disabled."""
    weight: Annotated[int, Field(ge=0, le=256, strict=True)] = 1
    """The target's share relative to the others, 0 to 256; 0 gets no new clients, and keeps those that are tied to it: deregisteredTargets moves them on."""


class ServiceTargets(Model):
    """The pods behind a Service of the same namespace, by their own addresses."""

    name: DnsLabel
    """The Service's name."""
    port: Annotated[Port | PortName, Field(json_schema_extra={"x-kubernetes-int-or-string": True})]
    """A port of the Service, by its number, 1 to 65535, or its name."""


class NodeTargets(Model):
    """The cluster's nodes, on a port each of them serves (ELB: instance targets)."""

    selector: Annotated[dict[str, str], Field(max_length=16)] = Field(default_factory=dict)
    """Labels a node must have; without any, all nodes."""
    port: Port
    """The port on the nodes, 1 to 65535, such as a NodePort."""


class Targets(Model):
    """Where a target group's targets come from: exactly one of the three."""

    service: ServiceTargets | None = None
    nodes: NodeTargets | None = None
    addresses: Annotated[list[Address], Field(max_length=1000)] | None = None
    """Targets by address; at most 1000."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in ("service", "nodes", "addresses") if getattr(self, name) is not None]
        if len(given) != 1:
            raise PydanticCustomError(
                "targets",
                "exactly one of service, nodes and addresses is needed, {given} given",
                {"given": " and ".join(given) or "none"},
            )
        return self


class Stickiness(Model):
    """Keeps a client on the target it reached first (ELB section 4)."""

    type: StickinessType
    """lb_cookie and app_cookie for HTTP and HTTPS groups, source_ip for all."""
    duration: Annotated[Duration, Within("1s", "7d")] = Duration("1d")
    """How long the tie lasts without a request, 1s to 7d."""
    cookie_name: CookieName | None = None
    """The application's own cookie; required for app_cookie, refused for others."""


class SurgeQueue(Model):
    """Requests or connections that wait for a target with room (ELB section 7.1)."""

    length: Annotated[int, Field(ge=0, le=100_000, strict=True)] = 1024
    """How many may wait, 0 to 100000; one more is spilled over: 503, or a closed connection."""
    timeout: Annotated[Duration, Within("1s", "4000s")] = Duration("60s")
    """How long one may wait, 1s to 4000s."""


class TargetTls(Model):
    """Checking the targets' certificates; without it none is checked, as with ELB (ELB section 8.4)."""

    verify: StrictBool = False
    """Refuse targets whose certificate isn't signed by `ca`."""
    ca: FilePath | None = None
    """A PEM file of certificate authorities; required with verify."""
    server_name: DnsName | None = None
    """The name sent to targets (SNI) and, where certificates are checked, expected in them."""


class TargetGroup(Model):
    """Targets that serve the same thing."""

    name: DnsLabel
    """Unique within the load balancer."""
    protocol: Protocol
    """What targets speak: HTTP, HTTPS, TCP or TLS."""
    protocol_version: ProtocolVersion = ProtocolVersion.HTTP1
    """HTTP1, HTTP2 or GRPC; the latter two need HTTPS listeners."""
    targets: Targets
    algorithm: Algorithm = Algorithm.ROUND_ROBIN
    """round_robin, or least_outstanding_requests: the target with the fewest requests (or connections) in progress."""
    cross_zone: CrossZone | None = None
    """Overrides the load balancer's crossZone, by default that."""
    slow_start: Annotated[Duration, AfterValidator(_slow_start)] = Duration("0s")
    """A target that becomes healthy gets its share gradually over this time: 0s (off), or 30s to 15m."""
    health_check: HealthCheck = HealthCheck()
    stickiness: Stickiness | None = None
    deregistration_delay: Annotated[Duration, Within("0s", "1h")] = Duration("300s")
    """How long a target that leaves may finish what it is serving, 0s to 1h."""
    connection_termination: StrictBool | None = None
    """Whether what is left after the deregistration delay is cut; by default for HTTP and HTTPS groups, not for TCP and TLS."""
    unhealthy_connection_termination: StrictBool = False
    """Whether connections to a target that turned unhealthy are cut at once."""
    unhealthy_draining_interval: Annotated[Duration, Within("0s", "100h")] | None = None
    """How long a target that turned unhealthy may finish what it is serving before it is cut, 0s to 100h; without it, as long as it takes."""
    minimum_healthy: MinimumHealthy = MinimumHealthy()
    fail_open: StrictBool = True
    """With fewer healthy targets than minimumHealthy.routing, use all of them. false: Classic's way, 503 when none is healthy."""
    max_connections_per_target: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = None
    """Requests (or connections) one target serves at a time, per proxy, 1 to 100000; more wait in the surge queue. By default any number."""
    surge_queue: SurgeQueue = SurgeQueue()
    proxy_protocol: ProxyProtocol = ProxyProtocol.OFF
    """The PROXY protocol header sent to targets: off, v1 or v2."""
    tls: TargetTls | None = None
    """Only for HTTPS and TLS."""

    @property
    def cuts_unhealthy(self) -> bool:
        """Whether work on a target that turned unhealthy is cut, sooner or later (ELB section 2.7)."""
        return self.unhealthy_connection_termination or self.unhealthy_draining_interval is not None

    @property
    def cuts_after_delay(self) -> bool:
        """Whether work left after the deregistration delay is cut (ELB section 5.1)."""
        if self.connection_termination is None:
            return self.protocol.is_http
        return self.connection_termination
