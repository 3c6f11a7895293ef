"""An object of the API server as it sends it: JSON, whose fields nobody here has checked."""

from typing import Any

Object = dict[str, Any]


def conditions(document: Object) -> dict[str, Object]:
    """The conditions of its status, by type; none before it has a status."""
    found = (document.get("status") or {}).get("conditions") or []
    return {condition["type"]: condition for condition in found}


def holds(document: Object, condition: str) -> bool:
    """Whether a condition is True; one that is missing isn't."""
    return bool(conditions(document).get(condition, {}).get("status") == "True")
