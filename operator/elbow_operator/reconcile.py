"""One level-triggered loop per load balancer: compare what is with what is wanted, and put right what differs."""

import hashlib
import json
import logging
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from elbow_api.fault import Fault, Refused
from elbow_api.load_balancer import LoadBalancer, parse
from elbow_api.proxy import ExposureType
from elbow_api.proxy_config import ProxyConfig, ZoneState
from elbow_api.proxy_report import ProxyReport
from elbow_kube.client import ApiError, Client, Object

from elbow_operator.plan.cluster import Node, Settings, zones_of
from elbow_operator.plan.naming import ZONE, name, zone_of
from elbow_operator.plan.objects import CONFIG_KEY, objects, secret
from elbow_operator.status.fold import fold
from elbow_operator.status.observed import Observed, ProxyPod, ZoneService
from elbow_operator.status.zone import zone_states

log = logging.getLogger("elbow")

Key = tuple[str, str]
"""A namespace and a name."""


@dataclass
class Owned:
    """The newest state of what belongs to one load balancer, as the API server told."""

    load_balancer: Object | None = None
    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    """By kind and name."""
    pods: dict[str, Object] = field(default_factory=dict)
    applied: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """What was applied, and the version the API server gave it."""
    good: LoadBalancer | None = None
    """The last spec that could be accepted."""
    good_generation: int = 0
    states: dict[str, ZoneState] = field(default_factory=dict)


