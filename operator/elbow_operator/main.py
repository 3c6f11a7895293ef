"""The operator process: leadership, what it watches, and where its settings come from."""

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from elbow_kube.client import connect
from elbow_kube.watch import Change, watch

from elbow_operator import load_balancers
from elbow_operator.admin import serve
from elbow_operator.lease import Leadership
from elbow_operator.plan.cluster import Settings, node_of
from elbow_operator.plan.naming import LOAD_BALANCER
from elbow_operator.queue import Queue
from elbow_operator.reconcile import Key, Owned, Reconciler
from elbow_operator.reports import Reports

log = logging.getLogger("elbow")

_OWNED = (
    ("/apis/apps/v1", "deployments"),
    ("/api/v1", "services"),
    ("/api/v1", "configmaps"),
    ("/api/v1", "serviceaccounts"),
    ("/apis/rbac.authorization.k8s.io/v1", "roles"),
    ("/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    ("/apis/policy/v1", "poddisruptionbudgets"),
    ("/apis/networking.k8s.io/v1", "networkpolicies"),
    ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
)


class Operator:
    """Everything that lives while this replica leads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._timers: dict[Key, asyncio.TimerHandle] = {}

    async def run(self) -> None:
        """Lead until cancelled."""
        client = await connect()
        self.reconciler = Reconciler(client, self.settings)
        self.queue = Queue(self._look)
        self.reports = Reports(self.queue.add)
        try:
            await self._follow_all()
        except* Stopped:
            log.info("asked to end")
        finally:
            await self.queue.close()
            await self.reports.close()
            await client.close()

    async def _follow_all(self) -> None:
        """First everything that is there, then the load balancers: what is missing would look deleted."""
        async with asyncio.TaskGroup() as tasks:
            follow = [(self._node, "/api/v1/nodes", "")]
            follow += [(self._pod, path, LOAD_BALANCER) for path in self._paths("/api/v1", "pods")]
            follow += [
                (self._object, path, LOAD_BALANCER) for api, plural in _OWNED for path in self._paths(api, plural)
            ]
            known = [asyncio.Event() for _ in follow]
            for (take, path, labels), synced in zip(follow, known, strict=True):
                tasks.create_task(self._follow(take, path, labels, synced))
            for synced in known:
                await synced.wait()
            await self.reports.settle()
            tasks.create_task(self._follow_load_balancers())

    def _paths(self, api: str, plural: str) -> list[str]:
        spaces = self.settings.watch_namespaces
        return [f"{api}/namespaces/{space}/{plural}" for space in spaces] or [f"{api}/{plural}"]

    async def _follow(self, take: Callable[[Change], None], path: str, labels: str, synced: asyncio.Event) -> None:
        async for change in watch(self.reconciler.client, path, labels):
            if isinstance(change, Change):
                take(change)
            else:
                synced.set()

    async def _look(self, key: Key) -> None:
        again = await self.reconciler.reconcile(key, self.reports.newest)
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
        if again is not None:
            self._timers[key] = asyncio.get_running_loop().call_later(again, self.queue.add, key)

    async def _follow_load_balancers(self) -> None:
        await load_balancers.follow(self.settings.identity, self.settings.watch_namespaces, self._changed)
        raise Stopped

    def _changed(self, document: dict[str, Any], gone: bool) -> None:
        key = (document["metadata"]["namespace"], document["metadata"]["name"])
        if gone:
            self.reconciler.owned.pop(key, None)
            return
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
        if change.gone or pod["metadata"].get("deletionTimestamp") or status.get("phase") in ("Failed", "Succeeded"):
            owned.pods.pop(name, None)
            self.reports.drop(at)
        else:
            owned.pods[name] = pod
            if address := status.get("podIP"):
                self.reports.follow(at, address, key)
        self.queue.add(key)

    @staticmethod
    def _key(document: dict[str, Any]) -> Key:
        metadata = document["metadata"]
        return metadata["namespace"], metadata["labels"][LOAD_BALANCER]


class Stopped(Exception):  # noqa: N818  (it reads as what happened)
    """The process was asked to end."""


async def _lead(settings: Settings) -> None:
    """Lead when it is our turn, until the Lease is lost or the process is asked to end."""
    loop = asyncio.get_running_loop()
    if (this := asyncio.current_task()) is not None:
        loop.add_signal_handler(signal.SIGTERM, this.cancel)
    client = await connect()
    leadership = Leadership(client, settings.namespace, settings.identity)
    door = await serve(lambda: leadership.is_current(loop.time()))
    try:
        with suppress(asyncio.CancelledError):
            await leadership.lead(Operator(settings).run)
            log.error("ending, to start anew as a follower")
    finally:
        await door.cleanup()
        await client.close()


def main() -> None:
    """Run the operator, as the chart starts it."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO, stream=sys.stderr)
    settings = Settings(
        agent_image=os.environ["ELBOW_AGENT_IMAGE"],
        proxy_image=os.environ["ELBOW_PROXY_IMAGE"],
        pull_policy=os.environ.get("ELBOW_PULL_POLICY", "IfNotPresent"),
        namespace=os.environ.get("ELBOW_NAMESPACE", "elbow-system"),
        identity=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
        watch_namespaces=tuple(filter(None, os.environ.get("ELBOW_WATCH_NAMESPACES", "").split(","))),
    )
    with suppress(KeyboardInterrupt):
        asyncio.run(_lead(settings))
