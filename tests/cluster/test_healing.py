"""Whatever of a load balancer someone edits or deletes is put back."""

import json
from typing import Any

from harness.cluster_objects import balancer
from harness.kube import Space, settled
from harness.poll import until

_EDITS: dict[str, dict[str, Any]] = {
    "serviceaccount/elb-web": {"automountServiceAccountToken": True},
    "role/elb-web": {"rules": []},
    "rolebinding/elb-web": {"subjects": []},
    "configmap/elb-web": {"data": {"config.json": "{}"}},
    "networkpolicy/elb-web": {"spec": {"ingress": []}},
    "service/elb-web": {"spec": {"ports": [{"name": "http", "port": 80, "targetPort": 81}]}},
    "service/elb-web-zone-a": {"spec": {"externalTrafficPolicy": "Cluster"}},
    "deployment/elb-web-zone-b": {"spec": {"minReadySeconds": 9}},
    "poddisruptionbudget/elb-web-zone-c": {"spec": {"maxUnavailable": 7}},
    "horizontalpodautoscaler/elb-web-zone-a": {"spec": {"maxReplicas": 9}},
}
_ALL = [*_EDITS, "secret/elb-web"]


def whole(space: Space) -> dict[str, dict[str, Any]]:
    """What the owned objects are to be, without what the API server counts; those that are gone are left out."""
    found = json.loads(space.kubectl("get", *_ALL, "--ignore-not-found", "-o", "json") or '{"items": []}')
    return {f"{d['kind'].lower()}/{d['metadata']['name']}": d for d in found.get("items", [found])}


def essence(document: dict[str, Any]) -> dict[str, Any]:
    """What edits change."""
    meta = document["metadata"]
    kept = {k: v for k, v in document.items() if k not in ("metadata", "status")}
    spec = {k: v for k, v in document.get("spec", {}).items() if k not in ("clusterIP", "clusterIPs")}
    ports = [{k: v for k, v in port.items() if k != "nodePort"} for port in spec.get("ports", [])]
    spec = spec | ({"ports": ports} if ports else {})
    if "template" in spec:  # it names the UID of the proxies' ServiceAccount, whose tokens go with it
        spec["template"]["metadata"].pop("annotations")
    return kept | ({"spec": spec} if spec else {}) | {"labels": meta["labels"], "owner": meta["ownerReferences"]}


def test_what_someone_edits_or_deletes_comes_back(web: Space) -> None:
    web.apply(balancer(proxy={"replicas": 1, "maxReplicas": 2}))
    settled(web)
    before = until(lambda: w if len(w := whole(web)) == len(_ALL) else None, limit=20, every=0.3, say="all of them")
    wanted = {name: essence(document) for name, document in before.items()}

    def changed() -> list[str]:
        now = {name: essence(document) for name, document in whole(web).items()}
        return [name for name in wanted if now.get(name) != wanted[name]]

    for name, patch in _EDITS.items():
        web.kubectl("patch", name, "--type=merge", "--patch", json.dumps(patch))
    until(lambda: not changed(), limit=20, every=0.3, say=f"all is as before the edits, of {changed()}")

    web.kubectl("delete", *_ALL, "--wait=false")
    until(lambda: not changed(), limit=30, every=0.3, say=f"all is as before the deletion of {changed()}")
    after = whole(web)
    assert all(after[name]["metadata"]["uid"] != before[name]["metadata"]["uid"] for name in _ALL)
    assert after["secret/elb-web"]["data"] == before["secret/elb-web"]["data"]
    web.apply(balancer())
    settled(web)  # by new proxies: the old ones' tokens are worth nothing
    until(lambda: not web.get("hpa")["items"], limit=20, every=0.3, say="no autoscaler is left")


def test_its_secret_cant_be_edited(web: Space) -> None:
    assert web.get("secret", "elb-web")["immutable"]


def test_a_zone_that_someone_scales_is_as_it_is_to_be_again(web: Space) -> None:
    web.kubectl("scale", "deployment/elb-web-zone-a", "--replicas=0")
    until(lambda: web.get("deployment", "elb-web-zone-a")["spec"]["replicas"] == 1, limit=20, every=0.3)
    settled(web)


def test_one_that_is_deleted_and_made_again_at_once_serves(web: Space) -> None:
    web.apply(balancer(name="again"))
    web.wait("condition=Ready", "lb/again")
    old = {pod["metadata"]["uid"] for pod in web.proxies(lb="again")}
    web.kubectl("delete", "lb", "again")
    web.apply(balancer(name="again"))
    web.wait("condition=Ready", "lb/again")
    until(lambda: not old & {pod["metadata"]["uid"] for pod in web.proxies(lb="again")}, limit=60, every=0.5)
    until(lambda: web.condition("Ready", "again").get("status") == "True", limit=60, every=0.5)
    web.kubectl("delete", "lb", "again")
