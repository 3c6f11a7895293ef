"""How far a load balancer's proxies are behind what is wanted of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Proxies:
    """The proxies of one zone."""

    wanted: int
    ready: int
    behind: int
    """Those that are missing or don't run the newest accepted spec."""


@dataclass(frozen=True)
class Convergence:
    """What one look found."""

    zones: Mapping[str, Proxies] = field(default_factory=dict)
    conditions: Mapping[str, bool] = field(default_factory=dict)
    since: float | None = None
    """When a proxy was first found behind, by the caller's clock; none: all run what is wanted."""

    @property
    def behind(self) -> int:
        """The proxies of all zones that are behind."""
        return sum(proxies.behind for proxies in self.zones.values())


def converge(before: Convergence | None, status: Mapping[str, Any], now: float) -> Convergence:
    """What a status says; a change that comes while proxies are still behind an older one is as old as that one."""
    zones = {zone["name"]: _proxies(zone["proxies"]) for zone in status["zones"]}
    conditions = {each["type"]: each["status"] == "True" for each in status["conditions"]}
    if not any(proxies.behind for proxies in zones.values()):
        return Convergence(zones, conditions)
    since = before.since if before is not None else None
    return Convergence(zones, conditions, now if since is None else since)


def _proxies(told: Mapping[str, int]) -> Proxies:
    return Proxies(told["desired"], told["ready"], max(0, told["desired"] - told["converged"]))
