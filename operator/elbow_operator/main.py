"""The operator process: leadership, what it watches, and where its settings come from."""

import asyncio
import logging
import os
import socket
import sys
from contextlib import suppress
from typing import Any

import kopf
from elbow_kube.client import connect
from elbow_kube.watch import Change, watch

from elbow_operator.lease import Leadership
from elbow_operator.plan.cluster import Settings, node_of
from elbow_operator.plan.naming import LOAD_BALANCER
from elbow_operator.queue import Queue
from elbow_operator.reconcile import Key, Owned, Reconciler
from elbow_operator.reports import Reports

log = logging.getLogger("elbow")

_OWNED = (
    "/apis/apps/v1/deployments",
    "/api/v1/services",
    "/api/v1/configmaps",
    "/api/v1/serviceaccounts",
    "/apis/rbac.authorization.k8s.io/v1/roles",
    "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    "/apis/policy/v1/poddisruptionbudgets",
    "/apis/networking.k8s.io/v1/networkpolicies",
    "/apis/autoscaling/v2/horizontalpodautoscalers",
)


class Operator:
    """Everything that lives while this replica leads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    async def run(self) -> None:
        """Lead until cancelled."""
        client = await connect()
        self.reconciler = Reconciler(client, self.settings)
        self.queue = Queue(self._look)
        self.reports = Reports(self.queue.add)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_nodes())
                for path in _OWNED:
                    tasks.create_task(self._follow_owned(path))
                tasks.create_task(self._follow_pods())
                tasks.create_task(self._follow_load_balancers())
        finally:
            await self.reports.close()
            await client.close()

    async def _look(self, key: Key) -> None:
        await self.reconciler.reconcile(key, self.reports.newest)

    async def _follow_load_balancers(self) -> None:
        """Kopf watches them, without finalizers or annotations on the users' objects."""
        registry = kopf.OperatorRegistry()

        @kopf.on.login(registry=registry)
        def login(**arguments: Any) -> kopf.ConnectionInfo | None:
            return kopf.login_with_service_account(**arguments) or kopf.login_with_kubeconfig(**arguments)

        @kopf.on.event("elbow.dev", "v1alpha1", "loadbalancers", registry=registry)
        async def changed(event: Any, body: Any, **_: Any) -> None:
            key = (body["metadata"]["namespace"], body["metadata"]["name"])
            owned = self.reconciler.owned.setdefault(key, Owned())
            if event["type"] == "DELETED":
                self.reconciler.owned.pop(key, None)
                return
            owned.load_balancer = dict(body)
            self.queue.add(key)

        settings = kopf.OperatorSettings()
        settings.posting.enabled = False
        settings.scanning.disabled = True
        settings.peering.standalone = True
        settings.watching.server_timeout = 300
        settings.watching.inactivity_timeout = 90
        await kopf.operator(registry=registry, settings=settings, clusterwide=True, standalone=True)

    async def _follow_nodes(self) -> None:
        async for change in watch(self.reconciler.client, "/api/v1/nodes"):
            if not isinstance(change, Change):
                continue
            node = node_of(change.document)
            before = self.reconciler.nodes.get(node.name)
            if change.gone:
                self.reconciler.nodes.pop(node.name, None)
            else:
                self.reconciler.nodes[node.name] = node
            if change.gone or node != before:
                for key in self.reconciler.owned:
                    self.queue.add(key)

    async def _follow_owned(self, path: str) -> None:
        async for change in watch(self.reconciler.client, path, LOAD_BALANCER):
            if not isinstance(change, Change):
                continue
            document = change.document
            key = self._key(document)
            at = (document["kind"], document["metadata"]["name"])
            owned = self.reconciler.owned.setdefault(key, Owned())
            if change.gone:
                owned.objects.pop(at, None)
            else:
                owned.objects[at] = document
            self.queue.add(key)

    async def _follow_pods(self) -> None:
        async for change in watch(self.reconciler.client, "/api/v1/pods", LOAD_BALANCER):
            if not isinstance(change, Change):
                continue
            pod, key = change.document, self._key(change.document)
            owned = self.reconciler.owned.setdefault(key, Owned())
            name, at = pod["metadata"]["name"], (pod["metadata"]["namespace"], pod["metadata"]["name"])
            if (
                change.gone
                or pod["metadata"].get("deletionTimestamp")
                or pod.get("status", {}).get("phase") in ("Failed", "Succeeded")
            ):
                owned.pods.pop(name, None)
                self.reports.drop(at)
            else:
                owned.pods[name] = pod
                if address := pod.get("status", {}).get("podIP"):
                    self.reports.follow(at, address, key)
            self.queue.add(key)

    @staticmethod
    def _key(document: dict[str, Any]) -> Key:
        metadata = document["metadata"]
        return metadata["namespace"], metadata["labels"][LOAD_BALANCER]


async def _lead(settings: Settings) -> None:
    client = await connect()
    try:
        me = f"{socket.gethostname()}-{os.getpid()}"
        await Leadership(client, settings.namespace, me).lead(Operator(settings).run)
    finally:
        await client.close()
    sys.exit(1)  # start anew, as a follower


def main() -> None:
    """Run the operator, as the chart starts it."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO, stream=sys.stderr)
    settings = Settings(
        agent_image=os.environ["ELBOW_AGENT_IMAGE"],
        proxy_image=os.environ["ELBOW_PROXY_IMAGE"],
        pull_policy=os.environ.get("ELBOW_PULL_POLICY", "IfNotPresent"),
        namespace=os.environ.get("ELBOW_NAMESPACE", "elbow-system"),
    )
    with suppress(KeyboardInterrupt):
        asyncio.run(_lead(settings))
