"""A real API server that knows the resource."""

from collections.abc import Iterator

import pytest
from elbow_crd.definition import definition
from harness.api_server import ApiServer
from harness.poll import until
from harness.ports import Ports

_PATH = "/apis/elbow.dev/v1alpha1/namespaces/default/loadbalancers"


@pytest.fixture(scope="package")
def api(tmp_path_factory: pytest.TempPathFactory, ports: Ports) -> Iterator[ApiServer]:
    server = ApiServer(tmp_path_factory.mktemp("api"), ports)
    try:
        server.wait()
        crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        created = server.http.post(crds, json=definition())
        assert created.status_code == 201, created.text
        until(lambda: server.http.get(_PATH).status_code == 200, limit=30, say="the resource is served")
        until(lambda: server.http.get("/api/v1/namespaces/default").status_code == 200, limit=30)
        yield server
    finally:
        server.stop()
