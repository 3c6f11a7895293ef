"""Pods that ask by a label, as the chart's admission policies have a real API server change them."""

from collections.abc import Callable
from typing import Any

import pytest
from harness.api_server import ApiServer
from harness.chart import of_kind, rendered
from harness.poll import until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

_POLICIES = "/apis/admissionregistration.k8s.io/v1"
_GATE = {"conditionType": "elbow.dev/load-balanced"}
Make = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def address(api: ApiServer) -> str:
    """Where the operator is asked: the ClusterIP of the chart's Service."""
    (service,) = of_kind(rendered(), "Service")
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elbow-system"}}
    assert api.apply(space, "/api/v1/namespaces/elbow-system").is_success
    answer = api.apply(service, "/api/v1/namespaces/elbow-system/services/elbow-drain")
    assert answer.is_success, answer.text
    found: str = answer.json()["spec"]["clusterIP"]
    return found


@pytest.fixture(scope="module")
def make(api: ApiServer, address: str) -> Make:
    """Has a pod with labels admitted, and returns its spec."""
    for document in rendered(options=("--show-only=templates/target-pods.yaml",)):
        plural = document["kind"].lower().removesuffix("y") + ("ies" if document["kind"].endswith("y") else "s")
        answer = api.apply(document, f"{_POLICIES}/{plural}/{document['metadata']['name']}")
        assert answer.status_code == 201, answer.text

    def make(
        labels: dict[str, str], *, space: str = "default", name: dict[str, str] | None = None, **spec: Any
    ) -> dict[str, Any]:
        containers = [
            {"name": "web", "image": "web"},
            {"name": "own", "image": "web", "lifecycle": {"preStop": {"sleep": {"seconds": 3}}}},
        ]
        security = {"runAsNonRoot": True, "runAsUser": 1, "seccompProfile": {"type": "RuntimeDefault"}}
        for container in containers:
            container["securityContext"] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"labels": labels, **(name or {"name": "pod"})},
            "spec": {"securityContext": security, "containers": containers, **spec},
        }
        path = f"/api/v1/namespaces/{space}/pods"
        answer = api.http.post(path, json=pod, params={"dryRun": "All"})
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()["spec"]
        return found

    both = {"elbow.dev/readiness-gate": "enabled", "elbow.dev/drain-seconds": "1"}
    asks = {**both, "elbow.dev/drain": "acknowledged"}
    until(
        lambda: all(
            (pod := make(labels)).get("readinessGates") and pod["terminationGracePeriodSeconds"] == 31
            for labels in (both, asks)
        ),
        limit=30,
        every=0.2,
        say="the policies are in force",
    )
    return make


def test_a_readiness_gate_is_added(make: Make) -> None:
    labels = {"elbow.dev/readiness-gate": "enabled"}
    other = {"conditionType": "example.com/other"}
    assert make(labels)["readinessGates"] == [_GATE]
    assert make(labels, readinessGates=[other])["readinessGates"] == [other, _GATE]
    assert make(labels, readinessGates=[_GATE])["readinessGates"] == [_GATE]


def test_containers_sleep_before_they_are_told_to_end_and_the_grace_is_as_much_longer(make: Make) -> None:
    spec = make({"elbow.dev/drain-seconds": "20"}, terminationGracePeriodSeconds=45)
    assert [c["lifecycle"]["preStop"]["sleep"]["seconds"] for c in spec["containers"]] == [20, 3]
    assert spec["terminationGracePeriodSeconds"] == 65


_ASKS = {"elbow.dev/drain": "acknowledged"}


def test_containers_ask_the_operator_before_they_are_told_to_end(make: Make, address: str) -> None:
    spec = make({**_ASKS, "elbow.dev/drain-seconds": "60"}, terminationGracePeriodSeconds=45)
    question = {"host": address, "port": 9901, "path": "/drained/default/pod?at-most=60", "scheme": "HTTP"}
    assert [c["lifecycle"]["preStop"] for c in spec["containers"]] == [{"httpGet": question}, {"sleep": {"seconds": 3}}]
    assert spec["terminationGracePeriodSeconds"] == 105


def test_a_pod_that_has_no_name_yet_asks_by_how_it_will_begin_and_for_elbs_own_delay_if_nothing_is_said(
    make: Make,
) -> None:
    spec = make(_ASKS, name={"generateName": "web-7d5c-"})
    assert spec["containers"][0]["lifecycle"]["preStop"]["httpGet"]["path"] == "/drained/default/web-7d5c-*?at-most=300"
    assert spec["terminationGracePeriodSeconds"] == 330


@pytest.mark.parametrize(
    ("level", "version", "may"),
    [
        ("restricted", None, False),
        ("baseline", "latest", False),
        ("baseline", "v1.34", False),
        ("restricted", "v1.33", True),
        ("restricted", "v1.9", True),
        ("privileged", "latest", True),
    ],
)
def test_where_pod_security_forbids_the_question_a_pod_sleeps_and_is_admitted(
    api: ApiServer, make: Make, level: str, version: str | None, may: bool
) -> None:
    name = f"{level}-{version or 'none'}".replace(".", "-")
    labels = {"pod-security.kubernetes.io/enforce": level}
    if version:
        labels["pod-security.kubernetes.io/enforce-version"] = version
    document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    assert api.apply(document, f"/api/v1/namespaces/{name}").is_success
    made = make({**_ASKS, "elbow.dev/drain-seconds": "20"}, space=name)
    assert made["terminationGracePeriodSeconds"] == 50
    assert list(made["containers"][0]["lifecycle"]["preStop"]) == ["httpGet" if may else "sleep"]


def test_without_the_service_a_pod_is_admitted_as_it_is(api: ApiServer, make: Make) -> None:
    service = "/api/v1/namespaces/elbow-system/services/elbow-drain"
    document = api.http.get(service).json()
    api.http.delete(service)
    try:
        until(lambda: "lifecycle" not in make(_ASKS)["containers"][0], limit=30, every=0.2)
        assert make(_ASKS)["terminationGracePeriodSeconds"] == 30
    finally:
        spec = {key: document["spec"][key] for key in ("ports", "clusterIP")}
        again = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "elbow-drain"}, "spec": spec}
        assert api.apply(again, service).is_success
    until(lambda: "lifecycle" in make(_ASKS)["containers"][0], limit=30, every=0.2)


@pytest.mark.parametrize("labels", [{}, {"elbow.dev/readiness-gate": "disabled"}, {"elbow.dev/drain": "whatever"}])
def test_pods_that_do_not_ask_are_left_alone(make: Make, labels: dict[str, str]) -> None:
    spec = make(labels)
    assert "readinessGates" not in spec
    assert "lifecycle" not in spec["containers"][0]
    assert spec["terminationGracePeriodSeconds"] == 30
