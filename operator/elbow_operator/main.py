"""The operator process: leadership, what it watches, and where its settings come from."""

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial

from elbow_api.names import LOAD_BALANCER
from elbow_kube.client import connect
from elbow_kube.object import Object, holds
from elbow_kube.watch import Change, watch, without_managers
from prometheus_client import REGISTRY

from elbow_operator import load_balancers
from elbow_operator.admin import serve
from elbow_operator.drains import Drains
from elbow_operator.lease import Leadership
from elbow_operator.meter import Meter
from elbow_operator.metrics import Metrics
from elbow_operator.owned import Key, Owned
from elbow_operator.plan.cluster import Replica, Settings, node_of
from elbow_operator.plan.dns import ExternalDns
from elbow_operator.plan.drain import endpoint_slice
from elbow_operator.prestop import PreStop, announce
from elbow_operator.queue import Queue
from elbow_operator.reconcile import Reconciler
from elbow_operator.reports import Reports
from elbow_operator.status.gate import LABEL as READINESS_GATE
from elbow_operator.usage_metrics import UsageMetrics

log = logging.getLogger("elbow")

_OWNED = (
    ("/apis/apps/v1", "deployments"),
    ("/api/v1", "services"),
    ("/api/v1", "configmaps"),
    ("/api/v1", "serviceaccounts"),
    ("/api/v1", "secrets"),
    ("/apis/rbac.authorization.k8s.io/v1", "roles"),
    ("/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    ("/apis/policy/v1", "poddisruptionbudgets"),
    ("/apis/networking.k8s.io/v1", "networkpolicies"),
    ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
)


class Operator:
    """Everything that lives while this replica leads."""

    def __init__(self, settings: Settings, metrics: Metrics, prestop: PreStop) -> None:
        self.settings = settings
        self.metrics = metrics
        self.prestop = prestop
        self._timers: dict[Key, asyncio.TimerHandle] = {}

    async def run(self, led_before: datetime | None) -> None:
        """Lead until cancelled; `led_before` is when another one last did."""
        client = await connect()
        self.reconciler = Reconciler(client, self.settings, self.metrics)
        self.queue = Queue(self._look, self.metrics)
        self.meter = Meter(client, self.queue.add, self._followed)
        self.reports = Reports(self._told, self.meter.counted)
        self.drains = Drains(client, self.settings.watch_namespaces, self.reports.newest, self._ready)
        usage = UsageMetrics(self.meter.ledgers)
        REGISTRY.register(usage)
        self.metrics.lead(self.queue.waiting)
        try:
            await self.meter.load(self._paths("/api/v1", "configmaps"), led_before)
            await self._follow_all()
        except* Stopped:
            log.info("asked to end")
        finally:
            self.prestop.resign()
            self.metrics.resign()
            REGISTRY.unregister(usage)
            await self.queue.close()
            await self.reports.close()
            await client.close()

    async def _follow_all(self) -> None:
        """First everything that is there, then the load balancers: what is missing would look deleted."""
        async with asyncio.TaskGroup() as tasks:
            follow = [(self._node, "/api/v1/nodes", "")]
            follow += [(self._pod, path, LOAD_BALANCER) for path in self._paths("/api/v1", "pods")]
            follow += [(self._gated, path, READINESS_GATE) for path in self._paths("/api/v1", "pods")]
            follow += [
                (self._object, path, LOAD_BALANCER) for api, plural in _OWNED for path in self._paths(api, plural)
            ]
            known = [asyncio.Event() for _ in follow]
            for (take, path, labels), synced in zip(follow, known, strict=True):
                tasks.create_task(self._follow(take, path, labels, synced))
            if self.settings.external_dns is not None:  # not waited for: its kind may be missing
                for path in self._paths("/apis/externaldns.k8s.io/v1alpha1", "dnsendpoints"):
                    tasks.create_task(self._follow(self._object, path, LOAD_BALANCER, asyncio.Event()))
            for synced in known:
                await synced.wait()
            await self.reports.settle()
            self.prestop.lead(self.drains)
            if (replica := self.settings.replica) is not None:
                place = endpoint_slice(replica, self.settings.namespace)
                tasks.create_task(announce(self.reconciler.client, place))
            tasks.create_task(self.meter.run())
            tasks.create_task(self._follow_load_balancers())

    def _paths(self, api: str, plural: str) -> list[str]:
        spaces = self.settings.watch_namespaces
        return [f"{api}/namespaces/{space}/{plural}" for space in spaces] or [f"{api}/{plural}"]

    async def _follow(self, take: Callable[[Change], None], path: str, labels: str, synced: asyncio.Event) -> None:
        keep = slim if take in (self._pod, self._gated) else without_managers
        heard = partial(self.metrics.heard, (path, labels))
        async for change in watch(self.reconciler.client, path, labels, keep=keep, heard=heard):
            if isinstance(change, Change):
                take(change)
            else:
                synced.set()

    def _told(self, key: Key) -> None:
        """A proxy said something new, came or went."""
        self.queue.add(key)
        self.drains.news(key[0])

    def _ready(self, namespace: str) -> Iterator[str]:
        """The ready proxies of a namespace."""
        of = (owned for key, owned in self.reconciler.owned.items() if key[0] == namespace)
        return (name for owned in of for name, pod in owned.pods.items() if holds(pod, "Ready"))

    def _followed(self, key: Key) -> set[str]:
        return self.reports.followed(key)

    async def _look(self, key: Key) -> None:
        if (owned := self.reconciler.owned.get(key)) is not None:
            owned.usage = self.meter.status(key)
        again = await self.reconciler.reconcile(key, self.reports.newest)
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
        if again is not None:
            self._timers[key] = asyncio.get_running_loop().call_later(again, self.queue.add, key)

    async def _follow_load_balancers(self) -> None:
        await load_balancers.follow(self.settings.identity, self.settings.watch_namespaces, self._changed)
        raise Stopped

    def _changed(self, document: Object, gone: bool) -> None:
        key = (document["metadata"]["namespace"], document["metadata"]["name"])
        if gone:
            self.reconciler.owned.pop(key, None)
            self.metrics.forget(key)
            self.meter.gone(key)
            return
        self.meter.lives(key, document["metadata"]["uid"])
        self.reconciler.owned.setdefault(key, Owned()).load_balancer = document
        self.queue.add(key)

    def _node(self, change: Change) -> None:
        node = node_of(change.document)
        before = self.reconciler.nodes.get(node.name)
        if change.gone:
            self.reconciler.nodes.pop(node.name, None)
        else:
            self.reconciler.nodes[node.name] = node
        if change.gone or node != before:
            for key in self.reconciler.owned:
                self.queue.add(key)

    def _object(self, change: Change) -> None:
        document, key = change.document, self._key(change.document)
        at = (document["kind"], document["metadata"]["name"])
        owned = self.reconciler.owned.setdefault(key, Owned())
        if change.gone:
            owned.objects.pop(at, None)
        else:
            owned.objects[at] = document
        self.queue.add(key)

    def _pod(self, change: Change) -> None:
        pod, key = change.document, self._key(change.document)
        owned = self.reconciler.owned.setdefault(key, Owned())
        name, at = pod["metadata"]["name"], (pod["metadata"]["namespace"], pod["metadata"]["name"])
        status = pod.get("status", {})
        if change.gone or status.get("phase") in ("Failed", "Succeeded"):
            owned.pods.pop(name, None)
            self.reports.drop(at)
        else:
            if address := status.get("podIP"):
                self.reports.follow(at, address, key)
            if pod["metadata"].get("deletionTimestamp"):
                owned.pods.pop(name, None)
                self.reports.ends(at)
            else:
                owned.pods[name] = pod
        self._told(key)

    def _gated(self, change: Change) -> None:
        self.reconciler.gates.take(change.document, gone=change.gone)
        for key in self.reconciler.owned:
            if key[0] == change.document["metadata"]["namespace"]:
                self.queue.add(key)

    @staticmethod
    def _key(document: Object) -> Key:
        metadata = document["metadata"]
        return metadata["namespace"], metadata["labels"][LOAD_BALANCER]


def slim(pod: Object) -> Object:
    """A pod without most of its spec: there are thousands, and what they were made of is in their Deployments."""
    kept = {key: pod["spec"][key] for key in ("nodeName", "readinessGates") if key in pod["spec"]}
    return {**without_managers(pod), "spec": kept}


class Stopped(Exception):
    """The process was asked to end."""


async def _lead(settings: Settings) -> None:
    """Lead when it is our turn, until the Lease is lost or the process is asked to end."""
    loop = asyncio.get_running_loop()
    if (this := asyncio.current_task()) is not None:
        loop.add_signal_handler(signal.SIGTERM, this.cancel)
    client = await connect()
    leadership = Leadership(client, settings.namespace, settings.identity)
    admin = await serve(lambda: leadership.is_current(loop.time()))
    prestop = PreStop()
    await prestop.open()
    try:
        with suppress(asyncio.CancelledError):
            operator = Operator(settings, Metrics(REGISTRY), prestop)
            await leadership.lead(lambda: operator.run(leadership.led_before))
            log.info("ending")
    finally:
        await prestop.close()
        await admin.cleanup()
        await client.close()


def _external_dns() -> ExternalDns | None:
    if os.environ.get("ELBOW_EXTERNAL_DNS") != "true":
        return None
    return ExternalDns(os.environ["ELBOW_EXTERNAL_DNS_DOMAIN"], int(os.environ["ELBOW_EXTERNAL_DNS_TTL"]))


def _replica() -> Replica | None:
    name, uid, address = (os.environ.get(f"ELBOW_POD_{part}", "") for part in ("NAME", "UID", "ADDRESS"))
    return Replica(name, uid, address) if name and uid and address else None


def main() -> None:
    """Run the operator, as the chart starts it."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO, stream=sys.stderr)
    settings = Settings(
        agent_image=os.environ["ELBOW_AGENT_IMAGE"],
        proxy_image=os.environ["ELBOW_PROXY_IMAGE"],
        pull_policy=os.environ.get("ELBOW_PULL_POLICY", "IfNotPresent"),
        namespace=os.environ.get("ELBOW_NAMESPACE", "elbow-system"),
        identity=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
        external_dns=_external_dns(),
        replica=_replica(),
        metrics_namespace=os.environ.get("ELBOW_METRICS_NAMESPACE", ""),
        watch_namespaces=tuple(filter(None, os.environ.get("ELBOW_WATCH_NAMESPACES", "").split(","))),
    )
    with suppress(KeyboardInterrupt):
        asyncio.run(_lead(settings))
