"""The console over HTTP, as its page and those who shouldn't talk to it."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from elbow_kube.object import Object
from harness.console import Console, kubeconfig
from harness.fake_api import Trouble
from harness.fake_cluster import BALANCERS, FakeCluster
from harness.poll import until

from console import scene

ONE = "/api/load-balancers/shop/web"


def new(name: str = "cart", **spec: Any) -> Object:
    """A load balancer as the form makes it."""
    group = {"name": "cart", "protocol": "HTTP", "targets": {"service": {"name": "cart", "port": 8080}}}
    listener = {"name": "http", "protocol": "HTTP", "port": 80, "targetGroup": "cart"}
    return {
        "apiVersion": "elbow.dev/v1alpha1",
        "kind": "LoadBalancer",
        "metadata": {"name": name},
        "spec": {"listeners": [listener], "targetGroups": [group], **spec},
    }


def test_the_page_runs_nothing_that_is_not_its_own(console: Console) -> None:
    answer = httpx.get(console.url)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    for text in ("<script>", "style=", "onclick", "https://"):
        assert text not in answer.text


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/api/choices", "/api/none", "/static/none.js"])
def test_every_answer_carries_the_headers(console: Console, path: str) -> None:
    answer = console.http.get(path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Security-Policy"]


def test_a_name_pointed_at_loopback_gets_nothing(console: Console) -> None:
    for path in ("/", "/api/choices"):
        assert console.http.get(path, headers={"Host": f"evil.example:{console.port}"}).status_code == 421


def test_another_site_and_a_page_without_the_key_change_nothing(console: Console, cluster: FakeCluster) -> None:
    body = {"document": new()}
    assert (
        console.http.post("/api/load-balancers", json=body, headers={"Origin": "http://evil.example"}).status_code
        == 403
    )
    assert console.http.delete(ONE, headers={"Origin": "http://localhost:1"}).status_code == 403
    assert (
        httpx.post(f"{console.url}/api/load-balancers", json=body, headers={"Origin": console.url}).status_code == 401
    )
    assert (
        httpx.post(
            f"{console.url}/api/load-balancers", json=body, headers={"Authorization": f"Bearer {console.token}"}
        ).status_code
        == 403
    )
    assert cluster.writes == []


def test_reading_needs_the_key(console: Console) -> None:
    for path in ("/api/stream", "/api/choices", ONE):
        assert httpx.get(f"{console.url}{path}").status_code == 401


def test_it_listens_on_loopback_alone(console: Console) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        own = probe.getsockname()[0]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((own, console.port), timeout=3)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../main.py",
        "/static/..%2fmain.py",
        "/static/%2e%2e/site.py",
        "/static//etc/passwd.js",
        "/static/vendor/uplot/LICENSE",
    ],
)
def test_nothing_but_the_pages_own_files_is_served(console: Console, path: str) -> None:
    with socket.create_connection(("127.0.0.1", console.port), timeout=5) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{console.port}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.split(b" ")[1] == b"404" or b"<!doctype html>" in answer
    assert b"import" not in answer


def test_a_draft_is_checked_field_by_field(console: Console, cluster: FakeCluster) -> None:
    document = new("Cart_1")
    document["spec"]["listeners"][0]["port"] = 0
    answer = console.http.post("/api/check", json={"document": document}).json()
    faults = {fault["field"]: fault for fault in answer["faults"]}
    assert set(faults) == {"metadata.name", "spec.listeners[0].port"}
    assert faults["spec.listeners[0].port"]["path"] == ["spec", "listeners", 0, "port"]
    assert answer["yaml"].splitlines()[faults["metadata.name"]["line"] - 1] == "  name: Cart_1"
    assert cluster.writes == []


def test_a_good_draft_is_tried_on_the_api_server_and_changes_nothing(console: Console, cluster: FakeCluster) -> None:
    answer = console.http.post("/api/check", json={"document": new()}).json()
    assert (answer["faults"], answer["refused"]) == ([], "")
    cluster.refusal = (403, "User me cannot patch loadbalancers")
    assert "cannot patch" in console.http.post("/api/check", json={"document": new()}).json()["refused"]
    assert cluster.balancer("cart") is None
    assert cluster.writes == []


def test_a_name_that_is_taken_is_a_fault_of_the_name_and_overwrites_nothing(
    console: Console, cluster: FakeCluster
) -> None:
    checked = console.http.post("/api/check", json={"document": new("web")}).json()
    assert [(fault["field"], "exists" in fault["message"]) for fault in checked["faults"]] == [("metadata.name", True)]
    assert console.http.post("/api/load-balancers", json={"document": new("web")}).status_code == 422
    assert cluster.writes == []


def test_it_is_created_by_server_side_apply_that_takes_no_field_from_anyone(
    console: Console, cluster: FakeCluster
) -> None:
    answer = console.http.post("/api/load-balancers", json={"document": new()})
    assert (answer.status_code, answer.json()) == (201, {"namespace": "shop", "name": "cart"})
    ((method, path, _),) = cluster.writes
    assert method == "PATCH"
    assert path.endswith("/namespaces/shop/loadbalancers/cart?fieldManager=kubectl-elb&force=false")
    made = cluster.balancer("cart")
    assert made
    assert made["spec"] == new()["spec"]


def test_an_edit_replaces_the_version_that_was_read_and_no_newer_one(console: Console, cluster: FakeCluster) -> None:
    read = console.http.get("/api/load-balancers/payments/checkout").json()
    assert read["managers"] == ["argocd"]
    assert "status" not in read["yaml"]
    assert "managedFields" not in read["yaml"]
    edited = {"yaml": read["yaml"].replace("interval: 5s", "interval: 7s"), "resourceVersion": read["resourceVersion"]}
    assert console.http.post("/api/check", json=edited).json()["refused"] == ""
    assert cluster.writes == []

    assert console.http.put("/api/load-balancers/payments/checkout", json=edited).status_code == 200
    late = console.http.put("/api/load-balancers/payments/checkout", json=edited | {"yaml": read["yaml"]})

    assert late.status_code == 409
    now = cluster.balancer("checkout")
    assert now
    assert now["spec"]["targetGroups"][0]["healthCheck"]["interval"] == "7s"


def test_an_edit_cannot_become_another(console: Console, cluster: FakeCluster) -> None:
    read = console.http.get(ONE).json()
    answer = console.http.put(
        ONE, json=read | {"yaml": read["yaml"].replace("name: web\n  namespace", "name: other\n  namespace")}
    )
    assert answer.status_code == 422
    assert cluster.writes == []


def test_it_is_deleted_only_by_its_name(console: Console, cluster: FakeCluster) -> None:
    assert console.http.request("DELETE", ONE, json={}).status_code == 422
    assert console.http.request("DELETE", ONE, json={"confirm": "wep"}).status_code == 422
    assert cluster.writes == []
    assert console.http.request("DELETE", ONE, json={"confirm": "web"}).status_code == 200
    assert cluster.balancer("web") is None


def test_what_the_api_server_refuses_is_told_in_its_words(console: Console, cluster: FakeCluster) -> None:
    cluster.refusal = (403, "it has deletionProtection; to delete it, first run: kubectl patch")
    answer = console.http.request("DELETE", "/api/load-balancers/payments/checkout", json={"confirm": "checkout"})
    assert answer.status_code == 403
    assert "deletionProtection" in answer.json()["error"]


def test_a_zonal_shift_starts_for_a_time_and_is_cancelled(console: Console, cluster: FakeCluster) -> None:
    asked = {"awayFrom": "zone-b", "minutes": 60, "reason": "power"}
    assert console.http.post(f"{ONE}/zonal-shift", json=asked).status_code == 200
    shift = (cluster.balancer("web") or {})["spec"]["zonalShift"]
    assert (shift["awayFrom"], shift["reason"]) == ("zone-b", "power")
    assert console.heard("balancer", lambda one: one["zonalShift"], namespace="shop", name="web")["zonalShift"] == shift
    assert console.http.delete(f"{ONE}/zonal-shift").status_code == 200
    assert "zonalShift" not in (cluster.balancer("web") or {})["spec"]
    assert console.http.post(f"{ONE}/zonal-shift", json=asked | {"minutes": 5000}).status_code == 422


@pytest.mark.parametrize("body", ["", "[", "[]", "1", "null"])
def test_a_body_that_is_no_json_object_is_refused(console: Console, body: str) -> None:
    assert console.http.post("/api/check", content=body).status_code == 400


def test_the_form_offers_services_ports_and_zones_but_not_the_load_balancers_own(
    console: Console, cluster: FakeCluster
) -> None:
    own = scene.service("elb-web", "shop", (80, "http"))
    own["metadata"]["labels"] = {"elbow.dev/load-balancer": "web"}
    cluster.put(scene.SERVICES, own)
    offered = console.http.get("/api/choices").json()
    cluster.remove(scene.SERVICES, "elb-web")
    assert [one["name"] for one in offered["services"] if one["namespace"] == "shop"] == ["cart", "search", "web"]
    assert offered["services"][-1]["ports"] == [{"port": 80, "name": "http"}, {"port": 9090, "name": "metrics"}]
    assert offered["zones"] == ["zone-a", "zone-b", "zone-c"]
    assert offered["namespace"] == "shop"


def test_a_user_who_may_not_list_nodes_or_services_has_the_form_all_the_same(
    console: Console, cluster: FakeCluster
) -> None:
    cluster.unreadable |= {scene.NODES, scene.SERVICES}
    offered = console.http.get("/api/choices").json()
    assert offered["services"] == []
    assert offered["zones"] == ["zone-a", "zone-b", "zone-c"]


def test_a_change_in_the_cluster_is_pushed(console: Console, cluster: FakeCluster) -> None:
    changed = scene.balancer("web", "shop", zones={"zone-a": "active", "zone-b": "impaired", "zone-c": "active"})
    with console.http.stream("GET", "/api/stream") as response:
        lines = response.iter_lines()
        next(line for line in lines if line.startswith("data: [") and '"name": "web"' in line)
        cluster.put(BALANCERS, changed)
        next(
            line
            for line in lines
            if line.startswith("data: [")
            and "active_impaired" in line
            and "TooFewHealthyTargets" in line
            and "zone zone-b" in line
        )


def test_charts_come_from_the_proxies(console: Console, cluster: FakeCluster) -> None:
    points = console.heard("points", lambda found: found["zones"][""]["requests"][-1], namespace="shop", name="web")
    now = {zone: lines["requests"][-1] for zone, lines in points["zones"].items()}
    assert set(now) == {"", *scene.ZONES}
    assert now[""] == pytest.approx(sum(now[zone] for zone in scene.ZONES), rel=0.01)
    assert points["zones"][""]["healthy"][-1] == 7


def test_a_user_without_the_right_to_metrics_is_told(console: Console, cluster: FakeCluster) -> None:
    cluster.unreadable.add("pods/proxy")
    told = console.heard("cluster", lambda found: found["metricsRefused"], namespace="payments", name="checkout")
    assert "pods/proxy" in told["metricsRefused"]


def test_when_the_api_server_is_away_it_says_since_when_and_keeps_what_it_has(
    console: Console, cluster: FakeCluster
) -> None:
    cluster.stop()
    try:
        away = console.heard("cluster", lambda found: found["away"])["away"]
        assert "doesn't answer" in away["message"]
        assert "web" in {one["name"] for one in console.heard("balancers")}
        refused = console.http.post("/api/load-balancers", json={"document": new()})
        assert (refused.status_code, "doesn't answer" in refused.json()["error"]) == (503, True)
    finally:
        cluster.start()
    console.heard("cluster", lambda found: not found["away"])


def test_a_login_that_has_expired_is_told_with_its_cure(console: Console, cluster: FakeCluster) -> None:
    cluster.now(Trouble.EXPIRED)
    away = console.heard("cluster", lambda found: found["away"])["away"]
    assert "log in again" in away["message"]


def test_who_may_not_list_all_namespaces_sees_the_contexts(cluster: FakeCluster, tmp_path: Path) -> None:
    cluster.unreadable.add(BALANCERS)
    console = Console(kubeconfig(tmp_path, cluster.url))
    try:
        assert console.heard("cluster")["namespace"] == "shop"
        until(lambda: any("/namespaces/shop/loadbalancers" in request for request in cluster.requests))
    finally:
        console.stop()


def test_a_port_that_is_taken_and_a_kubeconfig_that_is_not_there_are_told(console: Console, tmp_path: Path) -> None:
    def says(*arguments: str) -> str:
        command = [sys.executable, "-m", "elbow_console", "--no-browser", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 1
        return done.stderr

    config = kubeconfig(tmp_path, "http://127.0.0.1:1")
    assert "choose another --port" in says(f"--port={console.port}", f"--kubeconfig={config}")
    assert "--kubeconfig" in says(f"--kubeconfig={tmp_path}/none")
