"""The LoadBalancers there are: kopf watches them, without finalizers, annotations or Events on the users' objects."""

import logging
import ssl
from collections.abc import Callable, Collection
from typing import Any

from elbow_kube.object import Object
from elbow_kube.watch import PAGE

from elbow_operator.slim_kopf import kopf


class _Login(kopf.ConnectionInfo):
    """Kopf's, for authorities that lack the key identifiers and usages Python 3.13 asks for, as many clusters' do."""

    def as_ssl_context(self) -> ssl.SSLContext:
        context = super().as_ssl_context()
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


async def follow(identity: str, namespaces: Collection[str], changed: Callable[[Object, bool], None]) -> None:
    """Tell of every LoadBalancer now and after each change, and whether it is gone; returns when the process is to end.

    No namespaces: those of the whole cluster.
    """
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    def login(**arguments: Any) -> kopf.ConnectionInfo | None:
        found = kopf.login_with_service_account(**arguments) or kopf.login_with_kubeconfig(**arguments)
        return None if found is None else _Login(**vars(found))

    @kopf.on.event("elbow.dev", "v1alpha1", "loadbalancers", registry=registry)
    async def event(event: Any, body: Any, **_: Any) -> None:
        changed(dict(body), event["type"] == "DELETED")

    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # a line for every event otherwise
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.watching.server_timeout = 300
    settings.watching.inactivity_timeout = 90
    settings.watching.chunk_size = PAGE
    where: dict[str, Any] = {"namespaces": list(namespaces)} if namespaces else {"clusterwide": True}
    where["identity"] = identity  # kopf would ask for the user's name, which a pod's user has not
    await kopf.operator(registry=registry, settings=settings, standalone=True, **where)
