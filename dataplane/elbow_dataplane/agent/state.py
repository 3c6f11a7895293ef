"""What an agent knows at one moment, and how it goes on from what it reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from elbow_api.target_group import TargetGroup
from elbow_api.target_health import State

from elbow_dataplane.haproxy.diff import Place, Running
from elbow_dataplane.haproxy.render.server import backend_of, open_backend_of
from elbow_dataplane.haproxy.stats import Row
from elbow_dataplane.model.desired import Desired
from elbow_dataplane.model.health import Check, Health, observe, registered, unchecked
from elbow_dataplane.model.registration import Member, Registration, forget, register
from elbow_dataplane.model.target import name_of
from elbow_dataplane.model.wanted import Wanted, plan


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
        for member, drain in self.registration.drains.items():
            if member not in registration.drains:
                health[member] = registered(now)  # it came back: its checks begin anew (ELB section 5.3)
                del drain
        return replace(self, desired=desired, registration=registration, health=health)

    def observe(self, running: Running, now: float) -> "Known":
        """Go on with what HAProxy says of the targets."""
        health: dict[Member, Health] = {}
        for group in self.desired.config.spec.target_groups:
            if not self.desired.config.spec.listeners_of(group):
                continue
            members = [*self.registration.targets.get(group.name, ())]
            members += [d.target for (name, _), d in self.registration.drains.items() if name == group.name]
            for target in members:
                member = (group.name, target.key)
                row = running.stats.servers.get((backend_of(group), name_of(self.secret, group.name, target.key)))
                last = self.health.get(member, registered(now))
                health[member] = self._health(member, last, row, group, now)
        return replace(self, health=health)

    def _health(self, member: Member, last: Health, row: Row | None, group: TargetGroup, now: float) -> Health:
        if not group.health_check.enabled:
            return last if last.state is State.UNAVAILABLE else unchecked(now)
        if row is None or row.is_maint or member in self.registration.drains:
            return last
        check = check_of(row, now)
        if last.state is State.HEALTHY and not check.up and check.passed:
            return last  # someone forced it down; it is put right, not found unhealthy
        return observe(last, check, group, now)

    def forget(self, now: float) -> tuple["Known", frozenset[Place]]:
        """Drop the drains that are over; returns the servers whose connections are to be closed now."""
        registration, cut = forget(self.registration, now)
        groups = {group.name: group for group in self.desired.config.spec.target_groups}
        places: set[Place] = set()
        for group, key in cut:
            name = name_of(self.secret, group, key)
            spec = groups.get(group)
            places |= (
                {(backend_of(spec), name), (open_backend_of(spec), name)}
                if spec
                else {(f"tg_{group}", name), (f"tg_{group}_open", name)}
            )
        return replace(self, registration=registration), frozenset(places)

    def next_change(self, now: float) -> float | None:
        """When the clock alone changes something: a drain's end, an initial target's verdict; seconds since the epoch."""
        times = [drain.ends for drain in self.registration.drains.values()]
        for group in self.desired.config.spec.target_groups:
            wait = (group.health_check.unhealthy_threshold - 1) * group.health_check.interval.seconds
            times += [
                h.failing_since + wait
                for (name, _), h in self.health.items()
                if name == group.name and h.failing_since is not None
            ]
        return min((time for time in times if time > now), default=None)


def check_of(row: Row, now: float) -> Check:
    """A server's last finished check; one that is running is marked by a star."""
    status = row.text("check_status").removeprefix("* ")
    changed = row.text("lastchg")
    return Check(
        up=row.is_up,
        status="" if status in ("INI", "UNK") else status,
        code=int(row.text("check_code")) if row.text("check_code") else None,
        since=now - int(changed) if changed else None,
    )