class Reconciler:
    """Makes a load balancer's objects and status what they are to be."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self.client = client
        self.settings = settings
        self.nodes: dict[str, Node] = {}
        self.owned: dict[Key, Owned] = {}

    async def reconcile(self, key: Key, reports: Mapping[Key, ProxyReport]) -> float | None:
        """Once around for one load balancer; raises ApiError where the API server refuses.

        Returns the seconds until the clock alone changes something.
        """
        owned = self.owned.setdefault(key, Owned())
        resource = owned.load_balancer
        if resource is None and not owned.objects and not owned.pods:
            del self.owned[key]
        if resource is None or resource["metadata"].get("deletionTimestamp"):
            return None  # owner references do the rest
        faults = await self._accept(owned, resource)
        uid, generation = resource["metadata"]["uid"], resource["metadata"]["generation"]
        zones: tuple[str, ...] = ()
        if owned.good is not None:
            zones = zones_of(self.nodes.values(), owned.good.spec.zones, _present(owned))
            observed = self._observed(owned, owned.good, generation, faults, zones, key, reports)
            owned.states = zone_states(observed)
            await self._apply_all(owned, owned.good, uid, zones)
        else:
            observed = Observed(generation, 0, None, faults, zones, {})
        await self._write_status(resource, observed)
        return _ends_in(owned.good)

    async def _accept(self, owned: Owned, resource: Object) -> tuple[Fault, ...]:
        """The newest spec if it can be accepted, else the last good one: from memory, or from the proxies' own configuration."""
        metadata = {k: resource["metadata"][k] for k in ("name", "namespace")}
        document = {k: resource[k] for k in ("apiVersion", "kind", "spec") if k in resource} | {"metadata": metadata}
        try:
            owned.good, owned.good_generation = parse(document), resource["metadata"]["generation"]
        except Refused as refused:
            if owned.good is None:
                owned.good, owned.good_generation = await self._last_good(metadata)
            return refused.faults
        return ()

    async def _last_good(self, metadata: Object) -> tuple[LoadBalancer | None, int]:
        path = f"/api/v1/namespaces/{metadata['namespace']}/configmaps/{name(metadata['name'])}"
        try:
            config = ProxyConfig.model_validate_json((await self.client.get(path))["data"][CONFIG_KEY])
        except (ApiError, KeyError, ValueError):
            return None, 0
        whole = {"apiVersion": "elbow.dev/v1alpha1", "kind": "LoadBalancer", "metadata": metadata, "spec": config.spec}
        return LoadBalancer.model_validate(whole), config.generation

    async def _apply_all(self, owned: Owned, load_balancer: LoadBalancer, uid: str, zones: tuple[str, ...]) -> None:
        await self._ensure_secret(owned, load_balancer, uid)
        wanted = objects(
            load_balancer,
            uid=uid,
            generation=owned.good_generation,
            zones=zones,
            nodes=self.nodes.values(),
            states=owned.states,
            settings=self.settings,
        )
        kept = {(document["kind"], document["metadata"]["name"]) for document in wanted}
        for document in wanted:
            await self._apply(owned, document)
        for kind_and_name, document in list(owned.objects.items()):
            if kind_and_name not in kept and document["kind"] not in ("Secret", "Pod"):
                await self.client.delete(document)

    async def _apply(self, owned: Owned, document: Object) -> None:
        at = (document["kind"], document["metadata"]["name"])
        digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
        there = owned.objects.get(at)
        if there is not None and owned.applied.get(at) == (digest, _version(there)):
            return
        result = await self.client.apply(document)
        owned.applied[at] = (digest, _version(result))
        owned.objects[at] = result

    async def _ensure_secret(self, owned: Owned, load_balancer: LoadBalancer, uid: str) -> None:
        if ("Secret", name(load_balancer.metadata.name)) in owned.objects:
            return
        document = secret(load_balancer, uid, secrets.token_hex(32))
        try:
            owned.objects["Secret", document["metadata"]["name"]] = await self.client.create(document)
        except ApiError as error:
            if error.status != 409:
                raise

    def _observed(
        self,
        owned: Owned,
        load_balancer: LoadBalancer,
        generation: int,
        faults: tuple[Fault, ...],
        zones: tuple[str, ...],
        key: Key,
        reports: Mapping[Key, ProxyReport],
    ) -> Observed:
        lb, shift = load_balancer.metadata, load_balancer.spec.zonal_shift
        deployments = {zone: owned.objects.get(("Deployment", name(lb.name, zone))) for zone in zones}
        return Observed(
            generation=generation,
            running=owned.good_generation,
            spec=load_balancer.spec,
            faults=faults,
            zones=zones,
            desired={zone: (d or {}).get("spec", {}).get("replicas", 0) for zone, d in deployments.items()},
            pods=tuple(_pod(pod, reports.get((key[0], pod_name))) for pod_name, pod in sorted(owned.pods.items())),
            services=tuple(_zone_service(zone, owned, load_balancer, self.nodes.values()) for zone in zones),
            dns_name=f"{name(lb.name)}.{lb.namespace}.svc",
            shifted=frozenset({shift.away_from} if shift and shift.until_time > datetime.now(UTC) else ()),
            lost=frozenset(zones) - {node.zone for node in self.nodes.values() if node.ready},
        )

    async def _write_status(self, resource: Object, observed: Observed) -> None:
        before = resource.get("status") or {}
        status = fold(observed, before, datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"))
        if status == before:
            return
        document = {
            "apiVersion": resource["apiVersion"],
            "kind": resource["kind"],
            "metadata": {k: resource["metadata"][k] for k in ("name", "namespace")},
            "status": status,
        }
        resource["status"] = (await self.client.apply_status(document)).get("status", {})


def _ends_in(good: LoadBalancer | None) -> float | None:
    """Seconds until a zonal shift ends; none if none goes on."""
    if good is None or (shift := good.spec.zonal_shift) is None:
        return None
    left = (shift.until_time - datetime.now(UTC)).total_seconds()
    return min(left + 0.1, 3600.0) if left > 0 else None


def _present(owned: Owned) -> set[str]:
    """The zones that have proxies already."""
    return {
        zone_of(document["metadata"]["labels"].get(ZONE, ""))
        for (kind, _), document in owned.objects.items()
        if kind == "Deployment"
    }


def _version(document: Object) -> str:
    """What changes when someone changes the object: its generation, where it has one; a status doesn't count."""
    metadata = document["metadata"]
    return str(metadata.get("generation") or metadata["resourceVersion"])


def _pod(pod: Object, report: ProxyReport | None) -> ProxyPod:
    zone = zone_of(pod["metadata"]["labels"].get(ZONE, ""))
    return ProxyPod(pod["metadata"]["name"], zone, _is_ready(pod), report)


def _zone_service(zone: str, owned: Owned, load_balancer: LoadBalancer, nodes: Iterable[Node]) -> ZoneService:
    service = owned.objects.get(("Service", name(load_balancer.metadata.name, zone)))
    if service is None:
        return ZoneService(zone)
    match load_balancer.spec.exposed_by:
        case ExposureType.LOAD_BALANCER:
            ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
            found = [("IPAddress", i["ip"]) if i.get("ip") else ("Hostname", i["hostname"]) for i in ingress]
        case ExposureType.CLUSTER_IP:
            found = [("IPAddress", ip) for ip in service["spec"].get("clusterIPs", []) if ip != "None"]
        case _:
            found = [("IPAddress", ip) for ip in _node_addresses(zone, owned, service, nodes)]
    return ZoneService(zone, tuple(found))


def _node_addresses(zone: str, owned: Owned, service: Object, nodes: Iterable[Node]) -> list[str]:
    """Where a zone's NodePorts and host ports answer: at nodes with a ready proxy, unless others pass clients on."""
    passed_on = service["spec"].get("externalTrafficPolicy") == "Cluster"
    hosts = {
        pod["spec"].get("nodeName")
        for pod in owned.pods.values()
        if _is_ready(pod) and zone_of(pod["metadata"]["labels"].get(ZONE, "")) == zone
    }
    return sorted(
        node.addresses[0]
        for node in nodes
        if node.zone == zone and node.ready and node.addresses and (passed_on or node.name in hosts)
    )


def _is_ready(pod: Object) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions", []))
