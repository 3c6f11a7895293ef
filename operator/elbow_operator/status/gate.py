"""The readiness gate of targets: a pod that asks for it is ready only once every proxy that is to use it has it healthy.

Kubernetes: pod readiness, readinessGates. A condition that was true stays so: what happens to a target later is its
health, which the proxies act upon by themselves.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from elbow_api.load_balancer import LoadBalancerSpec
from elbow_api.proxy_report import ProxyReport, TargetGroupReport
from elbow_api.target_health import State
from elbow_kube.object import Object, conditions, holds

from elbow_operator.status.observed import ProxyPod

LABEL = "elbow.dev/readiness-gate"
"""Pods that ask."""
CONDITION = "elbow.dev/load-balanced"
OVERLAP = 30.0
"""Seconds a pod that became ready is named still: the endpoints tell so a little later than the pod."""


@dataclass(frozen=True)
class Balancer:
    """A load balancer of the pod's namespace."""

    name: str
    spec: LoadBalancerSpec
    proxies: tuple[ProxyPod, ...]


def is_gated(pod: Object) -> bool:
    """Whether the pod waits for the condition."""
    return any(gate["conditionType"] == CONDITION for gate in pod["spec"].get("readinessGates") or [])


def is_waiting(pod: Object) -> bool:
    """Whether the condition is still to come."""
    return is_gated(pod) and not holds(pod, CONDITION)


def awaited(pods: Iterable[Object], now: datetime) -> tuple[str, ...]:
    """The pods that proxies are to use though they aren't ready: nothing but the gate keeps them from it."""
    return tuple(sorted(pod["metadata"]["name"] for pod in pods if _is_awaited(pod, now)))


def _is_awaited(pod: Object, now: datetime) -> bool:
    if not is_gated(pod) or pod["metadata"].get("deletionTimestamp"):
        return False
    if not holds(pod, "ContainersReady"):
        return False
    if not holds(pod, "Ready"):
        return True
    since = datetime.fromisoformat(conditions(pod)["Ready"]["lastTransitionTime"])
    return (now - since).total_seconds() < OVERLAP


def condition(pod: Object, zone: str, balancers: Iterable[Balancer], now: str) -> Object | None:
    """The condition to write on a pod of a zone; none if there is nothing to write."""
    if not is_waiting(pod):
        return None
    before = conditions(pod).get(CONDITION, {})
    status, reason, message = _verdict(pod["metadata"]["name"], zone, list(balancers))
    if (before.get("status"), before.get("reason"), before.get("message")) == (status, reason, message):
        return None
    since = before.get("lastTransitionTime", now) if before.get("status") == status else now
    return {
        "type": CONDITION,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": since,
    }


def _verdict(pod: str, zone: str, balancers: list[Balancer]) -> tuple[str, str, str]:
    if not balancers:
        return "True", "NoLoadBalancer", "the namespace has no LoadBalancer"
    users = [(lb, group) for lb in balancers for group in _groups_with(pod, lb)]
    if not users:
        return "False", "NotATarget", "no LoadBalancer of the namespace has the pod as a target yet"
    for lb, group in users:
        for proxy in lb.proxies:
            if proxy.ready and _uses(lb.spec, group, proxy.zone, zone) and not _has_healthy(proxy.report, group, pod):
                return "False", "NotYetHealthy", f"{lb.name}: {proxy.name} hasn't found it healthy in {group} yet"
    return "True", "Healthy", ""


def _groups_with(pod: str, balancer: Balancer) -> set[str]:
    """The target groups in which any proxy has the pod."""
    reports = [proxy.report for proxy in balancer.proxies if proxy.report is not None]
    return {g.name for report in reports for g in report.target_groups if _health(g, pod)}


def _uses(spec: LoadBalancerSpec, group: str, proxy_zone: str, pod_zone: str) -> bool:
    wanted = spec.group(group)
    return not proxy_zone or spec.is_cross_zone(wanted) or proxy_zone == pod_zone


def _has_healthy(report: ProxyReport | None, group: str, pod: str) -> bool:
    groups = [] if report is None else [g for g in report.target_groups if g.name == group]
    states = [state for g in groups for state in _health(g, pod)]
    return bool(states) and all(state in (State.HEALTHY, State.UNUSED, State.UNAVAILABLE) for state in states)


def _health(group: TargetGroupReport, pod: str) -> list[State]:
    return [target.state for target in group.targets if target.pod == pod and target.state is not State.DRAINING]
