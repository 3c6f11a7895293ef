"""Process-wide variables that rules read and the agent sets while HAProxy runs (HAProxy management guide, set var)."""

import re
from collections.abc import Iterable

from elbow_api.target_group import TargetGroup

from elbow_dataplane.model.wanted import Group

MARK = "proc.elbow"
"""Names the configuration a worker was started with."""
DRAINING = "proc.draining"
"""0; while the proxy drains, seconds that make every connection too old to be kept."""
_AGES = 10**9

_UNLIMITED = 2**31 - 1
_ANSWER = re.compile(r"^(proc\.\w+): type=(?:sint|str) value=<(.*)>$", re.MULTILINE)


def variables(group: Group) -> dict[str, int]:
    """What a group's variables are to hold."""
    sticky = group.spec.stickiness
    limit = group.spec.max_connections_per_target
    values = {
        minimum_variable(group.spec): group.minimum,
        limit_variable(group.spec): limit or 0,
        # Without a limit per target nothing ever waits, and nothing spills over.
        queue_variable(group.spec): group.spec.surge_queue.length if limit else _UNLIMITED,
    }
    if sticky is not None:
        values[duration_variable(group.spec)] = int(sticky.duration.seconds)
    return values


def minimum_variable(group: TargetGroup) -> str:
    """How many healthy targets the group needs; with fewer, all are used."""
    return f"proc.min_{_safe(group.name)}"


def limit_variable(group: TargetGroup) -> str:
    """How much one target of the group serves at a time."""
    return f"proc.limit_{_safe(group.name)}"


def queue_variable(group: TargetGroup) -> str:
    """How long the group's surge queue may be."""
    return f"proc.queue_{_safe(group.name)}"


def duration_variable(group: TargetGroup) -> str:
    """How many seconds a client stays tied to its target."""
    return f"proc.sticky_{_safe(group.name)}"


def drain(*, on: bool) -> str:
    """The command after which clients are told to close, or are no longer."""
    return f"experimental-mode on;set var {DRAINING} int({_AGES if on else 0})"


def ask(names: Iterable[str]) -> list[str]:
    """The commands that ask for variables."""
    return [f"get var {name}" for name in names]


def parse_variables(answer: str) -> dict[str, str]:
    """Take the answer to `ask`."""
    return dict(_ANSWER.findall(answer))


def _safe(name: str) -> str:
    """A DNS label as part of a variable's name; labels hold no underscore, so no two collide."""
    return name.replace("-", "_")
