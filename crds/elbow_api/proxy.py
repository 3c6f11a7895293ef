"""How a load balancer's proxies run in the cluster, and how clients reach them."""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from elbow_api.base import Model


class Proxy(Model):
    """The proxies of each zone."""

    replicas: Annotated[int, Field(ge=1, le=100, strict=True)] = 2
    """Proxies in each zone."""
    max_replicas: Annotated[int, Field(ge=1, le=100, strict=True)] | None = None
    """Up to so many proxies in each zone when they are busy."""
    resources: dict[str, dict[str, str | int]] | None = None
    """Requests and limits of the HAProxy container; by default 250m CPU and 256Mi memory, limit 256Mi."""
    node_selector: Annotated[dict[str, str], Field(max_length=16)] | None = None
    """Labels of the nodes proxies may run on."""
    tolerations: Annotated[list[dict[str, Any]], Field(max_length=16)] | None = None
    """Taints of nodes proxies tolerate."""
    priority_class_name: str | None = None
    """The proxies' priority class."""

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
