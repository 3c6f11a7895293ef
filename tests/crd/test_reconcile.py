"""What the operator makes of a LoadBalancer, with a real API server that takes or refuses it; no controller runs."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from elbow_operator.metrics import Metrics
from elbow_operator.owned import Owned
from elbow_operator.plan.cluster import Settings
from elbow_operator.plan.dns import HOSTNAME, ExternalDns
from elbow_operator.reconcile import Reconciler
from harness.api_server import ApiServer
from harness.observed import NODES
from harness.poll import until
from prometheus_client import CollectorRegistry

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

_PATH = "/apis/elbow.dev/v1alpha1/namespaces/default/loadbalancers"
_DNS = "/apis/externaldns.k8s.io/v1alpha1/namespaces/default/dnsendpoints"


class Operator:
    """The reconciler, told of one LoadBalancer as the operator would be."""

    def __init__(self, api: ApiServer, reconciler: Reconciler) -> None:
        self.api, self.reconciler = api, reconciler
        reconciler.nodes = {node.name: node for node in NODES}

    def _owned(self, name: str) -> Owned:
        return self.reconciler.owned.setdefault(("default", name), Owned())

    async def look(
        self, name: str, annotations: dict[str, str] | None = None, **spec: Any
    ) -> dict[str, dict[str, Any]]:
        """Apply it, have the operator look at it, and return the conditions it was given."""
        document = {
            "apiVersion": "elbow.dev/v1alpha1",
            "kind": "LoadBalancer",
            "metadata": {"name": name, "annotations": annotations or {}},
            "spec": {
                "scheme": "internal",
                "listeners": [{"name": "http", "protocol": "HTTP", "port": 80, "targetGroup": "web"}],
                "targetGroups": [
                    {"name": "web", "protocol": "HTTP", "targets": {"service": {"name": "web", "port": 80}}}
                ],
                **spec,
            },
        }
        answer = self.api.apply(document, f"{_PATH}/{name}")
        assert answer.is_success, answer.text
        self._owned(name).load_balancer = answer.json()
        await self.reconciler.reconcile(("default", name), {})  # makes the Services, whose addresses are then seen
        self.again = await self.settle(name)
        self.status = self.api.http.get(f"{_PATH}/{name}").json()["status"]
        return {condition["type"]: condition for condition in self.status["conditions"]}

    async def settle(self, name: str) -> float | None:
        """Look until its status is written; returns when to look again."""
        while (again := await self.reconciler.reconcile(("default", name), {})) is not None and again < 2:  # noqa: ASYNC110
            await asyncio.sleep(again)
        return again

    def stored(self, path: str) -> dict[str, Any]:
        """What the API server has at a path."""
        answer = self.api.http.get(path)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
async def operator(api: ApiServer, request: pytest.FixtureRequest) -> AsyncIterator[Operator]:
    settings = Settings(agent_image="elbow:1", proxy_image="haproxy:3.2", external_dns=getattr(request, "param", None))
    async with api.client() as client:
        yield Operator(api, Reconciler(client, settings, Metrics(CollectorRegistry())))


async def test_an_object_that_is_refused_is_named_and_the_rest_is_made(operator: Operator) -> None:
    conditions = await operator.look(
        "greedy", proxy={"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}}
    )
    programmed = conditions["Programmed"]
    assert (programmed["status"], programmed["reason"]) == ("False", "ObjectRefused")
    assert "Deployment elb-greedy-zone-a: " in programmed["message"]
    assert "must be less than or equal to memory limit" in programmed["message"]
    assert programmed["message"].endswith("; elb-greedy-zone-b, elb-greedy-zone-c: the same")
    assert conditions["Accepted"]["status"] == "True"
    operator.stored("/api/v1/namespaces/default/services/elb-greedy-zone-c")
    assert operator.again == 10
    conditions = await operator.look("greedy", proxy={"resources": {"limits": {"memory": "1Gi"}}})
    assert conditions["Programmed"]["reason"] == "ProxiesPending"
    assert operator.again is None
    events = operator.stored("/apis/events.k8s.io/v1/namespaces/default/events")["items"]
    told = [event["reason"] for event in events if event["regarding"]["name"] == "greedy"]
    assert sorted(told) == ["Accepted", "AddressAssigned", "ObjectRefused"]


async def test_an_object_of_someone_else_that_has_its_name_is_left_alone_and_named(operator: Operator) -> None:
    services = "/api/v1/namespaces/default/services"
    own = {"metadata": {"name": "elb-mine"}, "spec": {"ports": [{"port": 5432}], "selector": {"app": "mine"}}}
    key = {"metadata": {"name": "elb-mine"}, "stringData": {"password": "x"}}
    assert operator.api.http.post(services, json=own).status_code == 201
    assert operator.api.http.post("/api/v1/namespaces/default/secrets", json=key).status_code == 201
    programmed = (await operator.look("mine"))["Programmed"]
    for what in ("Secret elb-mine: ", "Service elb-mine: "):
        assert f"{what}409: there is one already, which Elbow didn't make; delete it, or give" in programmed["message"]
    there = operator.stored(f"{services}/elb-mine")
    assert (there["spec"]["selector"], "ownerReferences" in there["metadata"]) == ({"app": "mine"}, False)
    operator.stored(f"{services}/elb-mine-zone-a")
    assert operator.again == 10
    operator.api.http.delete(f"{services}/elb-mine")
    operator.api.http.delete("/api/v1/namespaces/default/secrets/elb-mine")
    assert (await operator.look("mine"))["Programmed"]["reason"] == "ProxiesPending"


async def test_a_name_that_another_load_balancers_zone_has_is_told(operator: Operator) -> None:
    await operator.look("pay")
    programmed = (await operator.look("pay-zone-a"))["Programmed"]
    assert programmed["reason"] == "ObjectRefused"
    said = "Service elb-pay-zone-a: 409: the name is taken by one of LoadBalancer pay; give this load balancer another name"
    assert programmed["message"] == said
    there = operator.stored("/api/v1/namespaces/default/services/elb-pay-zone-a")
    assert there["metadata"]["labels"]["elbow.dev/load-balancer"] == "pay"


async def test_what_is_left_of_one_that_was_deleted_without_its_objects_is_taken_up(operator: Operator) -> None:
    """As `kubectl delete --cascade=orphan` leaves them, for an operator that was told nothing of them yet."""
    await operator.look("orphan")
    path = "/apis/apps/v1/namespaces/default/deployments/elb-orphan-zone-a"
    patch = {
        "headers": {"Content-Type": "application/merge-patch+json"},
        "json": {"metadata": {"ownerReferences": None}},
    }
    assert operator.api.http.patch(path, **patch).is_success  # type: ignore[arg-type]
    operator.reconciler.owned.clear()
    assert (await operator.look("orphan"))["Programmed"]["reason"] == "ProxiesPending"
    assert operator.stored(path)["metadata"]["ownerReferences"][0]["name"] == "orphan"


@pytest.mark.parametrize("kind", ["serviceaccounts", "secrets", "configmaps"])
async def test_whatever_a_policy_refuses_is_told(operator: Operator, kind: str) -> None:
    http, policies = operator.api.http, "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [kind]}
    checks = {"validations": [{"expression": "false", "message": "no more of these"}]}
    policy = {"metadata": {"name": "none"}, "spec": {"matchConstraints": {"resourceRules": [rule]}, **checks}}
    binding = {"metadata": {"name": "none"}, "spec": {"policyName": "none", "validationActions": ["Deny"]}}
    made = [(policies, policy), (f"{policies.removesuffix('policies')}policybindings", binding)]
    probe = {"metadata": {"name": "probe"}}

    def is_refused() -> bool:
        return http.post(f"/api/v1/namespaces/default/{kind}?dryRun=All", json=probe).status_code == 422

    for path, document in made:
        created = http.post(path, json=document)
        assert created.status_code == 201, created.text
    try:
        until(is_refused, limit=30, say="the policy counts")
        programmed = (await operator.look(f"poor-{kind}"))["Programmed"]
    finally:
        for path, _ in made:
            http.delete(f"{path}/none")
        until(lambda: not is_refused(), limit=30, say="the policy is gone")
    assert programmed["reason"] == "ObjectRefused"
    assert "no more of these" in programmed["message"]


async def test_one_that_was_deleted_a_moment_ago_has_no_status_and_that_is_no_fault(operator: Operator) -> None:
    await operator.look("brief")
    assert operator.api.http.delete(f"{_PATH}/brief").is_success
    operator.reconciler.nodes = {}
    assert await operator.settle("brief") is None
    assert operator.api.http.get(f"{_PATH}/brief").status_code == 404


async def test_a_zone_that_no_node_is_in_is_told_with_those_there_are(operator: Operator) -> None:
    programmed = (await operator.look("lost", zones=["zone-x"]))["Programmed"]
    said = "zone zone-x has no ready proxy: no node is in it; nodes are in zone-a, zone-b, zone-c"
    assert (programmed["reason"], programmed["message"]) == ("ProxiesPending", said)


async def test_a_reservation_scales_the_zones_ahead_of_its_start_and_back_at_its_end(operator: Operator) -> None:
    """The loop asks to be woken when the clock is the only thing that changes."""
    start = datetime(2030, 1, 31, 18, tzinfo=UTC)
    times = {"start": "2030-01-31T18:00:00Z", "end": "2030-01-31T18:30:00Z"}
    reservation = {"name": "launch", **times, "requestsPerSecond": 30_000}
    found = []
    for now in (start - timedelta(minutes=16), start - timedelta(minutes=15), start + timedelta(minutes=30)):
        operator.reconciler.now = lambda now=now: now
        await operator.look("launched", capacity={"reservations": [reservation]})
        deployment = operator.stored("/apis/apps/v1/namespaces/default/deployments/elb-launched-zone-b")
        (state,) = operator.status["capacity"]["reservations"]
        found.append((deployment["spec"]["replicas"], state["state"], operator.again))
    needed = operator.status["capacity"]["reservations"][0]["proxiesPerZone"]
    assert needed > 2
    assert found == [(2, "pending", 60.1), (needed, "pending", 2700.1), (2, "ended", None)]


@pytest.mark.parametrize("operator", [ExternalDns("example.com")], indirect=True)
async def test_names_for_external_dns(api: ApiServer, operator: Operator) -> None:
    """One after the other: without its kind, with it, by the annotation, without a good name, without any."""
    conditions = await operator.look("named")
    published = conditions["DnsPublished"]
    assert (published["status"], published["reason"]) == ("False", "DnsUnavailable")
    assert "install external-dns' CRD, or set externalDns.enabled=false" in published["message"]
    assert conditions["Programmed"]["reason"] == "ProxiesPending", "all else goes on"
    assert operator.again == 10

    created = api.http.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=_definition())
    assert created.status_code == 201, created.text
    until(lambda: api.http.get(_DNS).status_code == 200, limit=30, say="DNSEndpoints are served")
    conditions = await operator.look("named")
    assert conditions["DnsPublished"]["status"] == "True"
    assert operator.status["dnsName"] == "named.default.example.com"
    addresses = sorted(address["value"] for address in operator.status["addresses"])
    assert len(addresses) == 3
    (record,) = operator.stored(f"{_DNS}/elb-named")["spec"]["endpoints"]
    assert record == {
        "dnsName": "named.default.example.com",
        "recordType": "A",
        "recordTTL": 60,
        "targets": addresses,
    }

    shift = {"awayFrom": "zone-b", "until": "2099-01-01T00:00:00Z"}
    await operator.look("named", {HOSTNAME: "shop.example.org"}, zonalShift=shift)
    (record,) = operator.stored(f"{_DNS}/elb-named")["spec"]["endpoints"]
    assert record["dnsName"] == operator.status["dnsName"] == "shop.example.org"
    left = [a["value"] for a in operator.status["addresses"] if a["zone"] != "zone-b"]
    assert record["targets"] == sorted(left)
    assert len(left) == 2

    conditions = await operator.look("named", {HOSTNAME: "not a name"})
    assert conditions["DnsPublished"]["reason"] == "HostnameInvalid"
    assert operator.stored(f"{_DNS}/elb-named"), "the last good name stays"
    conditions = await operator.look("named", {HOSTNAME: ""})
    assert conditions["DnsPublished"]["reason"] == "HostnameMissing"
    assert api.http.get(f"{_DNS}/elb-named").status_code == 404


def _definition() -> dict[str, Any]:
    """DNSEndpoints, with what external-dns' own definition of them asks of the fields written here."""
    endpoint = {
        "type": "object",
        "required": ["dnsName", "recordType"],
        "properties": {
            "dnsName": {"type": "string", "maxLength": 254},
            "recordType": {"type": "string", "enum": ["A", "AAAA", "CNAME"]},
            "recordTTL": {"type": "integer", "format": "int64", "minimum": 0},
            "targets": {"type": "array", "items": {"type": "string"}},
        },
    }
    spec = {"type": "object", "properties": {"endpoints": {"type": "array", "items": endpoint}}}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": "dnsendpoints.externaldns.k8s.io",
            "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/external-dns/pull/2007"},
        },
        "spec": {
            "group": "externaldns.k8s.io",
            "names": {"kind": "DNSEndpoint", "plural": "dnsendpoints"},
            "scope": "Namespaced",
            "versions": [{"name": "v1alpha1", "served": True, "storage": True, "schema": schema}],
        },
    }
