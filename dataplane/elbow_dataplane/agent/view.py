"""What an agent shows to the outside; replaced as a whole, never half changed."""

from collections import Counter
from dataclasses import dataclass, field

from elbow_dataplane.agent.state import Known
from elbow_dataplane.haproxy.diff import Running
from elbow_dataplane.haproxy.stats import Info


@dataclass(frozen=True)
class View:
    """One look."""

    known: Known | None = None
    running: Running | None = None
    info: Info | None = None
    workers: int = 0
    generation: int = 0
    """The newest generation that was read back as running; 0 before the first."""
    converged: bool = False
    faults: tuple[str, ...] = ()
    reloads: Counter[str] = field(default_factory=Counter)
    at: float = 0.0
    """Seconds since the epoch."""
