"""A cluster as its user has it: kubectl and helm, and what Elbow made of a LoadBalancer."""

import base64
import json
import os
import signal
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from elbow_kube.object import Object

from harness.client import Client
from harness.cluster_objects import PROGRAM, targets
from harness.poll import until

ROOT = Path(__file__).parents[2]
OPERATOR = ("kubectl", "-n", "elbow-system")


_ROOTS = {
    "lb": ("/apis/elbow.dev/v1alpha1", "loadbalancers"),
    "pod": ("/api/v1", "pods"),
    "pods": ("/api/v1", "pods"),
    "service": ("/api/v1", "services"),
    "deployment": ("/apis/apps/v1", "deployments"),
}


@cache
def api() -> httpx.Client:
    """The API server, by this shell's kubeconfig."""
    config = json.loads(run("kubectl", "config", "view", "--raw", "--flatten", "-o", "json"))
    (cluster,), (user,) = config["clusters"], config["users"]
    context = ssl.create_default_context(cadata=_decoded(cluster["cluster"], "certificate-authority-data"))
    with tempfile.TemporaryDirectory() as directory:
        files = [Path(directory) / key for key in ("client-certificate-data", "client-key-data")]
        for file in files:
            file.write_text(_decoded(user["user"], file.name))
        context.load_cert_chain(*files)
    return httpx.Client(base_url=cluster["cluster"]["server"], verify=context, timeout=30)


def _decoded(entry: Object, key: str) -> str:
    return base64.b64decode(entry[key]).decode()


def run(*command: str, stdin: str | None = None, limit: float = 180) -> str:
    """Run a command and return what it printed; fails with what it complained of."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=limit, check=False)
    assert done.returncode == 0, f"{' '.join(command[:6])}: {done.stderr or done.stdout}"
    return done.stdout


@contextmanager
def no_operator() -> Iterator[None]:
    """The operator is down for as long as this lasts."""
    run(*OPERATOR, "scale", "deployment/elbow-operator", "--replicas=0")
    run(*OPERATOR, "wait", "--for=delete", "pod", "-l", "app.kubernetes.io/name=elbow-operator", "--timeout=90s")
    try:
        yield
    finally:
        run(*OPERATOR, "scale", "deployment/elbow-operator", "--replicas=2")
        run(*OPERATOR, "rollout", "status", "deployment/elbow-operator", "--timeout=150s")


def holder() -> str:
    """What the operator that leads calls itself."""
    lease = json.loads(run(*OPERATOR, "get", "lease", "elbow-operator", "-o", "json"))
    found: str = lease["spec"].get("holderIdentity", "")
    return found


def leader(identity: str) -> int:
    """The process of the operator that calls itself so."""
    pod = json.loads(run(*OPERATOR, "get", "pod", identity.rsplit("-", 2)[0], "-o", "json"))
    return process(pod, "elbow-operator")


def process(pod: Object, name: str) -> int:
    """A program of a pod, as this machine numbers it. By its own name: words of its command stand in that of the shell that started it, too."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_it = (entry / "comm").read_text().strip() == name
            if is_it and pod["metadata"]["uid"] in (entry / "cgroup").read_text().replace("_", "-"):
                return int(entry.name)
    raise AssertionError(f"no {name} in {pod['metadata']['name']}")


def kill_agent(space: "Space", pod: Object) -> None:
    """SIGKILL for a proxy's agent; returns once the next one is ready."""

    def restarts() -> int:
        (agent,) = space.get("pod", pod["metadata"]["name"])["status"]["containerStatuses"]
        return int(agent["restartCount"]) if agent["ready"] else 0

    before = restarts()
    os.kill(process(pod, "elbow"), signal.SIGKILL)
    until(lambda: restarts() > before, limit=90, every=0.3, say="the next agent is ready")


