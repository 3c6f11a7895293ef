"""What each proxy of a load balancer says of itself, asked at its admin port."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from elbow_kube.client import ApiError
from elbow_kube.object import Object

from elbow_kubectl.cluster import Cluster, zone_of


@dataclass(frozen=True)
class View:
    """A proxy's pod, and its answer."""

    pod: Object
    page: str = ""
    """What it answered; empty if it didn't."""
    fault: str = ""
    """Why it didn't."""
    status: int = 0
    """The API server's answer where that is why."""
    report: Object = field(default_factory=dict)
    """The page, where it is a report (elbow_api.proxy_report)."""

    @property
    def name(self) -> str:
        """The pod's name."""
        return str(self.pod["metadata"]["name"])

    @property
    def zone(self) -> str:
        """The proxy's zone; empty in a cluster without zones."""
        return zone_of(self.pod)


async def views(cluster: Cluster, load_balancer: Object, page: str = "report") -> list[View]:
    """Every proxy's answer, by zone and name; one that can't be asked is told with why."""
    return list(await asyncio.gather(*(view(cluster, pod, page) for pod in await cluster.proxies(load_balancer))))


async def view(cluster: Cluster, pod: Object, page: str = "report") -> View:
    """One proxy's answer."""
    try:
        text = await cluster.admin(pod, page)
        return View(pod, text, report=json.loads(text) if page == "report" else {})
    except ApiError as error:
        return View(pod, fault=_why(pod, error), status=error.status)
    except (OSError, ValueError) as error:
        return View(pod, fault=str(error) or type(error).__name__)


def silent(found: Iterable[View]) -> str:
    """Why proxies can't be asked, if none of them can; the first reason, with the way out."""
    found = list(found)
    if not found or any(one.page for one in found):
        return ""
    first = next((one for one in found if one.fault), None)
    if first is None:
        return ""
    if first.status == 403:
        return "you may not ask the proxies (get on pods/proxy): ask for the ClusterRole elbow-view, or edit"
    return f"no proxy can be asked ({first.fault})"


def _why(pod: Object, error: ApiError) -> str:
    if error.status in (500, 502, 503, 504):
        phase = pod.get("status", {}).get("phase", "Unknown")
        if phase != "Running":
            return f"the pod is {phase}"
        return f"the API server doesn't reach its admin port: {error}"
    return str(error)
