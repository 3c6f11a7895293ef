"""The clock of targets that leave (ELB section 5)."""

from dataclasses import dataclass

from elbow_api.target_health import Reason, State

from elbow_dataplane.model.health import Health
from elbow_dataplane.model.target import Target


@dataclass(frozen=True)
class Drain:
    """A target that is deregistered and may finish what it serves."""

    target: Target
    began: float
    """Seconds since the epoch."""
    delay: float
    """Seconds; the deregistration delay when it began."""
    cuts: bool
    """Whether what is left at the end is closed."""

    @property
    def ends(self) -> float:
        """When the delay is over, in seconds since the epoch."""
        return self.began + self.delay

    @property
    def health(self) -> Health:
        """How it is reported, for as long as the delay runs."""
        return Health(State.DRAINING, self.began, Reason.DEREGISTRATION_IN_PROGRESS)
