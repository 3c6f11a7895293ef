"""A real API server with etcd behind it, on this machine, for as long as a test session."""

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from elbow_kube.client import Client
from elbow_kube.login import KubeConfig
from kubernetes.aio.client import Configuration

from harness.poll import until
from harness.ports import Ports
from harness.programs import program

_TOKEN = "tester"


class ApiServer:
    """etcd and kube-apiserver; anyone with the token may do anything."""

    def __init__(self, directory: Path, ports: Ports, secure: int | None = None) -> None:
        """On a port of its own, or on the one named."""
        self.directory = directory
        client, peer, secure = ports.take(), ports.take(), secure or ports.take()
        self.url = f"https://127.0.0.1:{secure}"
        self.http = httpx.Client(
            base_url=self.url, verify=False, headers={"Authorization": f"Bearer {_TOKEN}"}, timeout=60
        )
        key = rsa.generate_private_key(65537, 2048)
        (directory / "key.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        (directory / "tokens.csv").write_text(f'{_TOKEN},tester,1,"system:masters"\n')
        self._started = [
            self._start("etcd", *self._etcd(client, peer)),
            self._start("kube-apiserver", *self._api(client, secure)),
        ]

    def _etcd(self, client: int, peer: int) -> list[str]:
        url, peer_url = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
        return [
            f"--data-dir={self.directory}/etcd",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peer_url}",
            f"--initial-advertise-peer-urls={peer_url}",
            f"--initial-cluster=default={peer_url}",
            "--unsafe-no-fsync",
        ]

    def _api(self, etcd: int, port: int) -> list[str]:
        return [
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            f"--secure-port={port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=192.0.2.1",  # it would look for a default route, and not every network has one
            "--endpoint-reconciler-type=none",
            f"--cert-dir={self.directory}",
            "--authorization-mode=AlwaysAllow",
            f"--token-auth-file={self.directory}/tokens.csv",
            f"--service-account-key-file={self.directory}/key.pem",
            f"--service-account-signing-key-file={self.directory}/key.pem",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.97.0.0/16",
            "--disable-admission-plugins=ServiceAccount",
        ]

    def _start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.directory / f"{name}.log").open("wb") as log:
            return subprocess.Popen([program(name), *arguments], stdout=log, stderr=log)

    def wait(self) -> None:
        """Wait until it answers."""
        until(self._is_ready, limit=90, every=0.2, say=f"the API server of {self.directory}")

    def _is_ready(self) -> bool:
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def apply(self, document: dict[str, Any], path: str, **query: str) -> httpx.Response:
        """Server-side apply of a document at a path."""
        return self.http.patch(
            path,
            params={"fieldManager": "tester", "force": "true", **query},
            json=document,
            headers={"Content-Type": "application/apply-patch+yaml"},
        )

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """Elbow's own client of it."""
        configuration = Configuration(host=self.url, api_key={"BearerToken": f"Bearer {_TOKEN}"})
        configuration.verify_ssl = False
        found = Client(KubeConfig(configuration))
        try:
            yield found
        finally:
            await found.close()

    def stop(self) -> None:
        """End both, at once: nobody needs what they have."""
        self.http.close()
        for process in reversed(self._started):
            process.kill()
            process.wait()
