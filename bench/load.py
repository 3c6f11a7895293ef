"""The load generators, and what they say was done."""

import json
import re
import subprocess
from dataclasses import dataclass, field

from bench.certificate import Certificate
from bench.peer import HOST, HTTP, HTTPS, TCP, Peer
from bench.program import ENVIRONMENT, LOAD_CORE, TOOLS, run

MIB = 2**20
_CONNECTIONS = 50
_STREAMS = 16


@dataclass(frozen=True)
class Work:
    """What was done."""

    count: int
    """Requests, connections or handshakes that succeeded."""
    seconds: float
    failed: int = 0
    microseconds: dict[str, float] = field(default_factory=dict)
    """Latencies by percentile."""


@dataclass(frozen=True)
class Load:
    """Loads a peer for some whole seconds."""

    certificate: Certificate
    seconds: int

    def http(self, peer: Peer) -> Work:
        return self._wrk(f"http://{peer.address}:{HTTP}/", _headers(peer))

    def tls(self, peer: Peer) -> Work:
        return self._wrk(f"https://{peer.address}:{HTTPS}/", _headers(peer))

    def connections(self, peer: Peer) -> Work:
        return self._wrk(f"http://{peer.address}:{HTTP}/", [*_headers(peer), "Connection: close"])

    def tcp(self, peer: Peer) -> Work:
        return self._wrk(f"http://{peer.address}:{TCP}/", _headers(peer))

    def large(self, peer: Peer) -> Work:
        return self._wrk(f"http://{peer.address}:{HTTP}/1m", _headers(peer), connections=8)

    def large_tls(self, peer: Peer) -> Work:
        return self._wrk(f"https://{peer.address}:{HTTPS}/1m", _headers(peer), connections=8)

    def large_tcp(self, peer: Peer) -> Work:
        return self._wrk(f"http://{peer.address}:{TCP}/1m", _headers(peer), connections=8)

    def http2(self, peer: Peer) -> Work:
        headers = [word for header in _headers(peer)[1:] for word in ("-H", header)]
        options = ["-c", _STREAMS, "-m", _STREAMS, "-D", self.seconds, "-H", f":authority: {HOST}", *headers]
        said = self._run(["h2load", *map(str, options), f"https://{peer.address}:{HTTPS}/"])
        done = _number(said, r"requests: .* (\d+) succeeded")
        return Work(done, self.seconds, _number(said, r"(\d+) failed"))

    def handshakes(self, peer: Peer) -> Work:
        """Two clients, one full handshake after the other, no resumption."""
        command = ["taskset", "-c", LOAD_CORE, "openssl", "s_time", "-new", "-connect", f"{peer.address}:{HTTPS}"]
        command += ["-time", self.seconds]
        environment = ENVIRONMENT | self._client
        clients = [
            subprocess.Popen(
                list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
            )
            for _ in range(2)
        ]
        said = [client.communicate(timeout=self.seconds + 20)[0] for client in clients]
        return Work(sum(_number(text, r"(\d+) connections in \d+ real seconds") for text in said), self.seconds)

    def open_loop(self, peer: Peer, rate: int) -> Work:
        """Requests at a fixed rate over 64 connections."""
        port = HTTP
        said = run(
            [TOOLS / "openloop", peer.address, str(port), str(rate), str(self.seconds), "64"], limit=self.seconds + 20
        )
        found = json.loads(said)
        latencies = {name: float(found[name]) for name in ("p50", "p99", "p999", "max")}
        return Work(found["done"], self.seconds, found["failed"], latencies)

    @property
    def _client(self) -> dict[str, str]:
        return {"OPENSSL_CONF": str(self.certificate.client)}

    def _run(self, command: list[str]) -> str:
        return run(command, limit=self.seconds + 30, extra=self._client)

    def _wrk(self, url: str, headers: list[str], *, connections: int = _CONNECTIONS) -> Work:
        words = [word for header in headers for word in ("-H", header)]
        said = self._run(["wrk", "-t", "1", "-c", str(connections), "-d", f"{self.seconds}s", *words, url])
        found = re.search(r"(\d+) requests in ([\d.]+)s", said)
        if not found:
            raise RuntimeError(f"wrk {url} says: {said}")
        errors = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", said)))
        return Work(int(found[1]), float(found[2]), errors + _number(said, r"Non-2xx or 3xx responses: (\d+)"))


def _headers(peer: Peer) -> list[str]:
    """Host first; a client of a sticky peer returns its cookie."""
    return [f"Host: {HOST}"] + ([f"Cookie: {peer.cookie}"] if peer.cookie else [])


def _number(text: str, pattern: str) -> int:
    found = re.search(pattern, text)
    return int(found[1]) if found else 0
