"""What there is to look at: the load balancer, its proxies and targets, and the cluster around them."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from elbow_api.names import LOAD_BALANCER, NODE_ZONE
from elbow_kube.client import ApiError
from elbow_kube.object import Object

from elbow_kubectl.cluster import Cluster
from elbow_kubectl.load_balancers import condition
from elbow_kubectl.views import View, views

_OPERATOR = "app.kubernetes.io/name=elbow-operator"


@dataclass(frozen=True)
class Surroundings:
    """What all load balancers share. A list is None where the user may not read it."""

    operators: tuple[Object, ...] | None = ()
    """The Deployments of operators."""
    nodes: tuple[Object, ...] | None = ()

    @property
    def zones(self) -> list[str]:
        """The zones there are."""
        labels = (node["metadata"].get("labels") or {} for node in self.nodes or ())
        return sorted({found[NODE_ZONE] for found in labels if NODE_ZONE in found})


@dataclass(frozen=True)
class Evidence:
    """One load balancer, and its namespace. A list is None where the user may not read it."""

    load_balancer: Object
    now: datetime
    views: tuple[View, ...] = ()
    services: tuple[Object, ...] | None = ()
    pods: tuple[Object, ...] | None = ()
    policies: tuple[Object, ...] | None = ()
    autoscalers: tuple[Object, ...] | None = ()
    around: Surroundings = field(default_factory=Surroundings)

    @property
    def name(self) -> str:
        """The load balancer's name."""
        return str(self.load_balancer["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return str(self.load_balancer["metadata"].get("namespace", "default"))

    @property
    def spec(self) -> Object:
        """What is wanted."""
        found: Object = self.load_balancer["spec"]
        return found

    @cached_property
    def status(self) -> Object:
        """What the operator reported; empty before it did."""
        return self.load_balancer.get("status") or {}

    @property
    def is_observed(self) -> bool:
        """Whether any proxy told what targets there are: without one, none are known."""
        zones = self.status.get("zones") or []
        return any(view.report for view in self.views) or any(zone["proxies"].get("converged") for zone in zones)

    def condition(self, kind: str) -> Object:
        """One of its conditions."""
        return condition(self.load_balancer, kind)

    def service(self, name: str) -> Object | None:
        """A Service of the namespace."""
        return named(self.services or (), name)

    def pods_of(self, service: Object) -> list[Object]:
        """The pods a Service selects, those on their way out left aside."""
        return [pod for pod in selected(service["spec"].get("selector"), self.pods or ()) if not leaving(pod)]


def named(objects: Iterable[Object], name: str) -> Object | None:
    """The object of that name."""
    return next((one for one in objects if one["metadata"]["name"] == name), None)


def selected(labels: Object | None, pods: Iterable[Object]) -> list[Object]:
    """The pods that have all the labels; a Service without a selector selects none."""
    return [pod for pod in pods if labels and labels.items() <= (pod["metadata"].get("labels") or {}).items()]


def leaving(pod: Object) -> bool:
    """Whether a pod is being deleted, or has done its work."""
    return "deletionTimestamp" in pod["metadata"] or pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


async def look(cluster: Cluster, load_balancer: Object, around: Surroundings, now: datetime) -> Evidence:
    """Look at a load balancer."""
    space = str(load_balancer["metadata"].get("namespace", cluster.namespace))
    seen, services, pods, policies, autoscalers = await asyncio.gather(
        views(cluster, load_balancer),
        _readable(cluster, "/api/v1", "services", space),
        _readable(cluster, "/api/v1", "pods", space),
        _readable(cluster, "/apis/networking.k8s.io/v1", "networkpolicies", space),
        _readable(cluster, "/apis/autoscaling/v2", "horizontalpodautoscalers", space, LOAD_BALANCER),
    )
    return Evidence(load_balancer, now, tuple(seen), services, pods, policies, autoscalers, around)


async def look_around(cluster: Cluster) -> Surroundings:
    """Look at what all load balancers share."""
    everywhere = Cluster(cluster.client, cluster.namespace, everywhere=True)
    operators, nodes = await asyncio.gather(
        _readable(everywhere, "/apis/apps/v1", "deployments", None, _OPERATOR),
        _readable(everywhere, "/api/v1", "nodes", None),
    )
    return Surroundings(operators, nodes)


async def _readable(
    cluster: Cluster, api: str, plural: str, namespace: str | None, labels: str = ""
) -> tuple[Object, ...] | None:
    try:
        return tuple(await cluster.objects(api, plural, labels, namespace))
    except ApiError as error:
        if error.status in (403, 404):
            return None
        raise
