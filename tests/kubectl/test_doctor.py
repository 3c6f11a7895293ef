"""`kubectl elb doctor`: each of the usual mistakes is found, said with its cure, and not found where it isn't."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from console import scene
from elbow_kube.object import Object
from elbow_kubectl.doctor.command import of_cluster, of_load_balancer
from elbow_kubectl.doctor.evidence import Evidence, Surroundings
from elbow_kubectl.doctor.finding import Finding, Severity
from elbow_kubectl.views import View
from harness.fake_cluster import FakeCluster

from kubectl.conftest import Elb

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SELECTOR = {"app": "web"}


def pod(name: str, *, ready: bool = True, labels: Object | None = None, **spec: Any) -> Object:
    return {
        "metadata": {"name": name, "namespace": "shop", "labels": SELECTOR if labels is None else labels},
        "spec": {"containers": [{"name": "web", "lifecycle": {"preStop": {"sleep": {"seconds": 20}}}}], **spec},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def service(*, port: int = 80, **spec: Any) -> Object:
    made = scene.service("web", "shop", (port, "http"))
    return {**made, "spec": {**made["spec"], "selector": SELECTOR, **spec}}


def proxy(**status: Any) -> View:
    made = scene.proxy("web", "shop", "zone-a", "a1")
    return View({**made, "status": {**made["status"], **status}})


def healthy() -> list[Object]:
    return [scene.target(10 + i, zone) for i, zone in enumerate(scene.ZONES)]


def sick(reason: str, description: str) -> list[Object]:
    return [scene.target(10 + i, zone, "unhealthy", reason, description) for i, zone in enumerate(scene.ZONES)]


def evidence(targets: list[Object] | None = None, **spec: Any) -> Evidence:
    """A load balancer that is as it should be, in three zones, but for what a test says."""
    pods = tuple(pod(f"web-{i}") for i in range(3))
    told = healthy() if targets is None else targets
    return Evidence(scene.balancer("web", "shop", targets=told, **spec), NOW, services=(service(),), pods=pods)


def with_conditions(*conditions: Object) -> Evidence:
    return evidence(conditions=conditions)


def with_group(**fields: Any) -> Evidence:
    seen = evidence()
    seen.spec["targetGroups"][0] |= fields
    return seen


def found(seen: Evidence) -> dict[str, Finding]:
    return {finding.mistake.value: finding for finding in of_load_balancer(seen)}


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert of_load_balancer(evidence()) == []
    assert of_cluster(Surroundings()) != []  # there is no operator in it


def running(ready: int) -> Object:
    return {"metadata": {"name": "elbow-operator", "namespace": "elbow-system"}, "status": {"readyReplicas": ready}}


def node(name: str, zone: str | None = None) -> Object:
    return {"metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone} if zone else {}}}


@pytest.mark.parametrize(
    ("around", "mistakes"),
    [
        (Surroundings((running(2),), (node("a", "a"), node("b", "b"))), []),
        (Surroundings((running(2),), (node("a"), node("b"))), []),
        (Surroundings((running(0),)), ["OperatorDown"]),
        (Surroundings(()), ["OperatorMissing"]),
        (Surroundings(None, None), ["Unreadable"]),
        (Surroundings((running(2),), (node("a", "a"), node("b"))), ["NodesWithoutZone"]),
    ],
)
def test_the_operator_and_the_nodes_are_looked_at(around: Surroundings, mistakes: list[str]) -> None:
    assert [finding.mistake.value for finding in of_cluster(around)] == mistakes


def test_of_targets_nothing_is_said_while_no_proxy_tells_of_them() -> None:
    seen = evidence(targets=[])
    for zone in seen.status["zones"]:
        zone["proxies"]["converged"] = 0
    assert "NoTargets" not in found(seen)


def test_a_zone_that_no_node_is_in_is_told_from_one_without_a_ready_node() -> None:
    seen = evidence(zones={"zone-a": "active", "zone-x": "impaired"})
    seen.status["zones"][1]["reason"] = "NoReadyNodes"
    around = Surroundings((running(2),), (node("a1", "zone-a"), node("b1", "zone-b")))
    said = found(replace(seen, around=around))["ZoneImpaired"]
    assert (said.about, said.problem) == ("zone zone-x", "no node is in it; nodes are in zone-a, zone-b")
    seen.status["zones"][1]["name"] = "zone-b"
    assert found(replace(seen, around=around))["ZoneImpaired"].problem == "none of its nodes is ready"


def policy(**spec: Any) -> Object:
    return {"metadata": {"name": "deny"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"], **spec}}


def listener_without_certificate() -> Evidence:
    seen = evidence(protocol="HTTPS", port=443)
    said = "Secret web-tls doesn't exist"
    seen.status["listeners"][0]["conditions"] = [scene.condition("ResolvedRefs", "False", "CertificateMissing", said)]
    return seen


def autoscaler() -> Object:
    said = {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric", "message": "no metrics"}
    return {"metadata": {"name": "elb-web-zone-a"}, "status": {"conditions": [said]}}


def waiting(reason: str) -> Object:
    return {"name": "agent", "image": "elbow:1", "state": {"waiting": {"reason": reason}}}


def died(reason: str) -> Object:
    return {"name": "haproxy", "restartCount": 3, "lastState": {"terminated": {"reason": reason, "exitCode": 137}}}


UNSCHEDULED = {"type": "PodScheduled", "status": "False", "message": "0/4 nodes are available: insufficient cpu"}
PORTS = UNSCHEDULED | {
    "message": "0/4 nodes are available: 1 node(s) didn't have free ports for the requested pod ports"
}
PENDING = scene.condition("Programmed", "False", "ProxiesPending", "zone zone-a has no ready proxy: forbidden")
CLASS = scene.condition("Programmed", "False", "ObjectRefused", "loadBalancerClass: may not change once set")
REPORT = {"targetGroups": [{**scene.group("web", healthy()), "spillover": 7}], "faults": ["disk full"]}
ADDRESS = scene.condition("Ready", "False", "AddressPending", "the zones' Services have no address yet")
MISTAKES: list[tuple[str, Evidence, str]] = [
    # what is found, in what, and a part of the cure
    ("SpecRefused", with_conditions(scene.condition("Accepted", "False", "Invalid", "spec.x: y")), "kubectl edit lb web"),
    ("SpecRefused", with_conditions(scene.condition("Accepted", "False", "NoZones")), "spec.zones"),
    ("ObjectRefused", with_conditions(scene.condition("Programmed", "False", "ObjectRefused", "quota")), "quota"),
    ("AddressPending", with_conditions(ADDRESS), "MetalLB"),
    ("AddressPending", evidence(conditions=(ADDRESS,), exposure={"type": "HostPort"}), "ready proxies"),
    ("DnsUnpublished", with_conditions(scene.condition("DnsPublished", "False", "HostnameMissing", "no name")), "operator.md"),
    ("ProxyNotStarting", replace(evidence(), views=(proxy(phase="Pending", conditions=[UNSCHEDULED]),)), "room"),
    ("ProxyNotStarting", replace(evidence(), views=(proxy(phase="Pending", conditions=[PORTS]),)), "other ports"),
    ("ProxyNotStarting", with_conditions(PENDING), "kubectl describe deployments,replicasets"),
    ("ObjectRefused", with_conditions(CLASS), "delete the Services it names"),
    ("ProxyNotStarting", replace(evidence(), views=(proxy(containerStatuses=[waiting("ImagePullBackOff")]),)), "image.repository"),
    ("ProxyOutOfMemory", replace(evidence(), views=(proxy(initContainerStatuses=[died("OOMKilled")]),)), "limits.memory"),
    ("ProxyRestarts", replace(evidence(), views=(proxy(initContainerStatuses=[died("Error")]),)), "--previous"),
    ("ProxyFault", replace(evidence(), views=(replace(proxy(), report=REPORT),)), "last good"),
    ("ProxySilent", replace(evidence(), views=(replace(proxy(), fault="refused", status=503),)), "9900"),
    ("Unreadable", replace(evidence(), views=(replace(proxy(), fault="no", status=403),)), "elbow-view"),
    ("ProxyAlone", evidence(proxy={"replicas": 1}), "2 or more"),
    ("AutoscalerInactive", replace(evidence(), autoscalers=(autoscaler(),)), "metrics-server"),
    ("CertificateMissing", listener_without_certificate(), "kubectl create secret tls"),
    ("ServiceMissing", with_group(targets={"service": {"name": "wbe", "port": 80}}), "did you mean web?"),
    ("PortMissing", with_group(targets={"service": {"name": "web", "port": 81}}), "targets.service.port"),
    ("PortMissing", replace(evidence(), services=(service(ports=[{"port": 80, "protocol": "UDP"}]),)), "to one of them"),
    ("ServiceUnfit", replace(evidence(), services=(service(type="ExternalName"),)), "addresses"),
    ("NoTargets", replace(evidence(targets=[]), pods=()), "labels and selector"),
    ("NoTargets", evidence(targets=[]), "targetPort"),
    ("NoTargets", replace(evidence(targets=[]), services=(service(selector=None),)), "give it a selector"),
    ("PodsNotReady", replace(evidence(targets=[]), pods=(pod("web-0", ready=False),)), "describe pod web-0"),
    ("CodeMismatch", evidence(sick("Target.ResponseCodeMismatch", "Health checks failed with these codes: [404]")), "healthCheck.path"),
    ("CodeMismatch", evidence(sick("Target.ResponseCodeMismatch", "Health checks failed with these codes: [418]")), "matcher"),
    ("NoHealthyTargets", evidence(sick("Target.Timeout", "Request timed out")), "other findings"),
    ("ChecksTimeOut", evidence(sick("Target.Timeout", "Request timed out")), "firewall"),
    ("ChecksFail", evidence(sick("Target.FailedHealthChecks", "Health checks failed")), "0.0.0.0"),
    ("NetworkPolicy", replace(evidence(sick("Target.Timeout", "Request timed out")), policies=(policy(),)), "elbow-proxy"),
    ("ZoneImpaired", evidence(zones={"zone-a": "active", "zone-b": "active", "zone-c": "impaired"}), "topology spread"),
    ("ZoneShifted", evidence(zonalShift={"awayFrom": "zone-a", "until": "2026-11-25T13:00:00Z"}), "cancel web"),
    ("ZoneWithoutTargets", evidence(healthy()[:2], crossZone="disabled"), "crossZone"),
    ("ZoneWithoutTargets", evidence([scene.target(i, "zone-a") for i in range(3)]), "topologySpreadConstraints"),
    ("OneZone", evidence([scene.target(i, "zone-a") for i in range(3)], zones={"zone-a": "active"}), "spec.zones"),
    ("TargetAlone", evidence(healthy()[:1]), "two or more"),
    ("TakenOut", evidence(deregisteredTargets=[{"targetGroup": "web", "pod": "web-0"}]), "undrain web"),
    ("EndsTooSoon", replace(evidence(), pods=(pod("web-0", containers=[{"name": "web"}]),)), "elbow.dev/drain-seconds"),
    ("Spillover", replace(evidence(), views=(replace(proxy(), report=REPORT),)), "surgeQueue.length"),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "seen", "cure"), MISTAKES)
def test_a_usual_mistake_is_found_and_its_cure_is_said(mistake: str, seen: Evidence, cure: str) -> None:
    finding = found(seen)[mistake]

    assert cure in finding.cure
    assert finding.problem


def test_a_spec_nobody_looked_at_is_told_after_half_a_minute() -> None:
    seen = evidence()
    seen.load_balancer["metadata"] |= {"generation": 2, "managedFields": [{"time": "2026-11-25T11:59:40Z"}]}

    assert "OperatorBehind" not in found(seen)
    assert "OperatorBehind" in found(replace(seen, now=datetime(2026, 11, 25, 12, 1, tzinfo=UTC)))


def test_a_policy_that_lets_everyone_in_is_not_blamed() -> None:
    timing_out = evidence(sick("Target.Timeout", "Request timed out"))

    assert "NetworkPolicy" not in found(replace(timing_out, policies=(policy(ingress=[{}]),)))
    assert "NetworkPolicy" not in found(
        replace(timing_out, policies=(policy(podSelector={"matchLabels": {"app": "x"}}),))
    )


def test_what_clients_feel_comes_first() -> None:
    seen = evidence(sick("Target.Timeout", "Request timed out"), proxy={"replicas": 1})

    severities = [finding.severity for finding in of_load_balancer(seen)]

    assert severities == sorted(severities, key=list(Severity).index)
    assert severities[0] is Severity.ERROR
    assert severities[-1] is Severity.NOTE


def test_the_command_prints_the_cure_and_ends_with_1_while_something_is_wrong(elb: Elb, cluster: FakeCluster) -> None:
    said = elb("doctor", "web")

    assert "ERROR  operator: no operator is installed" in said.out
    assert "cure: helm install elbow" in said.out
    assert "answer the check of /healthz with 503, not 200" in said.out
    assert said.code == 1
    assert cluster.writes == []


def test_the_command_ends_with_0_once_all_is_mended(elb: Elb, cluster: FakeCluster) -> None:
    cluster.put("/apis/apps/v1/deployments", {**running(2), "kind": "Deployment"} | {
        "metadata": {"name": "elbow-operator", "namespace": "elbow-system", "labels": {"app.kubernetes.io/name": "elbow-operator"}}
    })  # fmt: skip
    for service in cluster.names(scene.SERVICES):
        cluster.remove(scene.SERVICES, service)
    cluster.put(scene.SERVICES, scene.service("search", "shop", (80, "http")))

    said = elb("doctor", "search")

    assert said.out.splitlines()[0] == "cluster: nothing is wrong"
    assert said.code == 0, said.out


def test_for_programs_each_finding_has_a_reason(elb: Elb) -> None:
    documents = json.loads(elb("doctor", "web", "-o", "json").out)

    assert [document["about"] for document in documents] == ["cluster", "shop/web"]
    assert documents[0]["findings"][0]["reason"] == "OperatorMissing"
