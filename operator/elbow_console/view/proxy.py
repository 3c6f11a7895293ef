"""A proxy as its pod shows it."""

from elbow_api.names import ZONE
from elbow_kube.object import Object, conditions, holds
from elbow_kube.pod import stuck, unscheduled

from elbow_console.view.snapshot import labels


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
    if pod["metadata"].get("deletionTimestamp"):
        return "ending", "Terminating", "It finishes what it serves"
    if holds(pod, "Ready"):
        return "ready", "", ""
    for _, waiting in stuck(pod):
        return "failing", waiting["reason"], waiting.get("message", "")
    if (condition := unscheduled(pod)) is not None:
        return "failing", condition.get("reason", ""), condition.get("message", "")
    ready, phase = conditions(pod).get("Ready", {}), (pod.get("status") or {}).get("phase", "")
    return "starting", ready.get("reason") or phase, ready.get("message", "")
