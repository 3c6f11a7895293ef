"""What an agent shows to the outside; replaced as a whole, never half changed."""

from collections import Counter
from dataclasses import dataclass, field

from elbow_dataplane.agent.state import Known
from elbow_dataplane.haproxy.diff import Place, Running, is_busy
from elbow_dataplane.haproxy.stats import Info


@dataclass(frozen=True)
class View:
    """One look."""

    known: Known | None = None
    running: Running | None = None
    info: Info | None = None
    workers: int = 0
    finishing: frozenset[Place] = frozenset()
    """The servers on which workers that were replaced still serve something."""
    retired: bool = False
    """It has no listeners any more, and finishes what it serves."""
    generation: int = 0
    """The newest generation that was read back as running; 0 before the first."""
    converged: bool = False
    faults: tuple[str, ...] = ()
    reloads: Counter[str] = field(default_factory=Counter)
    at: float = 0.0
    """Seconds since the epoch."""

    def is_drained(self, place: Place, *, leaves: bool) -> bool:
        """Whether a server gets nothing any more and nothing is under way on it, on whichever worker."""
        if place in self.finishing or not (leaves or self.retired):
            return False
        return self.retired or (self.running is not None and not is_busy(self.running.stats, place))
