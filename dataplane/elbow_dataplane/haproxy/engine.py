"""Where and how big a HAProxy runs: what surrounds the wanted state when it is rendered."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Engine:
    """One HAProxy's surroundings."""

    run: Path
    """The directory of its config, sockets, certificates and state; only its owner may read it."""
    secret: bytes
    """Names targets and signs cookies; the same in all proxies of one load balancer."""
    threads: int
    """HAProxy sees CPUs, not a container's quota: always given (HAProxy 3.2, nbthread)."""
    max_connections: int
    """Client connections at a time; HAProxy doesn't see a container's memory limit either."""
    identity: str = ""
    """What tells this proxy from all others, for the ids it makes up."""
    addresses: tuple[str, ...] = ("*",)
    """The addresses listeners bind to, as HAProxy writes them."""
    hard_stop: int = 3600
    """Seconds after which a worker that was replaced is ended, whatever it still serves."""

    @property
    def config_file(self) -> Path:
        """The file HAProxy starts from, kept equal to what runs."""
        return self.run / "haproxy.cfg"

    @property
    def worker_socket(self) -> Path:
        """The worker's command socket."""
        return self.run / "haproxy.sock"

    @property
    def master_socket(self) -> Path:
        """The master's command socket."""
        return self.run / "master.sock"

    @property
    def state_file(self) -> Path:
        """Health and drain state, handed from worker to worker at a reload."""
        return self.run / "servers.state"

    @property
    def certificates(self) -> Path:
        """The directory of the listeners' certificates."""
        return self.run / "certificates"
