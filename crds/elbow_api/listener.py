"""A listener: a port, a protocol, and the target group it forwards to (ELB: Listener)."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from elbow_api.base import Model
from elbow_api.duration import Duration, Within
from elbow_api.fields import DnsLabel, DnsName, FilePath, Port
from elbow_api.protocol import Protocol
from elbow_api.tls_policy import TlsPolicy


class XForwardedFor(StrEnum):
    """What happens to X-Forwarded-For (ELB section 6.3)."""

    APPEND = "append"
    PRESERVE = "preserve"
    REMOVE = "remove"


class DesyncMitigation(StrEnum):
    """How requests that two HTTP parsers might read differently are treated (ELB section 6.6)."""

    MONITOR = "monitor"
    DEFENSIVE = "defensive"
    STRICTEST = "strictest"


class Certificate(Model):
    """A certificate with its key: a Secret in a cluster, a file on one machine."""

    secret_name: DnsName | None = None
    """A Secret of type kubernetes.io/tls in the same namespace."""
    file: FilePath | None = None
    """On one machine: a PEM file with the certificate, its chain, and, unless `key` is given, the private key. Relative to the manifest."""
    key: FilePath | None = None
    """On one machine: a PEM file with the private key."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.secret_name is None) == (self.file is None):
            raise PydanticCustomError(
                "certificate", "exactly one of secretName (in a cluster) and file (on one machine) is needed"
            )
        if self.key is not None and self.file is None:
            raise PydanticCustomError("certificate", "key goes with file; a Secret holds both")
        return self


class ListenerTls(Model):
    """How a listener ends TLS."""

    certificates: Annotated[list[Certificate], Field(min_length=1, max_length=25)]
    """1 to 25. The first is the default; the others are chosen by the name the client asks for (SNI)."""
    policy: TlsPolicy = TlsPolicy.TLS13_1_2_RES_2021_06
    """ELB's security policy: the protocols and ciphers offered (ELB section 8.2)."""


class HttpOptions(Model):
    """What happens to requests on their way (ELB sections 6.3 to 6.7)."""

    x_forwarded_for: XForwardedFor = XForwardedFor.APPEND
    """append the client's address to X-Forwarded-For, preserve the header as it came, or remove it."""
    x_forwarded_for_client_port: StrictBool = False
    """Append the client's port too, as ip:port; only with append."""
    preserve_host: StrictBool = False
    """Hand the Host header on exactly as it came. Otherwise it is lower-cased, and carries the port unless that is 80 or 443."""
    desync_mitigation: DesyncMitigation = DesyncMitigation.DEFENSIVE
    """monitor only counts; defensive refuses what is severe and closes after what is ambiguous; strictest refuses all that is not compliant.
    A request with both Content-Length and Transfer-Encoding is made safe in every mode (Content-Length dropped, connection closed), never refused."""
    drop_invalid_headers: StrictBool = False
    """Remove headers whose names hold anything but letters, digits and hyphens."""
    http2: StrictBool = True
    """Offer HTTP/2 to clients of an HTTPS listener."""


class Listener(Model):
    """A port on which clients connect."""

    name: DnsLabel
    """Unique within the load balancer."""
    port: Port
    """The port clients connect to, 1 to 65535; unique within the load balancer. In a cluster 9900 is the proxies' own."""
    protocol: Protocol
    """HTTP, HTTPS, TCP, or TLS (Classic's SSL)."""
    target_group: DnsLabel
    """The name of the target group to forward to; its protocol must be of the same layer."""
    tls: ListenerTls | None = None
    """Required for HTTPS and TLS, refused for others."""
    idle_timeout: Annotated[Duration, Within("1s", "6000s")] | None = None
    """How long a connection may be silent: 1s to 4000s, by default 60s, for HTTP and HTTPS; 60s to 6000s, by default 350s, for TCP and TLS."""
    client_keep_alive: Annotated[Duration, Within("60s", "7d")] | None = None
    """How long a client may keep one HTTP connection, 60s to 7d, by default 1h; after it the next response closes it."""
    accept_proxy_protocol: StrictBool = False
    """Expect PROXY protocol (v1 or v2) from a balancer in front; connections without it are refused."""
    http: HttpOptions | None = None
    """Only for HTTP and HTTPS."""

    @property
    def idle(self) -> Duration:
        """The idle timeout in force (ELB section 6.1)."""
        return self.idle_timeout or Duration("60s" if self.protocol.is_http else "350s")

    @property
    def keep_alive(self) -> Duration:
        """The client keep-alive duration in force (ELB section 6.1)."""
        return self.client_keep_alive or Duration("1h")

    @property
    def options(self) -> HttpOptions:
        """The HTTP options in force."""
        return self.http or HttpOptions()
