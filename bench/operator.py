"""The operator at many load balancers: a real API server with etcd, the operator as it runs, proxies that only report.

`python -m bench.operator`, in a network namespace of its own; see scripts/bench-cluster.
"""

import argparse
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from harness.api_server import ApiServer
from harness.poll import until
from harness.ports import Ports

from bench import report
from bench.agent import Figure, text
from bench.machine import commit, description
from bench.program import cpu_seconds, memory

_ROOT = Path(__file__).resolve().parents[1]
_ZONES = ("zone-a", "zone-b", "zone-c")
_REPLICAS = 2
_STEADY = 20
_ACCOUNT = Path("/run/secrets/kubernetes.io/serviceaccount")
_PORT = 443
"""Kopf logs in nowhere else from a pod."""
_LBS = "/apis/elbow.dev/v1alpha1/namespaces/default/loadbalancers"
_METHOD = f"""A kube-apiserver and etcd of their own; no controllers, no kubelets. Each load balancer has three zones of {_REPLICAS} proxies and ten targets;
its pods are made of its Deployments' templates, and one program answers for all of them as agents do: a report, an empty line each half minute, the
counters each five minutes. The operator is the real one, one replica, logged in as its pod would be. Memory is its resident set; CPU that of {_STEADY} s in which nothing changes."""


