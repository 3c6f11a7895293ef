"""What a source hands over: everything a proxy needs to know from outside."""

from collections.abc import Mapping
from dataclasses import dataclass

from elbow_api.proxy_config import ProxyConfig

from elbow_dataplane.model.wanted import Registered


@dataclass(frozen=True)
class Desired:
    """A configuration that was accepted, with the targets and certificates it names."""

    config: ProxyConfig
    registered: Registered
    certificates: Mapping[str, bytes]
    """PEM files by name: `LISTENER-N.pem`, and `ca-GROUP.pem`."""
    faults: tuple[str, ...] = ()
    """What the configuration names and can't be had; the rest runs."""


def certificate_name(listener: str, index: int) -> str:
    """The file of a listener's certificate."""
    return f"{listener}-{index}.pem"


def authority_name(group: str) -> str:
    """The file of the authorities that a target group's certificates are checked against."""
    return f"ca-{group}.pem"
