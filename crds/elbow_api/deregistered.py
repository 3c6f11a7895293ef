"""Targets taken out by hand, whatever their target group's source says (ELB: DeregisterTargets)."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from elbow_api.base import Model
from elbow_api.fields import DnsLabel, DnsName, IpAddress, Port, Text


class DeregisteredTarget(Model):
    """A target, or all targets on a node, that drains and then gets nothing until the entry is removed (ELB sections 5.2 and 5.3)."""

    target_group: DnsLabel
    """The target group it is taken out of; an entry for a group that doesn't exist does nothing."""
    pod: DnsName | None = None
    """A pod's name, for targets of a Service; exactly one of pod, node and ip is needed."""
    node: DnsName | None = None
    """A node's name: every target on it."""
    ip: IpAddress | None = None
    """An address."""
    port: Port | None = None
    """With ip: one port of it, 1 to 65535; by default all."""
    reason: Annotated[Text, Field(max_length=128)] = ""
    """For people who wonder."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in ("pod", "node", "ip") if getattr(self, name) is not None]
        if len(given) != 1:
            raise PydanticCustomError(
                "deregistered",
                "exactly one of pod, node and ip is needed, {given} given",
                {"given": " and ".join(given) or "none"},
            )
        if self.port is not None and self.ip is None:
            raise PydanticCustomError("deregistered", "port is only used with ip; remove it")
        return self

    def names(self, ip: str, port: int, *, pod: str | None, node: str | None) -> bool:
        """Whether a target of the group is meant."""
        if self.pod is not None:
            return pod == self.pod
        if self.node is not None:
            return node == self.node
        return ip == self.ip and self.port in (None, port)
