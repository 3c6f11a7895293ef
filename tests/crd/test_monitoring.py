"""What the chart makes for the Prometheus operator, taken by an API server that has that operator's resources."""

from typing import Any

import pytest
import yaml
from harness.api_server import ApiServer
from harness.chart import rendered
from harness.monitoring import definitions
from harness.poll import until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

_PLURALS = {"PodMonitor": "podmonitors", "PrometheusRule": "prometheusrules"}


def path(kind: str, name: str = "") -> str:
    return f"/apis/monitoring.coreos.com/v1/namespaces/default/{_PLURALS[kind]}/{name}".rstrip("/")


@pytest.fixture(scope="module")
def monitored(api: ApiServer) -> ApiServer:
    for crd in definitions():
        answer = api.http.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=crd)
        assert answer.status_code == 201, answer.text
    for kind in _PLURALS:
        until(lambda kind=kind: api.http.get(path(kind)).status_code == 200, limit=30, say=f"{kind} is served")
    return api


def documents() -> list[dict[str, Any]]:
    found = rendered("podMonitors.enabled=true", "alerts.enabled=true")
    return [document for document in found if document["kind"] in _PLURALS]


def test_it_takes_them_and_knows_every_field(monitored: ApiServer) -> None:
    assert [document["kind"] for document in documents()] == ["PodMonitor", "PodMonitor", "PrometheusRule"]
    for document in documents():
        document["metadata"]["namespace"] = "default"
        at = path(document["kind"], document["metadata"]["name"])
        answer = monitored.apply(document, at, fieldValidation="Strict")
        assert answer.status_code == 201, answer.text


def test_a_field_it_does_not_know_is_seen(monitored: ApiServer) -> None:
    """The check checks."""
    document = yaml.safe_load(yaml.safe_dump(documents()[0]))
    document["metadata"] |= {"namespace": "default", "name": "wrong"}
    document["spec"]["podMetricsEndpoints"][0]["intervall"] = "15s"
    answer = monitored.apply(document, path("PodMonitor", "wrong"), fieldValidation="Strict")
    assert answer.status_code >= 400
    assert "intervall" in answer.text
