"""Who is registered and who is leaving, from one set of targets to the next (ELB sections 5.2 and 5.3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from elbow_api.proxy_config import ProxyConfig

from elbow_dataplane.model.drain import Drain
from elbow_dataplane.model.target import Target
from elbow_dataplane.model.wanted import Registered, usable

Member = tuple[str, tuple[str, int]]
"""A target group's name and a target's key in it."""


@dataclass(frozen=True)
class Registration:
    """The targets a proxy may use, and those that leave it."""

    targets: Registered = field(default_factory=dict)
    drains: Mapping[Member, Drain] = field(default_factory=dict)

    def leaving(self) -> dict[str, tuple[Target, ...]]:
        """The targets that leave, by target group."""
        groups: dict[str, tuple[Target, ...]] = {}
        for (group, _), drain in self.drains.items():
            groups[group] = (*groups.get(group, ()), drain.target)
        return groups


def register(
    last: Registration, config: ProxyConfig, zone: str | None, registered: Registered, now: float
) -> Registration:
    """The next registration: who vanished begins to drain, who came back stops."""
    targets = {g.name: usable(config, g, zone, registered.get(g.name, ())) for g in config.spec.target_groups}
    drains = dict(last.drains)
    for group, members in targets.items():
        for target in members:
            drains.pop((group, target.key), None)
    specs = {group.name: group for group in config.spec.target_groups}
    for group, members in last.targets.items():
        staying = {target.key for target in targets.get(group, ())}
        spec = specs.get(group)
        for target in members:
            if target.key not in staying and (group, target.key) not in drains:
                delay = spec.deregistration_delay.seconds if spec else 0.0
                drains[group, target.key] = Drain(target, now, delay, cuts=spec.cuts_after_delay if spec else False)
    return Registration(targets, drains)


def forget(last: Registration, now: float) -> tuple[Registration, tuple[Member, ...]]:
    """Drop the drains that are over; returns also those whose connections are to be closed now."""
    over = {member: drain for member, drain in last.drains.items() if now >= drain.ends}
    cut = tuple(member for member, drain in over.items() if drain.cuts)
    return Registration(last.targets, {m: d for m, d in last.drains.items() if m not in over}), cut
