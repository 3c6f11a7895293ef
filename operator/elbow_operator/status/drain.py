"""The end of targets that wait for it: a pod is drained once no proxy may send it anything more, or still serves something on it."""

from collections.abc import Iterable, Mapping

from elbow_api.proxy_report import ProxyReport
from elbow_kube.object import Object

LABEL = "elbow.dev/drain"
"""Pods that wait."""
ANY = "*"
"""Ends the beginning of a name: when a pod is admitted that a controller made, its name isn't known yet."""


def leaving(pods: Iterable[Object]) -> frozenset[str]:
    """The pods that are being deleted. One whose container alone is ended, to be started again, stays a target."""
    return frozenset(pod["metadata"]["name"] for pod in pods if pod["metadata"].get("deletionTimestamp"))


def meant(name: str, pods: Iterable[str]) -> frozenset[str]:
    """The pods a question may be about: the one of that name, or all whose names begin so."""
    if name.endswith(ANY):
        return frozenset(pod for pod in pods if pod.startswith(name.removesuffix(ANY)))
    return frozenset(pod for pod in pods if pod == name)


def served(report: ProxyReport) -> frozenset[str]:
    """The pods a proxy isn't done with."""
    targets = (target for group in report.target_groups for target in group.targets)
    return frozenset(target.pod for target in targets if target.pod is not None and not target.drained)


def holder(pods: frozenset[str], served: Mapping[str, frozenset[str]], ready: Iterable[str]) -> str | None:
    """A proxy that is waited for; None: the pods are drained.

    `served` has the pods each proxy that reports isn't done with, also of those that are ending themselves. One that is ready
    and reports nothing may serve anything.
    """
    if not pods:
        return None
    for proxy, busy in served.items():
        if busy & pods:
            return proxy
    return next((proxy for proxy in ready if proxy not in served), None)
