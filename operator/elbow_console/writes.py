"""What a user changes. Nothing is overwritten that the user hasn't seen."""

from datetime import datetime, timedelta

from elbow_api.fault import Fault
from elbow_api.timestamp import timestamp
from elbow_kube.client import ApiError, Client
from elbow_kube.object import Object

from elbow_console.view.draft import Draft, key_of
from elbow_console.view.snapshot import Key

MANAGER = "kubectl-elb"
"""The field manager of what the console writes."""
_API, _KIND = "elbow.dev/v1alpha1", "LoadBalancer"


async def exists(client: Client, draft: Draft) -> Fault | None:
    """The fault of a new load balancer whose name is taken."""
    namespace, name = key_of(draft.document)
    try:
        await client.get(path(namespace, name))
    except ApiError as error:
        if error.status == 404:
            return None
        raise
    return Fault(("metadata", "name"), f"{namespace}/{name} exists; choose another name, or edit that one")


async def create(client: Client, draft: Draft, *, dry_run: bool) -> Object:
    """Server-side apply of a new one. Whoever makes the same one at this moment wins: fields never change hands."""
    return await client.apply(draft.document, manager=MANAGER, force=False, dry_run=dry_run)


async def replace(client: Client, draft: Draft, version: str, *, dry_run: bool) -> Object:
    """Put a changed one in the place of the version that was read; raises ApiError, 409 if it has changed since."""
    metadata = {**draft.document["metadata"], "resourceVersion": version}
    return await client.replace({**draft.document, "metadata": metadata}, manager=MANAGER, dry_run=dry_run)


async def delete(client: Client, wanted: Key) -> None:
    """Delete one, and with it all that belongs to it."""
    namespace, name = wanted
    await client.delete({"apiVersion": _API, "kind": _KIND, "metadata": {"namespace": namespace, "name": name}})


async def start_shift(client: Client, wanted: Key, zone: str, minutes: int, reason: str, now: datetime) -> Object:
    """Shift clients away from a zone for so many minutes (ELB section 14.6)."""
    until = timestamp(now + timedelta(minutes=minutes))
    value = {"awayFrom": zone, "until": until, **({"reason": reason} if reason else {})}
    return await client.patch(path(*wanted), [{"op": "add", "path": "/spec/zonalShift", "value": value}], MANAGER)


async def cancel_shift(client: Client, wanted: Key) -> Object:
    """Bring clients back to the zone they were shifted away from."""
    return await client.patch(path(*wanted), [{"op": "remove", "path": "/spec/zonalShift"}], MANAGER)


def path(namespace: str, name: str) -> str:
    """Where a load balancer lives."""
    return f"/apis/{_API}/namespaces/{namespace}/loadbalancers/{name}"
