"""A running Elbow: `elbow run` over a manifest, with its HAProxy, in a directory of its own."""

from __future__ import annotations

import copy
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from elbow_api.proxy_report import ListenerReport, ProxyReport, TargetGroupReport
from elbow_api.target_health import State, TargetHealth
from prometheus_client.parser import text_string_to_metric_families

from harness import processes
from harness.manifest import Manifest
from harness.poll import until
from harness.ports import Ports

PROGRAM = Path(sys.executable).with_name("elbow")
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Elbow:
    """Starts at once and is ready when constructed: the manifest applied, and, with `settle`, no target still initial."""

    def __init__(
        self,
        manifest: Manifest,
        ports: Ports,
        *,
        zone: str | None = None,
        settle: bool = True,
        secret_file: Path | None = None,
        options: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
        files: int | None = None,
        output: Path | None = None,
    ) -> None:
        """`files` bounds the files it may open, and so the clients it takes; `output` may be a pipe."""
        self.directory = Path(tempfile.mkdtemp(prefix="elbow-"))
        self.run_dir = self.directory / "run"
        self.file = self.directory / "lb.yaml"
        self.output = output or self.directory / "output"
        """What the agent and HAProxy write to standard output: access logs."""
        self.secret_file = secret_file or self.directory / "secret"
        """Give it to another Elbow and the two honour each other's cookies."""
        self.admin = ports.take()
        self.manifest: Manifest = {}
        self.process: subprocess.Popen[bytes] | None = None
        self._command = [str(PROGRAM), "run", str(self.file), "--run-dir", str(self.run_dir)]
        self._command += ["--admin", f"127.0.0.1:{self.admin}", "--address", "127.0.0.1"]
        self._command += ["--secret-file", str(self.secret_file), *(("--zone", zone) if zone else ()), *options]
        if files is not None:
            self._command = ["prlimit", f"--nofile={files}:{files}", *self._command]
        self._environment = dict(os.environ) | dict(environment or {})
        self.write(manifest)
        self.start()
        if settle:
            self.wait_settled()

    # The agent

    def start(self, *, wait: bool = True) -> None:
        """Start the agent and wait until what the file says runs."""
        with (self.directory / "agent.log").open("ab") as log, self.output.open("ab") as output:
            self.process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=log, env=self._environment
            )
        if wait:
            self.wait_converged(lambda report: report.generation > 0)

    def kill_agent(self) -> None:
        """kill -9 the agent; HAProxy goes on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop_agent(self, number: int = signal.SIGTERM, *, limit: float = 10.0) -> int:
        """Send the agent a signal and return its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(limit)

    def restart_agent(self) -> None:
        """kill -9 the agent and start the next one."""
        self.kill_agent()
        self.start()

    # The manifest

    def write(self, manifest: Manifest | str) -> None:
        """Replace the file at once; don't wait for anything. A string is written as it is."""
        if not isinstance(manifest, str):
            self.manifest = copy.deepcopy(manifest)
        text = manifest if isinstance(manifest, str) else yaml.safe_dump(manifest, sort_keys=False)
        fresh = self.file.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.file)

    def apply(self, manifest: Manifest, *, limit: float = 10.0) -> ProxyReport:
        """Replace the file and wait until it runs; AssertionError with the faults if it is refused."""
        before = self.report()
        same = manifest == self.manifest
        self.write(manifest)

        def runs() -> ProxyReport | None:
            report = self.report()
            assert same or not report.faults or report.faults == before.faults, report.faults
            done = report.converged and (same or report.generation > before.generation)
            return report if done else None

        return until(runs, limit=limit, every=0.01, say="the new manifest runs")

    def edit(self, change: Callable[[dict[str, Any]], None], *, limit: float = 10.0) -> ProxyReport:
        """Change the spec in place, apply it, and wait until it runs."""
        manifest = copy.deepcopy(self.manifest)
        change(manifest["spec"])
        return self.apply(manifest, limit=limit)

    def set_targets(self, addresses: list[dict[str, Any]], *, group: str = "web", limit: float = 10.0) -> ProxyReport:
        """Register exactly these targets."""

        def change(spec: dict[str, Any]) -> None:
            _named(spec["targetGroups"], group)["targets"]["addresses"] = addresses

        return self.edit(change, limit=limit)

    # What it tells

    def page(self, path: str) -> tuple[int, str]:
        """Status and text of a page of the admin port."""
        try:
            with _OPENER.open(f"http://127.0.0.1:{self.admin}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def report(self) -> ProxyReport:
        """The report; AssertionError if there is none."""
        status, text = self.page("/report")
        assert status == 200, f"/report answers {status}: {text}"
        # What is null is left out of the page.
        return ProxyReport.model_validate_json(text)

    def group(self, name: str = "web") -> TargetGroupReport:
        """The report on a target group."""
        return next(group for group in self.report().target_groups if group.name == name)

    def listener(self, name: str = "http") -> ListenerReport:
        """The report on a listener."""
        return next(listener for listener in self.report().listeners if listener.name == name)

    def health_of(self, target: Any, *, group: str = "web") -> TargetHealth | None:
        """A target's health; None if the report doesn't know it."""
        at = (target.ip, target.port)
        return next((t for t in self.group(group).targets if (t.address, t.port) == at), None)

    def state_of(self, target: Any, *, group: str = "web") -> State | None:
        """A target's state; None if the report doesn't know it."""
        health = self.health_of(target, group=group)
        return health.state if health else None

    def metrics(self) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
        """Every sample of /metrics: name, sorted labels, value."""
        found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
        for family in text_string_to_metric_families(self.page("/metrics")[1]):
            for sample in family.samples:
                found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
        return found

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of a metric that carry these labels; 0 if there is none."""
        wanted = labels.items()
        return sum(value for have, value in self.metrics().get(name, {}).items() if wanted <= dict(have).items())

    def reloads(self) -> dict[str, int]:
        """Reloads since the agent started, by reason."""
        haproxy = self.report().haproxy
        return haproxy.reloads if haproxy else {}

    # Waiting

    def wait_converged(
        self, also: Callable[[ProxyReport], bool] = lambda _: True, *, limit: float = 20.0
    ) -> ProxyReport:
        """Wait until what runs is what is wanted, and the condition holds."""

        def holds() -> ProxyReport | None:
            assert self.process is not None
            assert self.process.poll() is None, f"the agent ended with {self.process.returncode}\n{self.logs()}"
            try:
                report = self.report()
            except (OSError, AssertionError):
                return None
            return report if report.converged and also(report) else None

        return until(holds, limit=limit, say="convergence")

    def wait_settled(self, *, limit: float = 20.0) -> ProxyReport:
        """Wait until no target is initial."""
        return self.wait_converged(lambda report: not any(g.initial for g in report.target_groups), limit=limit)

    def wait_ready(self, *, limit: float = 20.0) -> None:
        """Wait until /readyz says so."""
        until(lambda: self.page("/readyz")[0] == 200, limit=limit, say="readiness")

    def wait_state(
        self, target: Any, state: str | None, *, group: str = "web", limit: float = 15.0
    ) -> TargetHealth | None:
        """Wait until a target is in a state; None: until the report doesn't know it any more."""
        until(lambda: self.state_of(target, group=group) == state, limit=limit, say=f"{target.name} is {state}")
        return self.health_of(target, group=group)

    # HAProxy

    def socket(self, command: str, *, master: bool = False) -> str:
        """What HAProxy's socket answers to a command."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(self.run_dir / ("master.sock" if master else "haproxy.sock")))
            connection.sendall(f"{command}\n".encode())
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    def haproxies(self) -> list[int]:
        """The process ids of HAProxy, the master first."""
        return processes.haproxies(str(self.run_dir))

    def kill_haproxy(self) -> None:
        """kill -9 master and workers."""
        for pid in self.haproxies():
            processes.kill(pid)

    def kill_worker(self) -> None:
        """kill -9 the workers; the master ends by itself."""
        for pid in self.haproxies()[1:]:
            processes.kill(pid)

    def config(self) -> str:
        """The configuration file HAProxy would start from."""
        return (self.run_dir / "haproxy.cfg").read_text()

    # The end

    def logs(self) -> str:
        """What the agent and HAProxy logged, the last 200 lines of each."""
        text = ""
        for log in (self.directory / "agent.log", self.run_dir / "haproxy.log"):
            if log.exists():
                lines = log.read_text(errors="replace").splitlines()
                text += f"--- {log.name}\n" + "\n".join(lines[-200:]) + "\n"
        return text

    def stop(self) -> None:
        """Kill everything, show the logs (pytest prints them if the test failed), and leave nothing behind."""
        if self.process is not None and self.process.poll() is None:
            self.kill_agent()
        end = time.monotonic() + 10
        while left := processes.naming(str(self.run_dir)):
            assert time.monotonic() < end, f"processes are left: {left}"
            for pid in left:
                processes.kill(pid)
            time.sleep(0.01)
        sys.stdout.write(self.logs())
        shutil.rmtree(self.directory, ignore_errors=True)


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)