@dataclass(frozen=True)
class Space:
    """A namespace of a test."""

    name: str

    def kubectl(self, *arguments: str, stdin: str | None = None, limit: float = 180) -> str:
        """What kubectl prints."""
        return run("kubectl", f"--namespace={self.name}", *arguments, stdin=stdin, limit=limit)

    def apply(self, *documents: Object) -> None:
        """Server-side apply, as a user."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)})
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)

    def get(self, *arguments: str) -> Object:
        """An object, or a list of them."""
        path = self._path(arguments)
        if path is None:
            found: Object = json.loads(self.kubectl("get", *arguments, "--output=json"))
        else:
            answer = api().get(path)
            assert answer.status_code == 200, f"{path}: {answer.text[:300]}"
            found = answer.json()
        return found

    def _path(self, arguments: tuple[str, ...]) -> str | None:
        """Where the API server has what is asked for most: to start kubectl for each look costs a tenth of a second of CPU."""
        kind, _, name = arguments[0].partition("/")
        if kind not in _ROOTS:
            return None
        base = f"{_ROOTS[kind][0]}/namespaces/{self.name}/{_ROOTS[kind][1]}"
        if len(arguments) == 1 and name:
            return f"{base}/{name}"
        if len(arguments) == 2 and not name and not arguments[1].startswith("-"):
            return f"{base}/{arguments[1]}"
        if len(arguments) == 3 and arguments[1] == "--selector":
            return f"{base}?labelSelector={quote(arguments[2])}"
        return None

    def wait(self, condition: str, what: str, limit: float = 150) -> None:
        """`kubectl wait --for`."""
        self.kubectl("wait", f"--for={condition}", what, f"--timeout={limit:.0f}s", limit=limit + 20)

    def status(self, name: str = "web") -> Object:
        """A LoadBalancer's status."""
        found: Object = self.get("lb", name).get("status", {})
        return found

    def condition(self, kind: str, name: str = "web") -> Object:
        """One of its conditions."""
        found = [c for c in self.status(name).get("conditions", []) if c["type"] == kind]
        return found[0] if found else {}

    def until_condition(self, kind: str, *, status: str, reason: str | None = None, limit: float = 90) -> Object:
        """Wait for a condition."""

        def there() -> Object | None:
            found = self.condition(kind)
            good = found.get("status") == status and (reason is None or found["reason"] == reason)
            return found if good else None

        return until(there, limit=limit, every=0.3, say=f"{kind}={status}")

    def serve(self, name: str = "web", replicas: int = 6, program: Path = PROGRAM) -> None:
        """Targets behind a Service, spread over the zones; returns once they are ready."""
        self.apply(*targets(name, replicas, program))
        self.kubectl("rollout", "status", f"deployment/{name}", "--timeout=150s")

    def pods(self, labels: str) -> list[Object]:
        """Pods that aren't on their way out."""
        found: list[Object] = self.get("pods", "--selector", labels)["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def names(self, zone: str, name: str = "web") -> set[str]:
        """The targets of a zone."""
        nodes = {node["metadata"]["name"] for node in nodes_of(zone)}
        return {pod["metadata"]["name"] for pod in self.pods(f"app={name}") if pod["spec"]["nodeName"] in nodes}

    def proxies(self, zone: str = "", lb: str = "web") -> list[Object]:
        """The proxies, of a zone or of all."""
        return self.pods(f"elbow.dev/load-balancer={lb}" + (f",elbow.dev/zone={zone}" if zone else ""))

    def door(self, zone: str, lb: str = "web") -> tuple[str, int]:
        """Where a client reaches a zone from outside: the address the status tells, and the zone's NodePort."""
        (address, *_) = [a["value"] for a in self.status(lb)["addresses"] if a["zone"] == zone]
        ports = self.get("service", f"elb-{lb}-{zone}")["spec"]["ports"]
        return address, ports[0]["nodePort"]


def ask(door: tuple[str, int], path: str = "/", headers: Iterable[tuple[str, str]] = (), **options: Any) -> Object:
    """The target that answered, as it calls itself."""
    host, port = door
    with Client(port, host, **options) as client:
        response = client.get(path, tuple(headers))
    assert response.status == 200, response
    found: Object = json.loads(response.body)
    return found


def who(door: tuple[str, int], times: int) -> set[str]:
    """The targets that answer so many requests."""
    return {ask(door)["name"] for _ in range(times)}


def answers(door: Callable[[], tuple[str, int]]) -> Callable[[], bool]:
    """Whether a door answers now."""

    def asked() -> bool:
        try:
            return bool(ask(door(), limit=3)["name"])
        except (OSError, AssertionError, ValueError, KeyError):
            return False

    return asked


def settled(space: Space, healthy: int = 6, limit: float = 120) -> Object:
    """Wait until the LoadBalancer web is ready at its newest generation, with so many healthy targets and no other.

    And until no proxy is on its way in or out: clients outside of the cluster know a zone by the nodes its proxies are on.
    """

    def there() -> Object | None:
        lb = space.get("lb", "web")
        status = lb.get("status", {})
        conditions = {c["type"]: c["status"] for c in status.get("conditions", [])}
        ready = conditions.get("Ready") == "True" and conditions["Reconciling"] == "False"
        counts = [(g["healthy"], g["unhealthy"] + g["initial"] + g["draining"]) for g in status.get("targetGroups", [])]
        current = status.get("observedGeneration") == lb["metadata"]["generation"]
        good = current and ready and counts == [(healthy, 0)]
        return status if good and _is_rolled_out(space) else None

    return until(there, limit=limit, every=0.3, say=f"ready with {healthy} targets")


def _is_rolled_out(space: Space) -> bool:
    deployments = space.get("deployment", "--selector", "elbow.dev/load-balancer=web")["items"]
    return all(
        d["status"].get("observedGeneration") == d["metadata"]["generation"]
        and {d["status"].get(field, 0) for field in ("replicas", "updatedReplicas")} == {d["spec"]["replicas"]}
        for d in deployments
    )


def nodes_of(zone: str) -> list[Object]:
    """The nodes of a zone."""
    label = f"topology.kubernetes.io/zone={zone}"
    found: list[Object] = json.loads(run("kubectl", "get", "nodes", "-l", label, "-o", "json"))["items"]
    return found
