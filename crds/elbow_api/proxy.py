"""How a load balancer's proxies run in the cluster, and how clients reach them."""

import re
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from elbow_api.base import Model

_QUANTITY = r"([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?"
_LONGEST_QUANTITY = 32
MOST_REPLICAS = 100
"""Proxies a zone can have."""
_SUFFIXES = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3}


def _quantity(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and len(value) <= _LONGEST_QUANTITY and re.fullmatch(_QUANTITY, value):
        return value
    raise PydanticCustomError("quantity", "not a quantity such as 2, 500m, 256Mi or 1.5Gi")


def amount(quantity: int | str) -> float:
    """A quantity as a number: `500m` is 0.5, `1Ki` is 1024."""
    text = str(quantity)
    if text.endswith("i"):
        return float(text[:-2]) * 1024.0 ** ("KMGTPE".index(text[-2]) + 1)
    if text[-1] in "MGTPE" and not text[-1].isdecimal():
        return float(text[:-1]) * 1000.0 ** ("KMGTPE".index(text[-1]) + 1)
    if text[-1] in _SUFFIXES:
        return float(text[:-1]) * _SUFFIXES[text[-1]]
    return float(text)


Quantity = Annotated[
    int | str,
    BeforeValidator(_quantity),
    Field(
        json_schema_extra={
            "x-kubernetes-int-or-string": True,
            "pattern": f"^({_QUANTITY})$",
            "maxLength": _LONGEST_QUANTITY,
        }
    ),
]


class Resources(Model):
    """What a container is given, as in a pod."""

    requests: Annotated[dict[str, Quantity], Field(max_length=16)] | None = None
    """What is set aside for it on its node, such as cpu: 500m and memory: 512Mi."""
    limits: Annotated[dict[str, Quantity], Field(max_length=16)] | None = None
    """The most it may use. Connections HAProxy takes come from the memory limit, its threads from the CPU limit."""


_DEFAULT = Resources(requests={"cpu": "250m", "memory": "256Mi"}, limits={"memory": "256Mi"})


class Proxy(Model):
    """The proxies of each zone."""

    replicas: Annotated[int, Field(ge=1, le=MOST_REPLICAS, strict=True)] = 2
    """Proxies in each zone, 1 to 100; each zone's are spread over its nodes."""
    max_replicas: Annotated[int, Field(ge=1, le=MOST_REPLICAS, strict=True)] | None = None
    """Up to so many proxies in each zone when they use more than 60 % of the CPU they request, 1 to 100; by default there are `replicas`."""
    resources: Resources | None = None
    """Requests and limits of the HAProxy container; by default 250m CPU and 256Mi memory, limit 256Mi."""
    node_selector: Annotated[dict[str, str], Field(max_length=16)] | None = None
    """Labels of the nodes proxies may run on, at most 16; by default any node of the zone."""
    tolerations: Annotated[list[dict[str, Any]], Field(max_length=16)] | None = None
    """Taints of nodes proxies tolerate, at most 16."""
    priority_class_name: str | None = None
    """The proxies' priority class."""

    @property
    def given(self) -> Resources:
        """What the HAProxy container is given."""
        return _DEFAULT if self.resources is None else self.resources

    @model_validator(mode="after")
    def _upwards(self) -> Self:
        if self.max_replicas is not None and self.max_replicas < self.replicas:
            raise PydanticCustomError("replicas", "maxReplicas must not be below replicas")
        return self


class ExposureType(StrEnum):
    """How clients reach the zones."""

    LOAD_BALANCER = "LoadBalancer"
    NODE_PORT = "NodePort"
    CLUSTER_IP = "ClusterIP"
    HOST_PORT = "HostPort"


class Exposure(Model):
    """What kind of Service the zones get."""

    type: ExposureType | None = None
    """LoadBalancer, NodePort, ClusterIP or HostPort; by default LoadBalancer for internet-facing, ClusterIP for internal."""
    annotations: Annotated[dict[str, str], Field(max_length=32)] | None = None
    """Annotations of the zones' Services."""
    load_balancer_class: str | None = None
    """The class of a Service of type LoadBalancer."""
    external_traffic_policy: Annotated[str, Field(pattern="^(Cluster|Local)$")] | None = None
    """Cluster or Local; Local keeps the client's address, and is the default for LoadBalancer and NodePort."""
