"""From what HAProxy's checks say to ELB's states and reasons (ELB sections 2.3 and 2.5)."""

from dataclasses import dataclass

from elbow_api.target_group import TargetGroup
from elbow_api.target_health import DESCRIPTIONS, ZONE_NOT_ENABLED, Reason, State

_TIMEOUTS = ("L4TOUT", "L6TOUT", "L7TOUT")
CHECK_SPREAD = 2
"""Percent by which HAProxy varies the interval, lest all checks come at once."""


@dataclass(frozen=True)
class Check:
    """The last finished check of a target, in HAProxy's words."""

    up: bool
    """Whether HAProxy counts the target as up."""
    status: str = ""
    """`L7OK`, `L4CON`, ... (HAProxy management guide, 9.1, check_status); empty before the first check ended."""
    code: int | None = None
    since: float | None = None
    """When the target last went up or down, in seconds since the epoch, as HAProxy knows it."""
    duration: float = 0.0
    """How long the check took, in seconds."""

    @property
    def passed(self) -> bool:
        """Whether the last check was a success."""
        return self.status.endswith("OK") or self.status == "L7OKC"

    @property
    def failed(self) -> bool:
        """Whether the last check was a failure."""
        return bool(self.status) and not self.passed


@dataclass(frozen=True)
class Health:
    """A target's state, and since when."""

    state: State
    since: float
    reason: Reason | None = None
    detail: str = ""
    """The code in the description of a mismatch, or the description itself where a reason has several."""
    verdict: float | None = None
    """When an initial target whose checks fail is found unhealthy, in seconds since the epoch."""
    ramp: float | None = None
    """When its slow start began, in seconds since the epoch."""
    share: float = 1.0
    """The part of its full weight that it has, 0 to 1."""
    ramps: bool = True
    """Whether it begins with a slow start once healthy; not if an empty group was filled with it (ELB section 3.5)."""

    @property
    def description(self) -> str | None:
        """ELB's description of the reason."""
        if self.reason is None:
            return None
        if self.reason is Reason.NOT_IN_USE and self.detail:
            return self.detail
        return DESCRIPTIONS[self.reason].format(code=self.detail)


def registered(now: float, *, ramps: bool = True) -> Health:
    """A target that was just registered."""
    return Health(State.INITIAL, now, Reason.REGISTRATION_IN_PROGRESS, ramps=ramps)


def not_in_use(last: Health, now: float, *, zone_is_off: bool) -> Health:
    """A target that can't get traffic: no listener forwards to its group, or its zone isn't enabled."""
    began = last.since if last.state is State.UNUSED else now
    return Health(State.UNUSED, began, Reason.NOT_IN_USE, ZONE_NOT_ENABLED if zone_is_off else "")


def taken_out(last: Health, now: float) -> Health:
    """A target that was deregistered by hand and has drained."""
    began = last.since if last.state is State.UNUSED else now
    return Health(State.UNUSED, began, Reason.NOT_REGISTERED)


def unchecked(last: Health, now: float) -> Health:
    """A target of a group without health checks."""
    began = last.since if last.state is State.UNAVAILABLE else now
    return Health(State.UNAVAILABLE, began, Reason.HEALTH_CHECK_DISABLED)


def may_serve(health: Health, group: TargetGroup, now: float) -> bool:
    """Whether connections to a target may go on: not where those to an unhealthy one are to be cut (ELB section 2.7)."""
    if health.state not in (State.UNHEALTHY, State.UNHEALTHY_DRAINING):
        return True
    if group.unhealthy_connection_termination:
        return False
    interval = group.unhealthy_draining_interval
    return interval is None or now < health.since + interval.seconds


def observe(last: Health, check: Check, group: TargetGroup, now: float) -> Health:
    """The health of a registered target after what HAProxy now says of it."""
    if check.up:
        return last if last.state is State.HEALTHY else Health(State.HEALTHY, _began(last, check, now))
    if last.state in (State.INITIAL, State.UNUSED, State.UNAVAILABLE):
        return _initial(last, check, group, now)
    began = last.since if last.state in (State.UNHEALTHY, State.UNHEALTHY_DRAINING) else _began(last, check, now)
    return _unhealthy(last, check, group, began, now)


def _initial(last: Health, check: Check, group: TargetGroup, now: float) -> Health:
    """Initial until one success, or until enough failures (ELB section 2.3, rules 5 and 10)."""
    since = last.since if last.state is State.INITIAL else now
    if not check.failed:
        verdict = last.verdict if check.status else None
        return Health(State.INITIAL, since, Reason.INITIAL_HEALTH_CHECKING, verdict=verdict)
    # HAProxy counts no failures of a server that is down already; its period tells how many there were.
    settings = group.health_check
    period = settings.interval.seconds * (1 + CHECK_SPREAD / 100) + check.duration
    verdict = last.verdict or now + (settings.unhealthy_threshold - 1) * period
    if now >= verdict:
        return _unhealthy(last, check, group, now, now)
    return Health(State.INITIAL, since, Reason.INITIAL_HEALTH_CHECKING, verdict=verdict)


def _unhealthy(last: Health, check: Check, group: TargetGroup, began: float, now: float) -> Health:
    reason, detail = (last.reason, last.detail)
    if check.failed or reason is None or last.state is State.INITIAL:
        reason, detail = _why(check, group)
    interval = group.unhealthy_draining_interval
    draining = interval is not None and now < began + interval.seconds
    return Health(State.UNHEALTHY_DRAINING if draining else State.UNHEALTHY, began, reason, detail)


def _why(check: Check, group: TargetGroup) -> tuple[Reason, str]:
    if not group.protocol.is_http:  # NLB tells no more (ELB section 2.5)
        return Reason.FAILED_HEALTH_CHECKS, ""
    if check.status == "L7STS" and check.code is not None:
        return Reason.RESPONSE_CODE_MISMATCH, str(check.code)
    if check.status in _TIMEOUTS:
        return Reason.TIMEOUT, ""
    return Reason.FAILED_HEALTH_CHECKS, ""


def _began(last: Health, check: Check, now: float) -> float:
    """When HAProxy saw the change, if that was after the last state began; a moment ago otherwise."""
    if check.since is not None and check.since > last.since:
        return min(check.since, now)
    return now
