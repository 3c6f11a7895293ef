"""Access logs: a line for every request, on the standard output of HAProxy (ELB sections 10.4 and 10.5)."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from elbow_api.base import Model


class AccessLogFormat(StrEnum):
    """What a line looks like."""

    ELB = "elb"
    ALB = "alb"
    JSON = "json"


class AccessLog(Model):
    """A line for every request, or connection of a TCP or TLS listener."""

    format: AccessLogFormat = AccessLogFormat.ALB
    """elb (Classic's fields), alb (the Application Load Balancer's), or json (the latter by name)."""
    sample: Annotated[int, Field(ge=1, le=100, strict=True)] = 100
    """How many of a hundred are written, 1 to 100."""
