"""What a load balancer's objects are to be, brought to the API server: by server-side apply, and only what differs."""

from collections.abc import Awaitable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from elbow_api.load_balancer import LoadBalancer
from elbow_kube.client import ApiError, Client, path_of
from elbow_kube.object import Object
from elbow_kube.watch import without_managers

from elbow_operator.metrics import Metrics, failure
from elbow_operator.owned import Owned, at, in_zone
from elbow_operator.plan.cluster import Node, Settings
from elbow_operator.plan.dns import dns_endpoint
from elbow_operator.plan.drift import APPLIED, is_as_planned, stamped, why_not_ours
from elbow_operator.plan.naming import name
from elbow_operator.plan.objects import new_secret, objects, secret, service_account
from elbow_operator.plan.objects import owned as owned_by
from elbow_operator.plan.rollout import one_at_a_time, unfinished
from elbow_operator.status.observed import Observed
from elbow_operator.status.reason import Reason
from elbow_operator.status.zone import addresses

_REFUSALS = (400, 403, 404, 422, 500)  # 500 is what a value of the wrong form is answered with


@dataclass(frozen=True)
class Refusal:
    """The API server doesn't take an object: by its rules, its admission, a quota, or our rights."""

    kind: str
    name: str
    error: ApiError

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.error}"


class Taken(ApiError):
    """The name is another object's."""

    def __init__(self, why: str) -> None:
        super().__init__(409, why)


class Applier:
    """Makes a load balancer's objects what they are to be."""

    def __init__(self, client: Client, settings: Settings, metrics: Metrics) -> None:
        self.client = client
        self.settings = settings
        self.metrics = metrics

    async def apply(
        self,
        owned: Owned,
        load_balancer: LoadBalancer,
        uid: str,
        observed: Observed,
        nodes: Collection[Node],
        awaited: tuple[str, ...],
    ) -> tuple[list[Refusal], tuple[str, ...]]:
        """Apply what differs, delete what isn't wanted.

        Returns what the API server refuses, without which the rest works, and the zones whose proxies are still to be replaced.
        """
        key = secret(load_balancer, uid, owned.secret or new_secret())
        account = owned_by(service_account(load_balancer), load_balancer, uid)
        refused = await self._tried(key, self._ensure_secret(owned, key))
        refused += await self._tried(account, self._apply(owned, account))
        if at(account) not in owned.objects:  # the proxies' pods name its UID
            return refused, ()
        wanted = objects(
            load_balancer,
            uid=uid,
            generation=owned.good_generation,
            zones=observed.zones,
            nodes=nodes,
            states=owned.states,
            settings=self.settings,
            running=observed.desired,
            least=observed.capacity.proxies if observed.capacity else 0,
            awaited=awaited,
            account=owned.objects[at(account)]["metadata"]["uid"],
        )
        planned = {in_zone(document): document for document in wanted if document["kind"] == "Deployment"}
        now = one_at_a_time(planned, _there(planned, owned), observed.lost)
        wanted = [now[in_zone(document)] if document["kind"] == "Deployment" else document for document in wanted]
        wanted += [owned_by(found, load_balancer, uid) for found in self._names(owned, load_balancer, observed)]
        for document in wanted:
            if document["kind"] != "ServiceAccount":
                refused += await self._tried(document, self._apply(owned, document))
        kept = set(map(at, wanted))
        if (dns := observed.dns) and (dns.names or dns.fault):
            # Without an address the last ones stay: a name that is gone is remembered.
            kept.add(("DNSEndpoint", name(load_balancer.metadata.name)))
        await self._delete_others(owned, kept)
        return refused, unfinished(planned, _there(planned, owned), observed.lost)

    def _names(self, owned: Owned, load_balancer: LoadBalancer, observed: Observed) -> list[Object]:
        """The DNSEndpoint, where there are names and addresses for one."""
        found = [address["value"] for address in addresses(observed, owned.states)]
        if observed.dns is None or self.settings.external_dns is None or not (observed.dns.names and found):
            return []
        return [dns_endpoint(load_balancer, observed.dns.names, found, self.settings.external_dns)]

    async def _delete_others(self, owned: Owned, kept: Collection[tuple[str, str]]) -> None:
        for place, document in list(owned.objects.items()):
            if place not in kept and document["kind"] not in ("Secret", "Pod"):
                await self.client.delete(document)

    async def _tried(self, document: Object, doing: Awaitable[None]) -> list[Refusal]:
        """The refusal, if it is refused."""
        try:
            await doing
        except ApiError as error:
            if error.status not in _REFUSALS and not isinstance(error, Taken):
                raise
            self.metrics.failed(failure(error))
            return [Refusal(document["kind"], document["metadata"]["name"], error)]
        return []

    async def _apply(self, owned: Owned, document: Object) -> None:
        place, planned = at(document), stamped(document)
        digest, there = planned["metadata"]["annotations"][APPLIED], owned.objects.get(place)
        if there is not None and (
            is_as_planned(planned, there) or owned.applied.get(place) == (digest, _version(there))
        ):
            return
        if there is None:
            await self._check_name(planned)
        result = without_managers(await self.client.apply(planned))
        owned.objects[place] = result
        owned.applied.pop(place, None)
        if not is_as_planned(planned, result):  # the API server writes it in another way, or lets others overrule it
            owned.applied[place] = (digest, _version(result))

    async def _check_name(self, planned: Object) -> None:
        """Raises Taken: an apply would make another's object ours, and it would go with the load balancer."""
        place, _, called = path_of(planned).rpartition("/")
        found = (await self.client.get(f"{place}?fieldSelector=metadata.name%3D{called}"))["items"]
        if found and (why := why_not_ours(planned, found[0])):
            raise Taken(why)

    async def _ensure_secret(self, owned: Owned, document: Object) -> None:
        """One that is deleted comes back as it was, for proxies and cookies go by it."""
        if (there := owned.objects.get(at(document))) is not None:
            owned.secret = there["data"]
            return
        try:
            owned.objects[at(document)] = await self.client.create(document)
        except ApiError as error:
            if error.status != 409:
                raise
            await self._check_name(document)  # if it is ours, we will be told of it


