"""Elbow as its users run it: `elbow run` over a manifest."""

import json
import re
import socket
import sys
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from bench.peer import HTTP, HTTPS, TARGETS, TCP, Peer, Place
from bench.program import LOAD_CORE, PROXY_CORE, Program, pin

_ELBOW = Path(sys.executable).with_name("elbow")
_CHECK = {"interval": "2s", "timeout": "1s", "healthyThreshold": 2, "unhealthyThreshold": 2}
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Fields = dict[str, Any]


class Elbow:
    """A running agent with its HAProxy; the agent on the load's core, HAProxy on its own."""

    def __init__(self, directory: Path, spec: Fields, address: str, output: Path | None = None) -> None:
        """`output` is the pipe access logs go to."""
        self.directory, self.address = directory, address
        self.file = directory / "lb.yaml"
        directory.mkdir()
        self.write(spec)
        command = [_ELBOW, "run", self.file, "--run-dir", directory / "run", "--admin", "127.0.0.1:0"]
        options = ["--address", address, "--threads", "1", "--max-connections", "6000"]
        secret = ["--secret-file", directory / "secret"]
        self.program = Program([*command, *options, *secret], directory / "agent.log", core=LOAD_CORE, output=output)
        self.worker = self._start()

    def _start(self, limit: float = 30) -> int:
        end = time.monotonic() + limit
        while True:
            self.program.alive()
            try:
                if self.report()["converged"]:
                    break
            except OSError:
                pass
            if time.monotonic() > end:
                said = "".join(log.read_text() for log in sorted(self.directory.rglob("*.log")))
                raise TimeoutError(f"Elbow doesn't converge:\n{said[-4000:]}")
            time.sleep(0.05)
        found = re.search(r"^Pid: (\d+)", self.ask("show info"), re.MULTILINE)
        if not found:
            raise RuntimeError("HAProxy doesn't tell its process id")
        worker = int(found[1])
        pin(worker, PROXY_CORE)
        return worker

    def write(self, spec: Fields) -> None:
        """Replace the manifest at once."""
        whole = {
            "apiVersion": "elbow.dev/v1alpha1",
            "kind": "LoadBalancer",
            "metadata": {"name": "bench"},
            "spec": spec,
        }
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps(whole) if len(str(spec)) > 100_000 else yaml.safe_dump(whole, sort_keys=False))
        fresh.replace(self.file)

    def ask(self, command: str) -> str:
        """HAProxy's answer to a command on its socket."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(self.directory / "run" / "haproxy.sock"))
            connection.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    def page(self, path: str) -> str:
        """A page of the admin port; OSError while there is none."""
        address = (self.directory / "run" / "admin").read_text().strip()
        with _OPENER.open(f"http://{address}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def report(self) -> Fields:
        """The agent's report."""
        return dict(json.loads(self.page("/report")))

    def config(self) -> str:
        """The configuration HAProxy runs."""
        return (self.directory / "run" / "haproxy.cfg").read_text()

    def stop(self) -> None:
        """End the agent, which ends HAProxy."""
        self.program.stop()


def elbow(place: Place, name: str, address: str, *, sticky: bool = False) -> Peer:
    """Start one with listeners for HTTP, HTTPS and TCP; all of ELB's semantics are on by default."""
    running = Elbow(place.directory / address, spec(place, sticky=sticky), address)
    return Peer(name, address, running.program, lambda: [running.worker], sticky=sticky)


def elbow_config(place: Place, address: str, *, sticky: bool = False, log: str | None = None) -> Path:
    """The configuration HAProxy runs under Elbow, as a file with all it names; Elbow itself has ended."""
    running = Elbow(place.directory / f"config-{address}", spec(place, sticky=sticky, log=log), address)
    try:
        return place.write(f"config-{address}.cfg", running.config())
    finally:
        running.stop()


def spec(place: Place, *, sticky: bool = False, log: str | None = None) -> Fields:
    """All listeners; `log` is the form of access logs."""
    certificates = [{"file": str(place.certificate.bundle)}]
    web = group("web", "HTTP", TARGETS) | ({"stickiness": {"type": "lb_cookie"}} if sticky else {})
    return {
        "listeners": [
            {"name": "http", "port": HTTP, "protocol": "HTTP", "targetGroup": "web", "idleTimeout": "300s"},
            {
                "name": "https",
                "port": HTTPS,
                "protocol": "HTTPS",
                "targetGroup": "web",
                "idleTimeout": "300s",
                "tls": {"certificates": certificates},
            },
            {"name": "tcp", "port": TCP, "protocol": "TCP", "targetGroup": "tcp"},
        ],
        "targetGroups": [web, group("tcp", "TCP", TARGETS)],
        **({"accessLog": {"format": log}} if log else {}),
    }


def group(name: str, protocol: str, ports: Iterable[int], address: str = "127.0.0.1") -> Fields:
    """A target group of addresses."""
    targets = [{"ip": address, "port": port} for port in ports]
    return {"name": name, "protocol": protocol, "targets": {"addresses": targets}, "healthCheck": dict(_CHECK)}