class Scene:
    """An API server with so many load balancers."""

    def __init__(self, directory: Path, count: int) -> None:
        self.directory, self.count = directory, count
        self.api = ApiServer(directory, Ports(), _PORT)
        self.api.wait()
        self.pool = ThreadPoolExecutor(4)
        self._account()
        crd = json.loads(_crd())
        self._made(
            self.api.apply(crd, f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}")
        )
        for n, zone in enumerate(_ZONES, 1):
            self._node(zone, f"10.0.0.{n}")
        until(lambda: self.api.http.get(_LBS).status_code == 200, limit=30, every=0.2)

    def stop(self) -> None:
        self.pool.shutdown()
        self.api.stop()

    def _account(self) -> None:
        """What the kubelet gives a pod to log in with; the place is fixed, and this namespace's own."""
        _ACCOUNT.mkdir(parents=True, exist_ok=True)
        (_ACCOUNT / "token").write_text("tester")
        (_ACCOUNT / "namespace").write_text("default")
        (_ACCOUNT / "ca.crt").write_bytes((self.directory / "apiserver.crt").read_bytes())

    def _node(self, zone: str, address: str) -> None:
        meta = {"name": f"node-{zone}", "labels": {"topology.kubernetes.io/zone": zone}}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": meta}
        self._made(self.api.http.post("/api/v1/nodes", json=node))
        addresses = [{"type": "InternalIP", "address": address}]
        status = {"conditions": [{"type": "Ready", "status": "True"}], "addresses": addresses}
        path = f"/api/v1/nodes/node-{zone}/status"
        headers = {"Content-Type": "application/merge-patch+json"}
        self._made(self.api.http.patch(path, json={"status": status}, headers=headers))

    def load_balancers(self) -> None:
        """Apply all of them."""
        list(self.pool.map(self._load_balancer, range(self.count)))

    def _load_balancer(self, number: int) -> None:
        group = {"name": "web", "protocol": "HTTP", "targets": {"service": {"name": "web", "port": 80}}}
        spec = {
            "exposure": {"type": "ClusterIP"},
            "proxy": {"replicas": _REPLICAS},
            "listeners": [{"name": "http", "protocol": "HTTP", "port": 80, "targetGroup": "web"}],
            "targetGroups": [group],
        }
        document = {
            "apiVersion": "elbow.dev/v1alpha1",
            "kind": "LoadBalancer",
            "metadata": {"name": f"lb-{number:04}", "namespace": "default"},
            "spec": spec,
        }
        self._made(self.api.apply(document, f"{_LBS}/lb-{number:04}"))

    def pods(self) -> None:
        """A pod for each proxy, ready, of its Deployment's template."""
        found = self.api.http.get("/apis/apps/v1/namespaces/default/deployments").json()["items"]
        list(self.pool.map(self._pods_of, enumerate(sorted(found, key=lambda d: str(d["metadata"]["name"])))))

    def _pods_of(self, numbered: tuple[int, dict[str, Any]]) -> None:
        number, deployment = numbered
        template, zone = deployment["spec"]["template"], deployment["metadata"]["labels"]["elbow.dev/zone"]
        for replica in range(_REPLICAS):
            ip = number * _REPLICAS + replica
            name = f"{deployment['metadata']['name']}-{replica}"
            meta = {"name": name, "labels": template["metadata"]["labels"]}
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta}
            self._made(
                self.api.http.post(
                    "/api/v1/namespaces/default/pods",
                    json={**pod, "spec": {**template["spec"], "nodeName": f"node-{zone}"}},
                )
            )
            conditions = [{"type": "Ready", "status": "True"}, {"type": "PodScheduled", "status": "True"}]
            status = {"phase": "Running", "podIP": f"10.200.{ip // 256}.{ip % 256}", "conditions": conditions}
            headers = {"Content-Type": "application/merge-patch+json"}
            path = f"/api/v1/namespaces/default/pods/{name}/status"
            self._made(self.api.http.patch(path, json={"status": status}, headers=headers))

    def ready(self) -> int:
        """How many load balancers are ready."""
        items = self.api.http.get(_LBS).json()["items"]
        conditions = [c for item in items for c in item.get("status", {}).get("conditions", [])]
        return sum(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    def there(self, path: str) -> int:
        """How many objects there are; as metadata only, for speed."""
        accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
        return len(self.api.http.get(path, headers={"Accept": accept}).json()["items"] or [])

    def versions(self) -> dict[str, str]:
        """Each load balancer's version: what changes when it is written."""
        items = self.api.http.get(_LBS).json()["items"]
        return {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in items}

    @staticmethod
    def _made(response: Any) -> None:
        assert response.status_code in (200, 201), response.text[:500]


class Operator:
    """The operator's process."""

    def __init__(self, scene: Scene) -> None:
        environment = {
            **{name: value for name, value in os.environ.items() if name != "KUBECONFIG"},
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(_PORT),
            "ELBOW_AGENT_IMAGE": "elbow",
            "ELBOW_PROXY_IMAGE": "haproxy",
            "ELBOW_NAMESPACE": "default",
        }
        self.log = (scene.directory / "operator.log").open("ab")
        self.start = lambda: subprocess.Popen(
            [_ROOT / ".venv" / "bin" / "elbow-operator"], env=environment, stdout=self.log, stderr=self.log
        )
        self.process = self.start()

    def restart_if_ended(self) -> None:
        """As its container would be: it ends when it loses the Lease, as on a machine too busy to renew it in time."""
        if self.process.poll() is not None:
            self.process = self.start()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


@contextmanager
def _proxies() -> Iterator[None]:
    """What answers at every proxy's address, in a network of its own behind a pair of links."""
    process = subprocess.Popen(["unshare", "--net", sys.executable, "-m", "bench.fake_proxies"], cwd=_ROOT)
    inside = ("nsenter", f"--net=/proc/{process.pid}/ns/net")

    def ip(*words: str, within: tuple[str, ...] = ()) -> None:
        subprocess.run([*within, "ip", *words], check=True)

    time.sleep(0.5)
    ip("link", "add", "proxies", "type", "veth", "peer", "name", "out", "netns", str(process.pid))
    ip("address", "add", "10.199.0.1/30", "dev", "proxies")
    ip("link", "set", "proxies", "up")
    for words in (
        ("address", "add", "10.199.0.2/30", "dev", "out"),
        ("link", "set", "out", "up"),
        ("link", "set", "lo", "up"),
    ):
        ip(*words, within=inside)
    ip("route", "add", "local", "10.200.0.0/16", "dev", "lo", within=inside)
    ip("route", "add", "10.200.0.0/16", "via", "10.199.0.2")
    try:
        yield
    finally:
        process.kill()
        process.wait()


def measure(count: int) -> Iterator[Figure]:
    """All figures at so many load balancers."""
    with tempfile.TemporaryDirectory(prefix="elbow-operator-") as directory, _proxies():
        scene = Scene(Path(directory), count)
        operator = Operator(scene)
        try:
            began = time.monotonic()
            scene.load_balancers()
            applied = time.monotonic()
            services = "/api/v1/namespaces/default/services?labelSelector=elbow.dev/load-balancer"
            until(lambda: scene.there(services) == count * 4, limit=600, every=0.5, say="every Service")
            note = (
                f"applying them took {applied - began:.0f} s of it; {cpu_seconds([operator.process.pid]):.1f} s of CPU"
            )
            yield Figure(
                f"{count}: all applied at once, until all their objects are there",
                time.monotonic() - began,
                "s",
                None,
                note,
            )
            scene.pods()
            operator.restart_if_ended()
            until(lambda: scene.ready() == count, limit=600, every=1, say="every load balancer is ready")
            yield from _steady(scene, operator, "")
            operator.stop()
            gone = scene.api.http.delete("/api/v1/namespaces/default/services?labelSelector=elbow.dev/zone=zone-b")
            assert gone.status_code == 200, gone.text
            operator = Operator(scene)
            began = time.monotonic()
            until(lambda: scene.there(services) == count * 4, limit=600, every=0.5, say="every Service is back")
            took, note = time.monotonic() - began, f"{cpu_seconds([operator.process.pid]):.1f} s of CPU"
            yield Figure(f"{count}: from its cold start until each has a deleted Service back", took, "s", 60, note)
            until(lambda: scene.ready() == count, limit=600, every=1)
            yield from _steady(scene, operator, ", after a cold start")
        finally:
            operator.stop()
            print((Path(directory) / "operator.log").read_text()[-1500:], file=sys.stderr)
            scene.stop()


def _steady(scene: Scene, operator: Operator, when: str) -> Iterator[Figure]:
    time.sleep(15)
    pid, before = operator.process.pid, scene.versions()
    cpu = cpu_seconds([pid])
    time.sleep(_STEADY)
    cpu = cpu_seconds([pid]) - cpu
    written = sum(scene.versions()[name] != version for name, version in before.items())
    yield Figure(
        f"{scene.count}: CPU in steady state{when}",
        cpu / _STEADY * 100,
        "% of a core",
        2,
        f"{written} statuses written",
    )
    yield Figure(f"{scene.count}: memory{when}", memory([pid]), "MiB", 150)


def _crd() -> str:
    convert = "import json,sys,yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))"
    file = _ROOT / "crds" / "elbow.dev_loadbalancers.yaml"
    return subprocess.run([sys.executable, "-c", convert, file], capture_output=True, text=True, check=True).stdout


def main() -> None:
    """Measure, and write it down."""
    parser = argparse.ArgumentParser(prog="bench.operator", description=__doc__)
    parser.add_argument("counts", nargs="*", type=int, default=[50, 500], help="how many load balancers")
    options = parser.parse_args()
    figures = []
    for count in options.counts:
        for figure in measure(count):
            figures.append(figure)
            print(figure, file=sys.stderr, flush=True)
    base = _ROOT / "bench" / "results" / f"{dt.datetime.now(tz=dt.UTC).date()}-operator"
    busy = f"Load average at the end: {os.getloadavg()[1]:.1f}."
    header = f"# {base.name}\n\nElbow {commit()}. {description()}. {busy}\n\n{_METHOD}\n"
    body = text(figures, "The operator")
    report.write(base, header, body, [figure.row() | {"scenario": "operator"} for figure in figures])
    print(body)


if __name__ == "__main__":
    main()
