"""The protocols of listeners and target groups."""

from enum import StrEnum


class Protocol(StrEnum):
    """HTTP and HTTPS are layer 7, TCP and TLS layer 4 (ELB section 1.4)."""

    HTTP = "HTTP"
    HTTPS = "HTTPS"
    TCP = "TCP"
    TLS = "TLS"

    @property
    def is_http(self) -> bool:
        """Whether requests are balanced, not connections."""
        return self in (Protocol.HTTP, Protocol.HTTPS)

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS is spoken on the wire."""
        return self in (Protocol.HTTPS, Protocol.TLS)


class ProtocolVersion(StrEnum):
    """What is spoken to the targets of an HTTP or HTTPS target group."""

    HTTP1 = "HTTP1"
    HTTP2 = "HTTP2"
    GRPC = "GRPC"
