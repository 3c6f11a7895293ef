"""The LoadBalancer resource, elbow.dev/v1alpha1."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictBool, ValidationError

from elbow_api.access_log import AccessLog
from elbow_api.base import Model
from elbow_api.capacity import Capacity
from elbow_api.deregistered import DeregisteredTarget
from elbow_api.fault import Fault, Refused, faults_of
from elbow_api.fields import Cidr, DnsLabel, Text, Time, ZoneName
from elbow_api.listener import Listener
from elbow_api.proxy import Exposure, ExposureType, Proxy
from elbow_api.rules import broken
from elbow_api.target_group import CrossZone, TargetGroup


class Scheme(StrEnum):
    """Who reaches the load balancer (ELB section 1.6)."""

    INTERNAL = "internal"
    INTERNET_FACING = "internet-facing"


class Metadata(Model):
    """The part of Kubernetes' metadata that a proxy uses."""

    model_config = ConfigDict(extra="ignore")

    name: DnsLabel
    namespace: DnsLabel = "default"


class ZonalShift(Model):
    """Keeps clients and requests away from one zone for a while (ELB section 14.6)."""

    away_from: ZoneName
    """The zone."""
    until: Time
    """When it ends by itself, such as 2026-01-31T18:00:00Z."""
    reason: Annotated[Text, Field(max_length=128)] = ""
    """For people who wonder."""

    @property
    def until_time(self) -> datetime:
        """When it ends."""
        return datetime.fromisoformat(self.until)


class LoadBalancerSpec(Model):
    """What a user asks for."""

    scheme: Scheme = Scheme.INTERNET_FACING
    """internet-facing or internal."""
    zones: Annotated[list[ZoneName], Field(min_length=1, max_length=16)] | None = None
    """The zones enabled, 1 to 16; by default every zone. Targets in other zones are unused."""
    cross_zone: CrossZone = CrossZone.ENABLED
    """Whether a zone's proxies use the targets of other zones; a target group may override it."""
    allowed_sources: Annotated[list[Cidr], Field(min_length=1, max_length=100)] | None = None
    """CIDRs of the clients allowed to connect, 1 to 100; by default all. Others are disconnected before a byte is read."""
    deletion_protection: StrictBool = False
    """In a cluster: refuse to delete the load balancer until this is false again (ELB: deletion_protection.enabled)."""
    zonal_shift: ZonalShift | None = None
    """In a cluster: away from a zone, whose proxies get no clients and whose targets no requests, until a time."""
    deregistered_targets: Annotated[list[DeregisteredTarget], Field(max_length=200)] | None = None
    """Targets taken out by hand, at most 200: each drains for its group's deregistrationDelay and is unused after it, as long as it is listed."""
    access_log: AccessLog | None = None
    """Write access logs; by default none are (ELB: access_logs.s3.enabled)."""
    capacity: Capacity | None = None
    """In a cluster: proxies set aside ahead of traffic, always or for a time."""
    proxy: Proxy = Proxy()
    """How its proxies run in the cluster."""
    exposure: Exposure = Exposure()
    """How clients reach it in the cluster."""
    listeners: Annotated[list[Listener], Field(min_length=1, max_length=50)]
    """The ports clients connect to, 1 to 50."""
    target_groups: Annotated[list[TargetGroup], Field(min_length=1, max_length=50)]
    """The groups of targets listeners forward to, 1 to 50."""

    @property
    def exposed_by(self) -> ExposureType:
        """The kind of exposure in force (ELB section 1.6)."""
        if self.exposure.type is not None:
            return self.exposure.type
        return ExposureType.LOAD_BALANCER if self.scheme is Scheme.INTERNET_FACING else ExposureType.CLUSTER_IP

    def group(self, name: str) -> TargetGroup:
        """The target group of that name, which must exist."""
        return next(group for group in self.target_groups if group.name == name)

    def listeners_of(self, group: TargetGroup) -> list[Listener]:
        """The listeners that forward to a group; none: the group is not in use."""
        return [listener for listener in self.listeners if listener.target_group == group.name]

    def is_cross_zone(self, group: TargetGroup) -> bool:
        """Whether a group's targets serve all zones (ELB section 3.4)."""
        return (group.cross_zone or self.cross_zone) is CrossZone.ENABLED


class LoadBalancer(Model):
    """A load balancer, as its user wrote it."""

    api_version: Literal["elbow.dev/v1alpha1"]
    kind: Literal["LoadBalancer"]
    metadata: Metadata
    spec: LoadBalancerSpec
    status: Any = None


def parse(document: Any) -> LoadBalancer:
    """Take a document as a LoadBalancer; raises Refused with every fault found."""
    if not isinstance(document, dict):
        raise Refused([Fault((), "not a LoadBalancer: a mapping with apiVersion, kind, metadata and spec is expected")])
    try:
        resource = LoadBalancer.model_validate(document, by_alias=True, by_name=False)
    except ValidationError as error:
        raise Refused(faults_of(error, LoadBalancer)) from None
    if faults := broken(resource.spec):
        raise Refused(faults)
    return resource
