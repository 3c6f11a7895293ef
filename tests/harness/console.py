"""The console as its user starts it."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import httpx

_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/#(\S+)")


def kubeconfig(directory: Path, server: str, **user: str) -> Path:
    """A kubeconfig of one cluster whose context works in the namespace shop."""
    path = directory / "kubeconfig"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": server, "insecure-skip-tls-verify": True}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "me", "namespace": "shop"}}],
        "users": [{"name": "me", "user": user}],
    }
    path.write_text(json.dumps(document))
    return path


class Console:
    """A process of its own, until `stop`."""

    def __init__(self, config: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "elbow_console", "--no-browser", f"--kubeconfig={config}", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self.process.stdout is not None
        self.port, self.token = self._address(self.process.stdout)
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.token}", "Origin": self.url}, timeout=20
        )

    @property
    def address(self) -> str:
        """What is opened in the browser, the key included."""
        return f"{self.url}/#{self.token}"

    @staticmethod
    def _address(output: IO[str]) -> tuple[int, str]:
        told = ""
        for line in output:
            told += line
            if found := _ADDRESS.search(line):
                return int(found[1]), found[2]
        raise AssertionError(f"the console ended: {told}")

    def heard(self, event: str, fits: Callable[[Any], object] = lambda _: True, **query: str) -> Any:
        """The data of the first event of that name that fits, of a stream of its own."""
        deadline = time.monotonic() + 20
        with self.http.stream("GET", "/api/stream", params=query) as response:
            name = ""
            for line in response.iter_lines():
                name = line.removeprefix("event: ") if line.startswith("event: ") else name
                if line.startswith("data: ") and name == event and fits(found := json.loads(line[6:])):
                    return found
                assert time.monotonic() < deadline, f"no {event} that fits"
        raise AssertionError("the stream ended")

    def stop(self) -> None:
        """Ctrl-C."""
        self.http.close()
        self.process.send_signal(2)
        self.process.wait(15)
