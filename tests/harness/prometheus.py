"""A real Prometheus, which scrapes what PodMonitors name as the Prometheus operator has it do, or proxies of this machine."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import yaml
from elbow_kube.object import Object

from harness.kube import api
from harness.poll import until
from harness.ports import Ports
from harness.programs import program


class Prometheus:
    """Runs from `prometheus()`, in this network namespace."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30)

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return self.http.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def query(self, text: str) -> list[tuple[dict[str, str], list[float]]]:
        """What it finds: labels and values, several for a range."""
        answer = self.http.get("/api/v1/query", params={"query": text})
        assert answer.status_code == 200, f"{text}: {answer.text}"
        found = answer.json()["data"]["result"]
        pairs = [(each["metric"], each.get("values") or [each["value"]]) for each in found]
        return [(metric, [float(value) for _, value in values]) for metric, values in pairs]

    def totals(self, text: str) -> list[float]:
        """The values it finds now, without their labels."""
        return [values[0] for _, values in self.query(text)]

    def targets(self) -> dict[str, str]:
        """The health of each pod it scrapes: up, down or unknown."""
        found = self.http.get("/api/v1/targets", params={"state": "active"}).json()["data"]["activeTargets"]
        return {each["labels"]["pod"]: each["health"] for each in found}

    def rules(self) -> list[Object]:
        """The alerts it evaluates, with their health and state."""
        groups = self.http.get("/api/v1/rules").json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]


@contextmanager
def prometheus(directory: Path, ports: Ports, scrapes: list[Object], rules: Object) -> Iterator[Prometheus]:
    """Scrape and evaluate a PrometheusRule's spec, while this lasts."""
    (directory / "rules.yaml").write_text(yaml.safe_dump(rules))
    config = {
        "global": {"evaluation_interval": "2s"},
        "rule_files": [str(directory / "rules.yaml")],
        "scrape_configs": scrapes,
    }
    (directory / "prometheus.json").write_text(json.dumps(config))
    address = f"127.0.0.1:{ports.take()}"
    command = [program("prometheus"), f"--config.file={directory}/prometheus.json"]
    command += [f"--storage.tsdb.path={directory}/data", f"--web.listen-address={address}"]
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        found = Prometheus(f"http://{address}")
        until(found.is_ready, limit=60, every=0.2, say=f"Prometheus: {directory}/prometheus.log")
        yield found
        found.http.close()
    finally:
        process.terminate()
        process.wait(20)


def of_this_machine(admin_ports: dict[str, int]) -> Object:
    """The proxies of this machine, by the names of the pods they stand for, each second."""
    pods = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"pod": pod, "job": "proxies"}}
        for pod, port in admin_ports.items()
    ]
    return {"job_name": "proxies", "scrape_interval": "1s", "honor_labels": True, "static_configs": pods}


def of_pods(monitor: Object, file: Path) -> Object:
    """A PodMonitor's pods, which `discovered` writes into a file: Debian's Prometheus can't ask an API server itself."""
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    return {
        "job_name": f"{monitor['metadata']['namespace']}/{monitor['metadata']['name']}",
        "scrape_interval": endpoint["interval"],
        "scrape_timeout": endpoint["interval"],
        "honor_labels": endpoint["honorLabels"],
        "file_sd_configs": [{"files": [str(file)], "refresh_interval": "1s"}],
    }


@contextmanager
def discovered(monitors: dict[Path, Object]) -> Iterator[None]:
    """Each PodMonitor's pods are in its file, and stay current while this lasts."""
    is_over = threading.Event()

    def follow() -> None:
        while not is_over.wait(1):
            _discover(monitors)

    _discover(monitors)
    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(30)


def _discover(monitors: dict[Path, Object]) -> None:
    for file, monitor in monitors.items():
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps(list(_chosen(monitor["spec"]))))
        fresh.replace(file)


def _chosen(spec: Object) -> Iterator[Object]:
    (endpoint,) = spec["podMetricsEndpoints"]
    labels = ",".join(f"{label}={value}" for label, value in spec["selector"]["matchLabels"].items())
    spaces = spec["namespaceSelector"].get("matchNames")
    for pod in api().get("/api/v1/pods", params={"labelSelector": labels}).json()["items"]:
        ports = [port for container in pod["spec"]["containers"] for port in container.get("ports", [])]
        number = next(port["containerPort"] for port in ports if port["name"] == endpoint["port"])
        meta, status = pod["metadata"], pod["status"]
        if (spaces is None or meta["namespace"] in spaces) and status["phase"] == "Running" and status.get("podIP"):
            address = status["podIP"]
            host = f"[{address}]" if ":" in address else address
            yield {"targets": [f"{host}:{number}"], "labels": {"namespace": meta["namespace"], "pod": meta["name"]}}
