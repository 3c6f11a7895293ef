"""One level-triggered loop per load balancer: compare what is with what is wanted, and put right what differs."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from elbow_api.fault import Fault, Refused
from elbow_api.load_balancer import LoadBalancer, parse
from elbow_api.names import CONFIG_KEY
from elbow_api.proxy_config import ProxyConfig
from elbow_api.proxy_report import ProxyReport
from elbow_api.timestamp import timestamp
from elbow_kube.client import ApiError, Client
from elbow_kube.object import Object

from elbow_operator.applier import Applier, Refusal, with_refusals
from elbow_operator.gates import Gates
from elbow_operator.metrics import Metrics
from elbow_operator.observation import named, observation, proxies
from elbow_operator.owned import Key, Owned
from elbow_operator.plan.capacity import changes_in
from elbow_operator.plan.cluster import Node, Settings, zones_of
from elbow_operator.plan.naming import name
from elbow_operator.recorder import Recorder
from elbow_operator.status.events import events
from elbow_operator.status.fold import fold
from elbow_operator.status.gate import Balancer
from elbow_operator.status.observed import Observed
from elbow_operator.status.zone import zone_states

_RETRY = 10.0
"""Seconds until what was refused is tried again."""
_SPACING = 1.0
"""Seconds between two writes of a status."""
_PATIENCE = 0.6
"""Seconds proxies that work have to take up a new spec before the status says that they haven't."""


class Reconciler:
    """Makes a load balancer's objects and status what they are to be."""

    def __init__(
        self,
        client: Client,
        settings: Settings,
        metrics: Metrics,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.client = client
        self.settings = settings
        self.metrics = metrics
        self.now = now
        self.nodes: dict[str, Node] = {}
        self.owned: dict[Key, Owned] = {}
        self.gates = Gates(client)
        self._applier = Applier(client, settings, metrics)
        self._recorder = Recorder(client, settings.identity)

    async def reconcile(self, key: Key, reports: Mapping[Key, ProxyReport]) -> float | None:
        """Once around for one load balancer; raises ApiError where the API server refuses.

        Returns the seconds until the clock alone changes something.
        """
        owned = self.owned.setdefault(key, Owned())
        resource = owned.load_balancer
        if resource is None and not owned.objects and not owned.pods:
            del self.owned[key]
        if resource is None or resource["metadata"].get("deletionTimestamp"):
            self.metrics.forget(key)
            return None  # owner references do the rest
        faults = await self._accept(owned, resource)
        refused: list[Refusal] = []
        if owned.good is None:
            observed = Observed(resource["metadata"]["generation"], 0, None, faults, (), {})
        else:
            observed = self._observe(owned, owned.good, resource["metadata"], faults, reports)
            uid, awaited = resource["metadata"]["uid"], self.gates.awaited(key[0])
            refused, replacing = await self._applier.apply(
                owned, owned.good, uid, observed, self.nodes.values(), awaited
            )
            observed = replace(with_refusals(observed, refused), replacing=replacing)
        held = await self._write_status(owned, resource, observed)
        if self.gates.waiting(key[0]):
            await self.gates.open(key[0], self._balancers(key[0], reports), self.nodes)
        later = [held, _changes_in(owned.good, self.now()), _RETRY if refused else None, self.gates.overlap(key[0])]
        return min((seconds for seconds in later if seconds is not None), default=None)

    def _observe(
        self,
        owned: Owned,
        good: LoadBalancer,
        metadata: Object,
        faults: tuple[Fault, ...],
        reports: Mapping[Key, ProxyReport],
    ) -> Observed:
        """What is known now; which of its zones get clients, proxies are told by it."""
        nodes, now = self.nodes.values(), self.now()
        zones = zones_of(nodes, good.spec.zones, owned.zones)
        observed = observation(owned, good, metadata["generation"], faults, zones, nodes, reports, now)
        owned.states = zone_states(observed)
        if self.settings.external_dns is None:
            return observed
        return named(observed, good, metadata.get("annotations") or {}, self.settings.external_dns)

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

    def _balancers(self, namespace: str, reports: Mapping[Key, ProxyReport]) -> list[Balancer]:
        return [
            Balancer(key[1], owned.good.spec, proxies(owned, namespace, reports))
            for key, owned in self.owned.items()
            if key[0] == namespace and owned.good is not None and owned.is_there
        ]

    async def _write_status(self, owned: Owned, resource: Object, observed: Observed) -> float | None:
        """Write it if it says something new; returns the seconds it waits instead, if it does."""
        before, now, clock = resource.get("status") or {}, self.now(), asyncio.get_running_loop().time()
        observed = replace(observed, usage=owned.usage)
        status = fold(observed, before, timestamp(now))
        self.metrics.tell((resource["metadata"]["namespace"], resource["metadata"]["name"]), status)
        if status == before:
            return None
        if owned.seen[0] != observed.generation:
            owned.seen = (observed.generation, clock)
        if (wait := _waits(owned, before, status, clock)) > 0:
            return wait
        owned.wrote = clock
        document = {
            "apiVersion": resource["apiVersion"],
            "kind": resource["kind"],
            "metadata": {k: resource["metadata"][k] for k in ("name", "namespace")},
            "status": status,
        }
        try:
            written = await self.client.apply_status(document)
        except ApiError as error:
            if error.status != 404:
                raise
            return None  # it was deleted, which we are about to be told
        if (newest := owned.load_balancer) is not None:
            owned.load_balancer = {**newest, "status": written.get("status", {})}
        await self._recorder.record(resource, events(before, status), now)
        return None


def _waits(owned: Owned, before: Object, status: Object, now: float) -> float:
    """Seconds a status waits: one a second is written, and a change that proxies take up in a moment is told once, as done."""
    wait = owned.wrote + _SPACING - now
    if _is_true("Programmed", before) and _is_true("Reconciling", status):
        wait = max(wait, owned.seen[1] + _PATIENCE - now)
    return wait


def _is_true(condition: str, status: Object) -> bool:
    return any(c["type"] == condition and c["status"] == "True" for c in status.get("conditions", []))


def _changes_in(good: LoadBalancer | None, now: datetime) -> float | None:
    """Seconds until a zonal shift ends, or a reservation begins or ends; none if nothing of that is to come."""
    if good is None:
        return None
    shift = good.spec.zonal_shift
    left = [(shift.until_time - now).total_seconds() if shift else 0.0, changes_in(good.spec, now) or 0.0]
    return min((min(seconds + 0.1, 3600.0) for seconds in left if seconds > 0), default=None)