def _there(planned: Mapping[str, Object], owned: Owned) -> dict[str, Object]:
    """What is there of what is planned, by zone."""
    return {
        zone: owned.objects[place] for zone, document in planned.items() if (place := at(document)) in owned.objects
    }


def _version(document: Object) -> str:
    """What changes when someone changes the object: its generation, where it has one; a status doesn't count."""
    metadata = document["metadata"]
    return str(metadata.get("generation") or metadata["resourceVersion"])


def with_refusals(observed: Observed, refused: Iterable[Refusal]) -> Observed:
    """What the API server refuses, names apart: without them everything else goes on."""
    of_dns = [refusal for refusal in refused if refusal.kind == "DNSEndpoint"]
    others = tuple(_together(refusal for refusal in refused if refusal.kind != "DNSEndpoint"))
    if not of_dns or observed.dns is None:
        return replace(observed, refused=others)
    why = str(of_dns[0])
    if of_dns[0].error.status == 404:
        why = (
            "the cluster has no DNSEndpoints: install external-dns' CRD, or set externalDns.enabled=false in the chart"
        )
    return replace(observed, refused=others, dns=replace(observed.dns, fault=(Reason.DNS_UNAVAILABLE, why)))


def _together(refused: Iterable[Refusal]) -> Iterator[str]:
    """Each refusal, with the names of all it is said of: one zone's is mostly every zone's."""
    alike: dict[tuple[str, str], list[Refusal]] = {}
    for refusal in refused:
        alike.setdefault((refusal.kind, str(refusal.error).replace(refusal.name, "")), []).append(refusal)
    for first, *more in alike.values():
        yield f"{first}; {', '.join(refusal.name for refusal in more)}: the same" if more else str(first)
