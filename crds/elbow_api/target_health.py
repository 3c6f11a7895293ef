"""A target's health in ELB's words (ELB section 2.5)."""

from enum import StrEnum

from elbow_api.base import Model


class State(StrEnum):
    """What a target may receive."""

    INITIAL = "initial"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNHEALTHY_DRAINING = "unhealthy.draining"
    UNUSED = "unused"
    DRAINING = "draining"
    UNAVAILABLE = "unavailable"


SICK_FIRST = (
    State.UNHEALTHY,
    State.UNHEALTHY_DRAINING,
    State.INITIAL,
    State.DRAINING,
    State.UNAVAILABLE,
    State.HEALTHY,
    State.UNUSED,
)
"""The order in which targets are shown; of several opinions of one target, the first counts."""


class Reason(StrEnum):
    """Why a target isn't healthy."""

    REGISTRATION_IN_PROGRESS = "Elb.RegistrationInProgress"
    INITIAL_HEALTH_CHECKING = "Elb.InitialHealthChecking"
    INTERNAL_ERROR = "Elb.InternalError"
    RESPONSE_CODE_MISMATCH = "Target.ResponseCodeMismatch"
    TIMEOUT = "Target.Timeout"
    FAILED_HEALTH_CHECKS = "Target.FailedHealthChecks"
    NOT_REGISTERED = "Target.NotRegistered"
    NOT_IN_USE = "Target.NotInUse"
    DEREGISTRATION_IN_PROGRESS = "Target.DeregistrationInProgress"
    HEALTH_CHECK_DISABLED = "Target.HealthCheckDisabled"


DESCRIPTIONS = {
    Reason.REGISTRATION_IN_PROGRESS: "Target registration is in progress",
    Reason.INITIAL_HEALTH_CHECKING: "Initial health checks in progress",
    Reason.INTERNAL_ERROR: "Health checks failed due to an internal error",
    Reason.RESPONSE_CODE_MISMATCH: "Health checks failed with these codes: [{code}]",
    Reason.TIMEOUT: "Request timed out",
    Reason.FAILED_HEALTH_CHECKS: "Health checks failed",
    Reason.NOT_REGISTERED: "Target is not registered to the target group",
    Reason.NOT_IN_USE: "Target group is not configured to receive traffic from the load balancer",
    Reason.DEREGISTRATION_IN_PROGRESS: "Target deregistration is in progress",
    Reason.HEALTH_CHECK_DISABLED: "Health checks are disabled",
}
ZONE_NOT_ENABLED = "Target is in an Availability Zone that is not enabled for the load balancer"


class TargetHealth(Model):
    """One target of a group as one proxy sees it."""

    address: str
    port: int
    zone: str | None = None
    pod: str | None = None
    node: str | None = None
    weight: int = 1
    state: State
    reason: Reason | None = None
    description: str | None = None
    since: str
    """When the state began, UTC, ISO 8601."""
    drained: bool | None = None
    """It gets nothing any more and nothing is under way on it, though it is draining still (ELB: deregistration is complete)."""
