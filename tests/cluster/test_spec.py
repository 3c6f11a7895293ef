"""What a user writes, and what the LoadBalancer then says of itself."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from elbow_kube.object import Object
from harness.certificates import Authority
from harness.client import Client
from harness.cluster_objects import balancer
from harness.kube import Space, ask, run, settled
from harness.load import Load
from harness.poll import stays, until


def test_kubectl_get_tells_the_truth(web: Space) -> None:
    head, row = web.kubectl("get", "lb", "web", "--output=wide").splitlines()
    assert head.split() == ["NAME", "SCHEME", "ADDRESS", "ZONES", "TARGETS", "READY", "LISTENERS", "REASON", "AGE"]
    address = web.status()["addresses"][0]["value"]
    assert row.split()[:-1] == ["web", "internet-facing", address, "3/3", "6/6", "True", "HTTP:80", "Ready"]


def test_short_names_and_the_manual(elbow: None) -> None:
    run("kubectl", "get", "elb", "--all-namespaces")
    run("kubectl", "get", "elbow", "--all-namespaces")
    text = run("kubectl", "explain", "lb.spec.targetGroups.healthCheck.interval")
    assert "1s to 300s" in text


def test_targets_are_listed_with_their_state(web: Space) -> None:
    pods = {pod["status"]["podIP"] for pod in web.pods("app=web")}
    (group,) = web.status()["targetGroups"]
    assert {target["address"] for target in group["targets"]} == pods
    assert {(target["port"], target["state"]) for target in group["targets"]} == {(8080, "healthy")}


def test_nothing_is_written_while_nothing_changes(web: Space) -> None:
    """Deliberately watched for a while: steady means no write at all, of whatever kind; requests before that are billed within a minute."""
    kinds = "lb,deployments,services,configmaps,secrets,roles,rolebindings,serviceaccounts,networkpolicies,pdb,events"

    def versions() -> dict[str, str]:
        found = web.get(kinds)["items"]
        quiet = [d for d in found if "elbow.dev/usage" not in d["metadata"].get("labels", {})]
        return {f"{d['kind']}/{d['metadata']['name']}": d["metadata"]["resourceVersion"] for d in quiet}

    settled(web)
    seen: list[Object] = [{}]

    def quiet() -> bool:
        """Since the last look: a Deployment tells of its newest pods as available some seconds after they are ready."""
        seen.append(versions())
        return seen[-1] == seen[-2]

    until(quiet, limit=30, every=3, say="all is quiet")
    before = seen[-1]
    stays(lambda: versions() == before, during=12, every=3, say="every object as it was")


def test_a_change_is_programmed_without_new_pods_and_drops_nothing(web: Space) -> None:
    before = {pod["metadata"]["uid"] for pod in web.proxies()}
    host, port = web.door("zone-a")
    with Load(port, host=host, posts=False, pause=0.05) as load:
        more = [
            {"name": "http", "protocol": "HTTP", "port": 80, "targetGroup": "web"},
            {"name": "second", "protocol": "HTTP", "port": 8081, "targetGroup": "web"},
        ]
        web.apply(balancer({"algorithm": "least_outstanding_requests"}, listeners=more))
        settled(web)
        load.wait_for(30)
    load.assert_clean(least=30)
    assert {pod["metadata"]["uid"] for pod in web.proxies()} == before
    (proxy,) = web.proxies("zone-a")
    assert ask((proxy["status"]["podIP"], 8081))["name"].startswith("web-")


def test_the_api_server_refuses_what_breaks_a_rule(web: Space) -> None:
    bad = balancer(listeners=[{"name": "http", "protocol": "HTTP", "port": 80, "targetGroup": "nobody"}])
    done = subprocess.run(
        ["kubectl", "-n", web.name, "apply", "--server-side", "-f", "-"],
        input=json.dumps(bad),
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "a listener's targetGroup must be the name of a target group" in done.stderr


@pytest.fixture
def lenient(elbow: None) -> Iterator[None]:
    """A CustomResourceDefinition that is older than the operator: it lacks the rules across fields."""
    name = "loadbalancers.elbow.dev"
    whole = json.loads(run("kubectl", "get", "crd", name, "-o", "json"))
    for field in ("resourceVersion", "managedFields"):
        whole["metadata"].pop(field, None)
    run("kubectl", "replace", "-f", "-", stdin=json.dumps(_without(whole, "x-kubernetes-validations")))
    yield
    run("kubectl", "replace", "-f", "-", stdin=json.dumps(whole))


def _without(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return {k: _without(v, key) for k, v in value.items() if k != key}
    return [_without(each, key) for each in value] if isinstance(value, list) else value


def accepts(web: Space, document: Object) -> bool:
    """Whether the API server takes a document: it takes up a new schema in its own time."""
    try:
        web.apply(document)
    except AssertionError:
        return False
    return True


def test_a_spec_that_is_refused_names_the_field_and_the_last_good_one_goes_on(web: Space, lenient: None) -> None:
    bad = balancer({"healthCheck": {"path": "/healthz", "matcher": "299-200"}})
    door = web.door("zone-a")
    with Load(door[1], host=door[0], posts=False, pause=0.05) as load:
        until(lambda: accepts(web, bad), limit=20, every=0.3, say="the API server takes it")
        accepted = web.until_condition("Accepted", status="False", reason="Invalid")
        assert "spec.targetGroups[0].healthCheck.matcher" in accepted["message"]
        assert web.condition("Stalled")["status"] == "True"
        load.wait_for(30)
        # A proxy that starts now runs the last good one too.
        (proxy,) = web.proxies("zone-c")
        web.kubectl("delete", "pod", proxy["metadata"]["name"], "--wait=false")
        new = until(lambda: [p for p in web.proxies("zone-c") if p["metadata"]["uid"] != proxy["metadata"]["uid"]])
        web.wait("condition=Ready", f"pod/{new[0]['metadata']['name']}")
        web.apply(balancer())
        settled(web)
    load.assert_clean(least=30)


def test_a_missing_service_is_named_and_comes_back(web: Space) -> None:
    (service,) = [web.get("service", "web")]
    web.kubectl("delete", "service", "web")
    ready = web.until_condition("Ready", status="False", reason="ListenerNotReady")
    assert ready["message"] == "listener http: Service web doesn't exist"
    for field in ("uid", "resourceVersion", "creationTimestamp"):
        service["metadata"].pop(field)
    service["spec"].pop("clusterIP")
    service["spec"].pop("clusterIPs")
    service.pop("status")
    service["metadata"].pop("managedFields", None)
    web.apply(service)
    settled(web)


def _secret(name: str, authority: Authority) -> Object:
    issued = authority.issue("shop.example")
    data = {"tls.crt": issued.chain.read_text(), "tls.key": issued.key.read_text()}
    meta = {"name": name}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "kubernetes.io/tls", "stringData": data}


def _serial(door: tuple[str, int], authority: Authority) -> int | None:
    try:
        with Client(door[1], door[0], tls=authority.client_context(), server_name="shop.example", limit=5) as client:
            return hash(client.socket.getpeercert(binary_form=True))
    except OSError:
        return None


def test_a_certificate_that_is_missing_costs_its_listener_alone_and_a_new_one_is_taken_up(
    web: Space, authority: Authority
) -> None:
    tls = {"certificates": [{"secretName": "shop"}]}
    both = [
        {"name": "http", "protocol": "HTTP", "port": 80, "targetGroup": "web"},
        {"name": "https", "protocol": "HTTPS", "port": 443, "targetGroup": "web", "tls": tls},
    ]
    web.apply(balancer(listeners=both))
    ready = web.until_condition("Ready", status="False", reason="ListenerNotReady")
    assert ready["message"] == "listener https: Secret shop doesn't exist; its port is closed meanwhile"
    assert ask(web.door("zone-a"))
    web.apply(_secret("shop", authority))
    settled(web)
    (proxy,) = web.proxies("zone-b")
    door = (proxy["status"]["podIP"], 443)
    first = until(lambda: _serial(door, authority), limit=20, every=0.3, say="the certificate")
    web.apply(_secret("shop", authority))
    second = until(
        lambda: (found := _serial(door, authority)) != first and found, limit=20, every=0.3, say="the next certificate"
    )
    broken = {**_secret("shop", authority), "stringData": {"tls.crt": "nonsense"}}
    web.apply(broken)
    ready = web.until_condition("Ready", status="False", reason="ListenerNotReady")
    assert ready["message"].startswith("listener https: Secret shop")
    assert ready["message"].endswith("; the certificates it had go on")
    assert _serial(door, authority) == second
    (plain, secure) = web.status()["listeners"]
    assert [c["reason"] for c in plain["conditions"]] == ["ResolvedRefs"]
    assert [c["reason"] for c in secure["conditions"]] == ["CertificateMissing"]
    assert ask(web.door("zone-a"))


def test_deleting_it_takes_everything_it_owned_and_nothing_else(make_space: object, web: Space) -> None:
    web.apply(balancer(name="other"))
    web.wait("condition=Ready", "lb/other")
    web.kubectl("delete", "lb", "other", "--timeout=30s")
    kinds = "all,configmaps,secrets,roles,rolebindings,serviceaccounts,networkpolicies,poddisruptionbudgets"
    until(
        lambda: not web.get(kinds, "--selector=elbow.dev/load-balancer=other")["items"],
        limit=120,
        every=0.5,
        say="everything of it is gone",
    )
    settled(web)
    assert web.get(kinds, "--selector=elbow.dev/load-balancer=web")["items"]
    assert web.get("service", "web")
