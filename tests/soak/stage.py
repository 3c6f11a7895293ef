"""Where scenarios play: a namespace with targets, a load balancer, and pods for the clients."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elbow_kube.object import Object
from harness.certificates import Authority
from harness.kube import ROOT, Space, run
from harness.poll import until

from soak.clients import Clients, memory_group, process_of, processes_of
from soak.load.plan import Door, Plan
from soak.objects import BAD, GOOD, ZONES, balancer_spec, client_pods, namespace, targets

_PORTS = {"http": 80, "https": 443, "sticky": 81, "tcp": 9000}


class Stage:
    """What a scenario acts on."""

    def __init__(self, name: str, rate: float, long: float) -> None:
        self.space = Space(name)
        self.rate = rate
        self._directory = tempfile.TemporaryDirectory(prefix="elbow-soak-")  # gone when this program ends
        self.authority = Authority(Path(self._directory.name))
        self.clients: Clients | None = None
        self.marks: list[tuple[str, float]] = []
        self.replicas = 6
        self.turn = 0
        """For what must differ each time."""
        self.long = long
        """Seconds of what is meant to last."""

    # -- what stands there

    def clear(self, *, wait: bool = True) -> None:
        """Nothing is there: what an earlier run left may be of another image."""
        run(
            "kubectl", "delete", "namespace", self.space.name, "--ignore-not-found", f"--wait={wait}".lower(), limit=240
        )

    def build(self, spec: Mapping[str, Any], targets: Mapping[str, Any]) -> None:
        """Everything a scenario begins with; what stands already stays."""
        run("kubectl", "apply", "-f", "-", stdin=json.dumps(namespace(self.space.name)))
        self.certificate()
        self.space.apply(*client_pods(), *self.targets(**targets))
        self.space.kubectl("rollout", "status", "deployment/soak", "--timeout=180s", limit=200)
        self.space.apply(self.balancer(**spec))
        self.settle()
        self.roll_proxies()  # a spec of other resources than the scenario's before makes them anew
        for name in GOOD | BAD:
            self.space.wait("condition=Ready", f"pod/{name}")

    def certificate(self) -> None:
        """A new certificate of the listener."""
        issued = self.authority.issue("soak.example")
        data = {"tls.crt": issued.chain.read_text(), "tls.key": issued.key.read_text()}
        self.space.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "soak"},
                "type": "kubernetes.io/tls",
                "stringData": data,
            }
        )

    def targets(
        self,
        *,
        replicas: int = 6,
        stop: str = "linger",
        warm: int = 0,
        pre_stop: int = 0,
        grace: int = 60,
        labels: Mapping[str, str] | None = None,
    ) -> list[Object]:
        """The target program as a Deployment behind a Service."""
        self.replicas = replicas
        return targets(replicas=replicas, stop=stop, warm=warm, pre_stop=pre_stop, grace=grace, labels=labels or {})

    def balancer(self, **spec: Any) -> Object:
        """The load balancer; `spec` replaces what it has."""
        return {
            "apiVersion": "elbow.dev/v1alpha1",
            "kind": "LoadBalancer",
            "metadata": {"name": "soak"},
            "spec": {**balancer_spec(), **spec},
        }

    def versions(self) -> dict[str, str]:
        """Of what carries the requests."""
        told = self.kubectl("exec", self.proxies()[0]["metadata"]["name"], "-c", "haproxy", "--", "haproxy", "-v")
        kubernetes = json.loads(run("kubectl", "version", "-o", "json"))["serverVersion"]["gitVersion"]
        return {"haproxy": told.split()[2], "kubernetes": kubernetes}

    # -- the clients

    def begin(self, zones: tuple[str, ...], seconds: float) -> Clients:
        """Let the clients of these zones begin."""
        self.marks = []
        everywhere = self.space.get("service", "elb-soak")["spec"]["clusterIP"]
        plans = {}
        for zone in zones:
            own = self.space.get("service", f"elb-soak-{zone}")["spec"]["clusterIP"]
            uid = self.space.get("pod", f"client-{zone}")["metadata"]["uid"]
            doors = (Door(zone, own), Door("all", everywhere))
            plans[zone] = (
                uid,
                Plan(doors, str(self.authority.file), self.rate / len(zones), seconds=seconds, **_PORTS),
            )
        self.clients = Clients(plans)
        self.clients.wait_for(int(self.rate * 2))
        return self.clients

    def more(self, seconds: float) -> None:
        """Let clients go on for so long, and longer if this machine is too busy to send most of what belongs to it."""
        assert self.clients is not None
        end = time.monotonic() + seconds
        self.clients.wait_for(int(self.rate * seconds * 0.7), limit=seconds * 10 + 60)
        time.sleep(max(0.0, end - time.monotonic()))

    def mark(self, name: str) -> None:
        """Name this moment."""
        self.marks.append((name, time.time()))
        self.say(name)

    def say(self, what: str) -> None:
        """Tell the person who waits."""
        sent, failed = (self.clients.sent, len(self.clients.failures)) if self.clients else (0, 0)
        sys.stderr.write(f"  {time.strftime('%H:%M:%S')} {what} (sent {sent}, failed {failed})\n")

    # -- what it does

    def kubectl(self, *arguments: str, limit: float = 300) -> str:
        """kubectl in the namespace."""
        return self.space.kubectl(*arguments, limit=limit)

    def settle(self, healthy: int | None = None, limit: float = 180) -> None:
        """Wait until the load balancer is ready at its newest generation, and has so many healthy targets and no other."""
        number = self.replicas if healthy is None else healthy

        def there() -> bool:
            lb = self.space.get("lb", "soak")
            status = lb.get("status", {})
            ready = [c["status"] for c in status.get("conditions", []) if c["type"] == "Ready"]
            counts = {(g["healthy"], g["unhealthy"] + g["initial"]) for g in status.get("targetGroups", [])}
            current = status.get("observedGeneration") == lb["metadata"]["generation"]
            return current and ready == ["True"] and counts == {(number, 0)}

        until(there, limit=limit, every=0.5, say=f"ready with {number} targets")

    def until_programmed(self, limit: float = 180) -> None:
        """Wait until every proxy runs the newest spec."""

        def there() -> bool:
            lb = self.space.get("lb", "soak")
            status = lb.get("status", {})
            programmed = [c["status"] for c in status.get("conditions", []) if c["type"] == "Programmed"]
            return programmed == ["True"] and status.get("observedGeneration") == lb["metadata"]["generation"]

        until(there, limit=limit, every=0.3, say="programmed")

    def until_of(self, image: str, limit: float = 240) -> None:
        """Wait until every zone's proxies are to be of an image of the agent."""
        path = "jsonpath={.spec.template.spec.containers[0].image}"
        self.kubectl(
            *("wait", "deployment", "--selector", "elbow.dev/load-balancer=soak", f"--timeout={limit:.0f}s"),
            f"--for={path}={image}",
            limit=limit + 9,
        )

    def roll_targets(self) -> None:
        """`kubectl rollout restart`, to its end."""
        self.kubectl("rollout", "restart", "deployment/soak")
        self.kubectl("rollout", "status", "deployment/soak", "--timeout=300s", limit=320)
        self.until_targets_are_gone()

    def until_targets_are_gone(self) -> None:
        """Wait until the targets that were told to end have ended."""
        until(lambda: not self.ending("app=soak"), limit=240, every=0.5, say="old targets are gone")
        self.settle()

    def scale_targets(self, replicas: int) -> None:
        """So many targets."""
        self.kubectl("scale", "deployment/soak", f"--replicas={replicas}")
        self.kubectl("rollout", "status", "deployment/soak", "--timeout=300s", limit=320)
        self.replicas = replicas
        self.until_targets_are_gone()

    def roll_proxies(self, zones: tuple[str, ...] = tuple(ZONES), limit: float = 240) -> None:
        """Wait until every proxy is of the newest template and the old ones are gone."""
        self.space.wait("condition=Reconciling=False", "lb/soak", limit=limit)
        for zone in zones:
            self.kubectl("rollout", "status", f"deployment/elb-soak-{zone}", f"--timeout={limit:.0f}s", limit=limit + 9)
        until(
            lambda: not self.ending("elbow.dev/load-balancer=soak"), limit=limit, every=0.5, say="old proxies are gone"
        )

    def ending(self, labels: str) -> list[Object]:
        """Pods on their way out."""
        found = self.space.get("pods", "--selector", labels)["items"]
        return [pod for pod in found if "deletionTimestamp" in pod["metadata"]]

    def staying_targets(self) -> set[str]:
        """The targets that nobody has told to end."""
        return {pod["metadata"]["name"] for pod in self.space.pods("app=soak")}

    def proxies(self, zone: str = "") -> list[Object]:
        """The proxies, of a zone or of all."""
        return self.space.proxies(zone, lb="soak")

    def kill(self, pod: Object, name: str, which: int = 0) -> None:
        """SIGKILL for one of the pod's processes of that name; the first is the one that started the others."""
        os.kill(processes_of(pod["metadata"]["uid"], name)[which], signal.SIGKILL)

    def until_restarted(self, pod: Object, container: str) -> None:
        """Wait until a container that ended is there again, and the pod ready."""
        before = _restarts(pod, container)

        def there() -> bool:
            now = self.space.get("pod", pod["metadata"]["name"])
            ready = [c["status"] for c in now["status"]["conditions"] if c["type"] == "Ready"]
            return _restarts(now, container) > before and ready == ["True"]

        until(there, limit=240, every=0.3, say=f"{container} of {pod['metadata']['name']} started again")

    @contextmanager
    def abuse(self, kind: str, number: int, port: int) -> Iterator[None]:
        """Bad clients in the network of a pod of their own, at the Service over all zones."""
        address = self.space.get("service", "elb-soak")["spec"]["clusterIP"]
        network = f"--net=/proc/{self._bad_client()}/ns/net"
        command = ["nsenter", network, sys.executable, "-m", "soak.load.abuse", kind, address, str(port), str(number)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT / "tests")}
        )
        try:
            yield
            assert process.poll() is None, "the bad clients broke"
        finally:
            process.kill()
            process.wait(10)

    def connections(self, port: int) -> int:
        """Connections to a port that the bad clients hold."""
        rows = [line.split() for line in Path(f"/proc/{self._bad_client()}/net/tcp").read_text().splitlines()[1:]]
        return sum(row[2].endswith(f":{port:04X}") and row[3] == "01" for row in rows)

    def _bad_client(self) -> int:
        (name,) = BAD
        return process_of(self.space.get("pod", name)["metadata"]["uid"])

    def containers(self) -> set[tuple[str, int]]:
        """How often each container of the proxies was started again."""
        return {(p["metadata"]["name"], _restarts(p, "haproxy") + _restarts(p, "agent")) for p in self.proxies()}

    def memory(self) -> tuple[int, int]:
        """MiB that HAProxy's container used at most, in the proxy that used most, and its limit."""
        used, limits = zip(
            *(_memory(process_of(p["metadata"]["uid"], "haproxy -W")) for p in self.proxies()), strict=True
        )
        return max(used), min(limits)


def _memory(process: int) -> tuple[int, int]:
    group = memory_group(process)
    for peak, limit in (("memory.max_usage_in_bytes", "memory.limit_in_bytes"), ("memory.peak", "memory.max")):
        if (group / peak).exists():
            return int((group / peak).read_text()) >> 20, int((group / limit).read_text()) >> 20
    raise LookupError(f"{group} has no record of its memory")


def _restarts(pod: Object, container: str) -> int:
    found = pod["status"].get("containerStatuses", []) + pod["status"].get("initContainerStatuses", [])
    return sum(c["restartCount"] for c in found if c["name"] == container)
