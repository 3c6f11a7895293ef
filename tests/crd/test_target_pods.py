"""Pods that ask by a label, as the chart's admission policies have a real API server change them."""

from collections.abc import Callable
from typing import Any

import pytest
from harness.api_server import ApiServer
from harness.chart import rendered
from harness.poll import until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

_POLICIES = "/apis/admissionregistration.k8s.io/v1"
_GATE = {"conditionType": "elbow.dev/load-balanced"}
Make = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def make(api: ApiServer) -> Make:
    """Has a pod with labels admitted, and returns its spec."""
    for document in rendered(options=("--show-only=templates/target-pods.yaml",)):
        plural = document["kind"].lower().removesuffix("y") + ("ies" if document["kind"].endswith("y") else "s")
        answer = api.apply(document, f"{_POLICIES}/{plural}/{document['metadata']['name']}")
        assert answer.status_code == 201, answer.text

    def make(labels: dict[str, str], **spec: Any) -> dict[str, Any]:
        containers = [
            {"name": "web", "image": "web"},
            {"name": "own", "image": "web", "lifecycle": {"preStop": {"sleep": {"seconds": 3}}}},
        ]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "pod", "labels": labels},
            "spec": {"automountServiceAccountToken": False, "containers": containers, **spec},
        }
        path = "/api/v1/namespaces/default/pods"
        answer = api.http.post(path, json=pod, params={"dryRun": "All"})
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()["spec"]
        return found

    both = {"elbow.dev/readiness-gate": "enabled", "elbow.dev/drain-seconds": "1"}
    until(
        lambda: make(both).get("readinessGates") and make(both)["terminationGracePeriodSeconds"] == 31,
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


@pytest.mark.parametrize("labels", [{}, {"elbow.dev/readiness-gate": "disabled"}])
def test_pods_that_do_not_ask_are_left_alone(make: Make, labels: dict[str, str]) -> None:
    spec = make(labels)
    assert "readinessGates" not in spec
    assert "lifecycle" not in spec["containers"][0]
    assert spec["terminationGracePeriodSeconds"] == 30
