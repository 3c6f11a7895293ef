"""Whether an object is as it was planned: told from the object itself, so that a new operator needn't write it again."""

import hashlib
import json
from typing import Any

from elbow_api.names import LOAD_BALANCER
from elbow_kube.object import Object

APPLIED = "elbow.dev/applied"
"""The annotation that names what was last applied: what is planned no more is seen by it."""


def stamped(document: Object) -> Object:
    """The object with its own digest in an annotation."""
    metadata = document["metadata"]
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]
    return {
        **document,
        "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), APPLIED: digest}},
    }


def is_as_planned(planned: Object, there: Object) -> bool:
    """Whether all that is planned is there; what others added to the object is theirs."""
    return _holds(there, planned)


def why_not_ours(planned: Object, there: Object) -> str | None:
    """Why an object that is there already can't become the planned one; none if it was made for the same load balancer."""
    planned, there = planned["metadata"], there["metadata"]
    owners = there.get("ownerReferences") or []
    if any(owner["uid"] == planned["ownerReferences"][0]["uid"] for owner in owners):
        return None
    for owner in owners:
        if owner.get("controller"):
            return f"the name is taken by one of {owner['kind']} {owner['name']}; give this load balancer another name"
    if (there.get("labels") or {}).get(LOAD_BALANCER) == planned["labels"][LOAD_BALANCER]:
        return None
    return "there is one already, which Elbow didn't make; delete it, or give this load balancer another name"


def _holds(there: Any, planned: Any) -> bool:
    if isinstance(planned, dict):
        return isinstance(there, dict) and all(_holds(there.get(key), value) for key, value in planned.items())
    if isinstance(planned, list):
        return isinstance(there, list) and len(there) == len(planned) and all(map(_holds, there, planned))
    return bool(there == planned)
