"""spec.deletionProtection, as the chart's admission policy has a real API server enforce it."""

from collections.abc import Callable

import httpx
import pytest
from harness.api_server import ApiServer
from harness.chart import rendered
from harness.poll import until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

_POLICIES = "/apis/admissionregistration.k8s.io/v1"
_PATH = "/apis/elbow.dev/v1alpha1/namespaces/default/loadbalancers"
Make = Callable[..., str]


@pytest.fixture(scope="module")
def make(api: ApiServer) -> Make:
    """Makes a LoadBalancer under the chart's policy and returns its path."""
    for document in rendered(options=("--show-only=templates/deletion-protection.yaml",)):
        plural = document["kind"].lower().removesuffix("y") + ("ies" if document["kind"].endswith("y") else "s")
        answer = api.apply(document, f"{_POLICIES}/{plural}/{document['metadata']['name']}")
        assert answer.status_code == 201, answer.text

    def make(name: str, **spec: object) -> str:
        document = {
            "apiVersion": "elbow.dev/v1alpha1",
            "kind": "LoadBalancer",
            "metadata": {"name": name},
            "spec": {
                "listeners": [{"name": "http", "protocol": "HTTP", "port": 80, "targetGroup": "web"}],
                "targetGroups": [
                    {"name": "web", "protocol": "HTTP", "targets": {"service": {"name": "web", "port": 80}}}
                ],
                **spec,
            },
        }
        answer = api.apply(document, f"{_PATH}/{name}")
        assert answer.is_success, answer.text
        return f"{_PATH}/{name}"

    def refused() -> bool:
        return api.http.delete(probe, params={"dryRun": "All"}).status_code == 403

    probe = make("probe", deletionProtection=True)
    until(refused, limit=30, every=0.2, say="the policy is in force")
    return make


def test_a_protected_one_is_not_deleted_and_the_refusal_says_the_way_out(api: ApiServer, make: Make) -> None:
    path = make("kept", deletionProtection=True)
    answer = api.http.delete(path)
    assert answer.status_code == 403
    said = answer.json()["message"]
    assert "it has deletionProtection; to delete it, first run: kubectl patch lb kept -n default" in said
    assert api.http.get(path).status_code == 200
    # The way out, taken from the message.
    patch = said[said.index("-p '") + 4 : said.rindex("'")]
    done = api.http.patch(path, content=patch, headers={"Content-Type": "application/merge-patch+json"})
    assert done.status_code == 200, done.text
    assert api.http.delete(path).status_code == 200
    assert api.http.get(path).status_code == 404


def test_one_without_is_deleted(api: ApiServer, make: Make) -> None:
    assert api.http.delete(make("free")).status_code == 200
    assert api.http.delete(make("off", deletionProtection=False)).status_code == 200


def test_deleting_all_leaves_the_protected_ones(api: ApiServer, make: Make) -> None:
    kept, free = make("kept-of-all", deletionProtection=True), make("one-of-all")
    answer: httpx.Response = api.http.delete(_PATH)
    assert answer.status_code == 403, answer.text
    assert api.http.get(kept).status_code == 200
    until(lambda: api.http.delete(free).status_code in (200, 404), limit=10)


def test_its_other_changes_are_nobodys_business(api: ApiServer, make: Make) -> None:
    make("changed", deletionProtection=True)
    assert make("changed", deletionProtection=True, scheme="internal")
