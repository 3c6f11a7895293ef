"""Conditions, as Kubernetes has them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from elbow_operator.status.reason import Reason


@dataclass(frozen=True)
class Condition:
    """One condition, before it is stamped."""

    type: str
    true: bool
    reason: Reason
    message: str = ""


def merge(before: Iterable[dict[str, Any]], now: Iterable[Condition], generation: int, at: str) -> list[dict[str, Any]]:
    """The conditions as they are written; the time of one whose status didn't change stays."""
    old = {condition["type"]: condition for condition in before}
    return [_stamp(condition, old.get(condition.type), generation, at) for condition in now]


def _stamp(condition: Condition, old: dict[str, Any] | None, generation: int, at: str) -> dict[str, Any]:
    status = "True" if condition.true else "False"
    since = old["lastTransitionTime"] if old and old.get("status") == status else at
    return {
        "type": condition.type,
        "status": status,
        "reason": condition.reason.value,
        "message": condition.message,
        "observedGeneration": generation,
        "lastTransitionTime": since,
    }
