"""The cluster as a command sees it: load balancers, their proxies, and what each proxy's admin port says."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import click
from elbow_api.names import ADMIN_PORT, LOAD_BALANCER, ZONE, zone_called
from elbow_kube.client import ApiError, Client
from elbow_kube.object import Object
from elbow_kube.user import NoLogin, login

from elbow_kubectl.place import Place

T = TypeVar("T")

MANAGER = "kubectl-elb"
"""The field manager of what these commands write."""
_API = "/apis/elbow.dev/v1alpha1"
_DAY = 86400.0
_INSTALL = "helm install elbow helm/elbow -n elbow-system --create-namespace"


class Cluster:
    """Reads and writes as the user; each method raises ApiError where the API server says no."""

    def __init__(self, client: Client, namespace: str, *, everywhere: bool = False) -> None:
        self.client = client
        self.namespace = namespace
        self.everywhere = everywhere

    async def load_balancers(self, names: Iterable[str] = ()) -> list[Object]:
        """Those named, or all of the namespace, or of the cluster with -A; by namespace and name."""
        wanted = list(names)
        if wanted:
            return [await self.load_balancer(name) for name in wanted]
        return await self.objects(_API, "loadbalancers")

    async def load_balancer(self, name: str) -> Object:
        """One of the namespace."""
        return await self.client.get(self.path(name))

    def path(self, name: str) -> str:
        """Where a load balancer of the namespace lives."""
        return f"{_API}/namespaces/{quote(self.namespace, safe='')}/loadbalancers/{quote(name, safe='')}"

    async def patch(self, name: str, operations: list[Object]) -> Object:
        """Change a load balancer by JSON Patch; returns what it is then."""
        return await self.client.patch(self.path(name), operations, MANAGER)

    async def objects(self, api: str, plural: str, labels: str = "", namespace: str | None = None) -> list[Object]:
        """Objects of a namespace, by default of that the command works in (all with -A), by namespace and name."""
        space = namespace or ("" if self.everywhere else self.namespace)
        at = f"{api}/namespaces/{quote(space, safe='')}/{plural}" if space else f"{api}/{plural}"
        answer = await self.client.get(f"{at}?{urlencode({'labelSelector': labels} if labels else {})}")
        found: list[Object] = answer.get("items") or []
        return sorted(found, key=lambda item: (item["metadata"].get("namespace", ""), item["metadata"]["name"]))

    async def proxies(self, load_balancer: Object) -> list[Object]:
        """The pods of a load balancer's proxies, by zone and name."""
        metadata = load_balancer["metadata"]
        pods = await self.objects(
            "/api/v1", "pods", f"{LOAD_BALANCER}={metadata['name']}", metadata.get("namespace", self.namespace)
        )
        return sorted(pods, key=lambda pod: (zone_of(pod), pod["metadata"]["name"]))

    async def admin(self, pod: Object, page: str) -> str:
        """A page of a proxy's admin port, such as `metrics`, through the API server (needs get on pods/proxy)."""
        metadata = pod["metadata"]
        name = f"{metadata['name']}:{ADMIN_PORT}"
        return await self.client.text(f"/api/v1/namespaces/{metadata['namespace']}/pods/{name}/proxy/{page}")

    def log(self, pod: Object, container: str, **query: str) -> AsyncIterator[bytes]:
        """The lines of a container's log (needs get on pods/log)."""
        metadata = pod["metadata"]
        asked = urlencode({"container": container, **query})
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/log?{asked}"
        return self.client.lines(path, silent=_DAY)


async def session(place: Place, work: Callable[[Cluster], Awaitable[T]]) -> T:
    """Log in, do the work, and say what went wrong with its cure."""
    try:
        client, namespace = await login(place.kubeconfig, place.context)
    except NoLogin as none:
        raise click.ClickException(str(none)) from None
    space = place.namespace or namespace
    try:
        return await work(Cluster(client, space, everywhere=place.everywhere))
    except ApiError as error:
        raise click.ClickException(cure(error.status, str(error), space)) from None
    except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
        raise click.ClickException(
            f"the API server doesn't answer ({error or type(error).__name__}); does `kubectl version` reach it?"
        ) from None
    finally:
        await client.close()


def cure(status: int, said: str, namespace: str) -> str:
    """What an answer of the API server means, and the way out."""
    if status == 401:
        return "the API server doesn't know you: log in again, or name another --context"
    if status == 403:
        return (
            f"{said}\nthe ClusterRoles view and edit have this right once Elbow's chart is installed; "
            f"ask for one of them in namespace {namespace}"
        )
    if status == 404 and "could not find the requested resource" in said:
        return f"the cluster doesn't know load balancers; install Elbow: {_INSTALL}"
    if status == 404:
        return f"{said}\n`kubectl elb list -A` shows those there are; -n names another namespace than {namespace}"
    return said


def zone_of(pod: Object) -> str:
    """A proxy's zone; empty in a cluster without zones."""
    return zone_called((pod["metadata"].get("labels") or {}).get(ZONE, ""))
