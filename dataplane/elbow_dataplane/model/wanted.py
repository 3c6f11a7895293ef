"""The wanted state of one proxy: the configuration, and each target's place in HAProxy."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from elbow_api.proxy_config import NodeAddress, ProxyConfig, ZoneState
from elbow_api.target_group import TargetGroup
from elbow_api.target_health import State
from elbow_api.threshold import needed

from elbow_dataplane.model.health import Health
from elbow_dataplane.model.target import Target, name_of

_MOST = 256  # HAProxy's greatest weight

Registered = Mapping[str, tuple[Target, ...]]
"""The registered targets by target group."""


@dataclass(frozen=True)
class Server:
    """A target as HAProxy is to have it."""

    name: str
    target: Target
    draining: bool
    state: State
    weight: int = 1
    """In HAProxy, 0 to 256."""

    @property
    def takes_part_in_fail_open(self) -> bool:
        """Registered and checked at least once: an initial target gets nothing (ELB section 2.5)."""
        return not self.draining and self.state in (
            State.HEALTHY,
            State.UNHEALTHY,
            State.UNHEALTHY_DRAINING,
            State.UNAVAILABLE,
        )


@dataclass(frozen=True)
class Group:
    """A target group in use, with the servers of this proxy."""

    spec: TargetGroup
    servers: tuple[Server, ...]

    @property
    def registered(self) -> int:
        """How many of its servers are not leaving."""
        return sum(not server.draining for server in self.servers)

    @property
    def minimum(self) -> int:
        """How many healthy targets routing needs; with fewer all of them are used (ELB section 14.4)."""
        return needed(self.spec.minimum_healthy.routing, self.registered)


@dataclass(frozen=True)
class Wanted:
    """Everything one proxy is to run."""

    config: ProxyConfig
    zone: str | None
    groups: tuple[Group, ...]

    def group(self, name: str) -> Group | None:
        """The group in use of that name."""
        return next((group for group in self.groups if group.spec.name == name), None)


def registered_addresses(config: ProxyConfig) -> Registered:
    """The targets given by address: the user's own, and nodes."""
    return {
        group.name: tuple(
            Target(a.ip, a.port, a.zone, a.weight, node=a.node if isinstance(a, NodeAddress) else None)
            for a in group.targets.addresses or config.node_addresses.get(group.name, [])
        )
        for group in config.spec.target_groups
        if group.targets.service is None
    }


def is_zone_enabled(config: ProxyConfig, zone: str | None) -> bool:
    """Whether targets of a zone can get traffic at all (ELB section 1.8); targets without a zone can."""
    shifted = {z.name for z in config.zones if z.state is ZoneState.SHIFTED}
    return zone is None or ((config.spec.zones is None or zone in config.spec.zones) and zone not in shifted)


def is_deregistered(config: ProxyConfig, group: TargetGroup, target: Target) -> bool:
    """Whether someone took the target out by hand (ELB: DeregisterTargets)."""
    return any(
        entry.target_group == group.name and entry.names(target.ip, target.port, pod=target.pod, node=target.node)
        for entry in config.spec.deregistered_targets or ()
    )


def usable(config: ProxyConfig, group: TargetGroup, zone: str | None, targets: Iterable[Target]) -> tuple[Target, ...]:
    """The targets this proxy may use: all it can reach but those taken out by hand."""
    return tuple(t for t in reachable(config, group, zone, targets) if not is_deregistered(config, group, t))


def reachable(
    config: ProxyConfig, group: TargetGroup, zone: str | None, targets: Iterable[Target]
) -> tuple[Target, ...]:
    """The targets of enabled zones, and only those of the proxy's own zone with cross-zone off (ELB section 3.4)."""
    own_only = zone is not None and not config.spec.is_cross_zone(group)
    return tuple(t for t in targets if is_zone_enabled(config, t.zone) and (not own_only or t.zone == zone))


def plan(
    config: ProxyConfig,
    zone: str | None,
    secret: bytes,
    registered: Registered,
    leaving: Mapping[str, tuple[Target, ...]],
    health: Mapping[tuple[str, tuple[str, int]], Health],
) -> Wanted:
    """The wanted state, from what is registered, what is leaving, and what is known of health."""

    def server(group: TargetGroup, target: Target, scale: int, *, draining: bool) -> Server:
        known = health.get((group.name, target.key))
        state, share = (known.state, known.share) if known else (State.INITIAL, 1.0)
        name = name_of(secret, group.name, target.key)
        return Server(name, target, draining, state, _weight(target, scale, share))

    groups = []
    for spec in config.spec.target_groups:
        if not config.spec.listeners_of(spec):
            continue
        staying = usable(config, spec, zone, registered.get(spec.name, ()))
        kept = {target.key for target in staying}
        scale = _scale(spec, staying)
        servers = [server(spec, t, scale, draining=False) for t in staying]
        servers += [server(spec, t, scale, draining=True) for t in leaving.get(spec.name, ()) if t.key not in kept]
        groups.append(Group(spec, tuple(servers)))
    return Wanted(config, zone, tuple(groups))


def _scale(group: TargetGroup, targets: Iterable[Target]) -> int:
    """What weights are multiplied by: as much as HAProxy takes where shares grow in small steps."""
    most = max((target.weight for target in targets), default=0)
    return _MOST // most if group.slow_start.milliseconds and most else 1


def _weight(target: Target, scale: int, share: float) -> int:
    return max(1, round(target.weight * scale * share)) if target.weight else 0
