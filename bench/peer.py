"""A proxy that takes part: its ports, its processes, and what it used."""

import http.client
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.certificate import Certificate
from bench.program import Program, cpu_seconds, memory

TARGETS = (8101, 8102)
"""The ports of the targets."""

HTTP, HTTPS, TCP = 80, 443, 9000
"""The ports every peer listens on, at an address of its own: what is standard for a client needs no rewriting of Host."""

HOST = "example.com"
"""The host clients ask for."""


@dataclass
class Peer:
    """One proxy in one configuration, running."""

    name: str
    address: str
    program: Program | None
    workers: Callable[[], list[int]]
    """The processes that carry traffic."""
    sticky: bool = False
    cookie: str | None = field(default=None, init=False)
    """What a client that was here before returns."""

    def cpu(self) -> float:
        """CPU seconds the carrying processes used so far."""
        return cpu_seconds(self.workers())

    def memory(self) -> float:
        """Their resident memory in MiB."""
        return memory(self.workers())

    def wait(self, limit: float = 20) -> None:
        """Until it answers through a target; then greet it, so that a sticky peer knows the client."""
        end = time.monotonic() + limit
        while (answer := self._ask()) != 200:
            if self.program:
                self.program.alive()
            if time.monotonic() > end:
                raise TimeoutError(f"{self.name} answers {answer}")
            time.sleep(0.05)
        if self.sticky and not self.cookie:
            raise RuntimeError(f"{self.name} sets no cookie")

    def _ask(self) -> int | str:
        connection = http.client.HTTPConnection(self.address, HTTP, timeout=5)
        try:
            connection.request("GET", "/", headers={"Host": HOST})
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            return repr(error)
        finally:
            connection.close()
        cookies = response.headers.get_all("Set-Cookie") or []
        if self.sticky and cookies:
            self.cookie = "; ".join(cookie.partition(";")[0] for cookie in cookies)
        return response.status


@dataclass(frozen=True)
class Place:
    """Where a peer keeps its files, and the certificate it serves."""

    directory: Path
    certificate: Certificate

    def write(self, name: str, text: str) -> Path:
        """A file of that name."""
        path = self.directory / name
        path.write_text(text)
        return path
