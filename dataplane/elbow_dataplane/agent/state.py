"""What an agent knows at one moment, and how it goes on from what it reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from elbow_api.target_group import TargetGroup
from elbow_api.target_health import State

from elbow_dataplane.haproxy.diff import Place, Running
from elbow_dataplane.haproxy.render.server import backend_of, backends_of
from elbow_dataplane.haproxy.stats import Row
from elbow_dataplane.model.desired import Desired
from elbow_dataplane.model.health import Check, Health, may_serve, not_in_use, observe, registered, taken_out, unchecked
from elbow_dataplane.model.registration import Member, Registration, forget, register
from elbow_dataplane.model.slow_start import next_step, slow_start
from elbow_dataplane.model.target import name_of
from elbow_dataplane.model.wanted import Wanted, is_deregistered, is_zone_enabled, plan


@dataclass(frozen=True)
class Known:
    """The accepted input, who is registered, who leaves, and how each fares."""

    desired: Desired
    zone: str | None
    secret: bytes
    registration: Registration = field(default_factory=Registration)
    health: Mapping[Member, Health] = field(default_factory=dict)
    began: float = 0.0
    """When the agent first knew anything, in seconds since the epoch."""

    @cached_property
    def wanted(self) -> Wanted:
        """What HAProxy is to run."""
        return plan(
            self.desired.config,
            self.zone,
            self.secret,
            self.registration.targets,
            self.registration.leaving(),
            self.health,
        )

    def take(self, desired: Desired, now: float) -> "Known":
        """Go on with a new input."""
        registration = register(self.registration, desired.config, self.zone, desired.registered, now)
        health = dict(self.health)
        for group, targets in registration.targets.items():
            was = {target.key for target in self.registration.targets.get(group, ())}
            alike = self._alike(desired.config.spec.group(group)) if group not in self.registration.targets else []
            for target in targets:
                if target.key not in was:  # also one that was leaving: its checks begin anew (ELB section 5.3)
                    known = [self.health.get((name, target.key)) for name in alike]
                    healthy = (found for found in known if found and found.state is State.HEALTHY)
                    health[group, target.key] = next(healthy, registered(now, ramps=bool(was)))
        return replace(self, desired=desired, registration=registration, health=health)

    def _alike(self, group: TargetGroup) -> list[str]:
        """The groups that are checked as a new one is to be: what is healthy there is so under another name too."""
        return [old.name for old in self.desired.config.spec.target_groups if _checked(old) == _checked(group)]

    def observe(self, running: Running, now: float) -> "Known":
        """Go on with what HAProxy says of the targets."""
        health: dict[Member, Health] = {}
        for group in self.desired.config.spec.target_groups:
            for (name, key), drain in self.registration.drains.items():
                if name == group.name:
                    health[name, key] = self.health.get((name, key), drain.health)
            health |= self._unused(group, now)
            if self.desired.config.spec.listeners_of(group):
                health |= self._registered(group, running, now)
        return replace(self, health=health)

    def _unused(self, group: TargetGroup, now: float) -> dict[Member, Health]:
        config = self.desired.config
        in_use = bool(config.spec.listeners_of(group))
        members = [
            (group.name, target.key)
            for target in self.desired.registered.get(group.name, ())
            if not in_use or not is_zone_enabled(config, target.zone)
        ]
        unused = {m: not_in_use(self.health.get(m, registered(now)), now, zone_is_off=in_use) for m in members}
        return self._taken_out(group, now) | unused

    def _taken_out(self, group: TargetGroup, now: float) -> dict[Member, Health]:
        config = self.desired.config
        if not config.spec.deregistered_targets:
            return {}
        members = [
            (group.name, target.key)
            for target in self.desired.registered.get(group.name, ())
            if is_deregistered(config, group, target)
        ]
        return {
            m: taken_out(self.health.get(m, registered(now)), now) for m in members if m not in self.registration.drains
        }

    def _registered(self, group: TargetGroup, running: Running, now: float) -> dict[Member, Health]:
        health: dict[Member, Health] = {}
        for target in self.registration.targets.get(group.name, ()):
            member = (group.name, target.key)
            row = running.stats.servers.get((backend_of(group), name_of(self.secret, group.name, target.key)))
            health[member] = self._health(self.health.get(member, registered(now)), row, group, now)
        return slow_start(self.health, health, group.slow_start.seconds, now)

    def _health(self, last: Health, row: Row | None, group: TargetGroup, now: float) -> Health:
        if not group.health_check.enabled:
            return unchecked(last, now)
        if row is None or row.is_maint:
            return last
        check = check_of(row, now)
        if last.state is State.HEALTHY and not check.up and check.passed:
            return last  # someone forced it down; it is put right, not found unhealthy
        return observe(last, check, group, now)

    def ending(self, now: float) -> frozenset[Place]:
        """The servers of unhealthy targets whose connections are to be closed (ELB section 2.7)."""
        places: set[Place] = set()
        groups = {group.name: group for group in self.desired.config.spec.target_groups if group.cuts_unhealthy}
        for group in self.wanted.groups if groups else ():
            spec = group.spec
            healthy = sum(server.state is State.HEALTHY for server in group.servers if not server.draining)
            if spec.name not in groups or (spec.fail_open and healthy < group.minimum):
                continue  # with too few of them, the unhealthy ones are what there is
            for server in group.servers:
                health = self.health.get((spec.name, server.target.key))
                if health is not None and not server.draining and not may_serve(health, spec, now):
                    places |= {(backend, server.name) for backend in backends_of(spec.name)}
        return frozenset(places)

    def forget(self, now: float) -> tuple["Known", frozenset[Place]]:
        """Drop the drains that are over; returns the servers whose connections are to be closed now."""
        registration, cut = forget(self.registration, now)
        places = {(backend, name_of(self.secret, group, key)) for group, key in cut for backend in backends_of(group)}
        return replace(self, registration=registration), frozenset(places)

    def next_change(self, now: float) -> float | None:
        """When the clock alone changes something: a drain's end, a verdict, a share that grows; in seconds since the epoch."""
        times = [drain.ends for drain in self.registration.drains.values()]
        for group in self.desired.config.spec.target_groups:
            interval = group.unhealthy_draining_interval
            for health in (h for (name, _), h in self.health.items() if name == group.name):
                if health.verdict is not None:
                    times.append(health.verdict)
                if interval is not None and health.state is State.UNHEALTHY_DRAINING:
                    times.append(health.since + interval.seconds)
                if (step := next_step(health, group.slow_start.seconds, now)) is not None:
                    times.append(step)
        return min((time for time in times if time > now), default=None)


def _checked(group: TargetGroup) -> tuple[object, ...]:
    """All that says how a group's targets are checked."""
    return group.health_check, group.protocol, group.protocol_version, group.tls, group.proxy_protocol


def check_of(row: Row, now: float) -> Check:
    """A server's last finished check; one that is running is marked by a star."""
    status = row.text("check_status").removeprefix("* ")
    changed = row.text("lastchg")
    return Check(
        up=row.is_up,
        status="" if status in ("INI", "UNK") else status,
        code=int(row.text("check_code")) if row.text("check_code") else None,
        since=now - int(changed) if changed else None,
        duration=row.number("check_duration") / 1000,
    )
