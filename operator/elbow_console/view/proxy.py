"""A proxy as its pod shows it."""

from typing import Any

from elbow_console.view.snapshot import ZONE, labels

Object = dict[str, Any]


def proxy(pod: Object) -> Object:
    """Name, node and zone of a proxy, and its state: ready, starting, failing, or ending."""
    state, reason, message = _state(pod)
    return {
        "name": pod["metadata"]["name"],
        "node": (pod.get("spec") or {}).get("nodeName", ""),
        "zone": labels(pod).get(ZONE, ""),
        "state": state,
        "reason": reason,
        "message": message,
    }


def is_asked(pod: Object) -> bool:
    """Whether its admin port may answer."""
    return (pod.get("status") or {}).get("phase") == "Running"


def _state(pod: Object) -> tuple[str, str, str]:
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp"):
        return "ending", "Terminating", "It finishes what it serves"
    conditions = {condition["type"]: condition for condition in status.get("conditions") or []}
    if conditions.get("Ready", {}).get("status") == "True":
        return "ready", "", ""
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting and waiting.get("reason") not in ("PodInitializing", "ContainerCreating"):
            return "failing", waiting.get("reason", ""), waiting.get("message", "")
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return "failing", scheduled.get("reason", ""), scheduled.get("message", "")
    ready = conditions.get("Ready", {})
    return "starting", ready.get("reason", "") or status.get("phase", ""), ready.get("message", "")
