"""How targets are checked (ELB section 2)."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictBool
from pydantic_core import PydanticCustomError

from elbow_api.base import Model
from elbow_api.duration import Duration, Within
from elbow_api.fields import HostHeader, Port, UrlPath
from elbow_api.protocol import Protocol

_CODES = re.compile(r"[0-9]{1,3}(-[0-9]{1,3})?(,[0-9]{1,3}(-[0-9]{1,3})?){0,49}")


def _port(value: Any) -> Any:
    if value == "traffic-port" or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535):
        return value
    raise PydanticCustomError("health_check_port", "neither traffic-port nor a port, 1 to 65535")


def _matcher(value: str) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("matcher", 'not a string; write it in quotes, like "200" or "200-299"')
    if not _CODES.fullmatch(value):
        raise PydanticCustomError("matcher", "not codes like 200,202 or 200-299")
    if any(low > high for low, high in code_ranges(value)):
        raise PydanticCustomError("matcher", "a range must go upwards, like 200-299")
    return value


def code_ranges(matcher: str) -> list[tuple[int, int]]:
    """The ranges of codes in a matcher, both ends included."""
    ranges = []
    for part in matcher.split(","):
        low, _, high = part.partition("-")
        ranges.append((int(low), int(high or low)))
    return ranges


class HealthCheck(Model):
    """Checks each proxy makes of each target."""

    enabled: StrictBool = True
    """Without checks, targets get traffic as soon as they are registered."""
    protocol: Protocol | None = None
    """HTTP, HTTPS, TCP (a connection is enough) or TLS (a handshake is enough); by default the group's protocol."""
    port: Annotated[
        Port | Literal["traffic-port"],
        BeforeValidator(_port),
        Field(json_schema_extra={"x-kubernetes-int-or-string": True}),
    ] = "traffic-port"
    """The port checked: traffic-port, or 1 to 65535."""
    path: UrlPath | None = None
    """The path asked for; by default /, or /AWS.ALB/healthcheck for GRPC. At most 1024 characters, a query included."""
    host: HostHeader | None = None
    """The Host header sent; by default the target's address and port, as with ELB."""
    interval: Annotated[Duration, Within("1s", "300s")] = Duration("30s")
    """From one check's start to the next one's, 1s to 300s."""
    timeout: Annotated[Duration, Within("500ms", "120s")] | None = None
    """No answer within it is a failure: 500ms to 120s, below the interval; by default 5s, or half the interval if that is 5s or less."""
    healthy_threshold: Annotated[int, Field(ge=1, le=10, strict=True)] = 5
    """Successes in a row that make an unhealthy target healthy, 1 to 10. A new target needs one."""
    unhealthy_threshold: Annotated[int, Field(ge=1, le=10, strict=True)] = 2
    """Failures in a row that make a target unhealthy, 1 to 10."""
    matcher: Annotated[str, BeforeValidator(_matcher), Field(json_schema_extra={"maxLength": 400})] | None = None
    """The codes of a success: `200,202` or `200-299`, 200 to 599, by default 200; for GRPC gRPC codes, 0 to 99, by default 12."""

    @property
    def time_limit(self) -> Duration:
        """The timeout in force."""
        if self.timeout is not None:
            return self.timeout
        half = self.interval.milliseconds // 2
        return Duration("5s") if self.interval.milliseconds > 5000 else Duration(f"{half}ms")
