"""What the demo needs before it starts: ports, addresses, a certificate, and the manifest."""

import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from elbow_dataplane.cli.place import Unfit, run_directory

HOST = "127.0.0.1"
DELAY = 3
"""Seconds of deregistration delay."""
INTERVAL = 1
"""Seconds between two health checks."""
_FIRST_PORT = 18_080
_PORTS_TRIED = 2_000


@dataclass(frozen=True)
class Target:
    """A target's name, zone and address."""

    name: str
    zone: str
    address: str


TARGETS = tuple(
    Target(f"{letter}{number}", f"zone-{letter}", f"127.0.{third}.{number}")
    for third, letter in enumerate("abc", start=1)
    for number in (1, 2)
)
ZONES = tuple(dict.fromkeys(target.zone for target in TARGETS))


@dataclass(frozen=True)
class Ports:
    """The listeners' ports, and those of all targets."""

    http: int
    https: int
    tcp: int
    target_http: int
    target_tcp: int


@dataclass(frozen=True)
class Home:
    """The demo's own files, and where it runs."""

    directory: Path
    run: Path
    ports: Ports

    @property
    def manifest(self) -> Path:
        """The manifest, edited while it runs."""
        return self.directory / "lb.yaml"

    @property
    def certificate(self) -> Path:
        """The certificate clients trust."""
        return self.directory / "certificate.pem"

    @property
    def key(self) -> Path:
        """Its private key."""
        return self.directory / "key.pem"

    @property
    def log(self) -> Path:
        """What `elbow run` says."""
        return self.directory / "elbow.log"


def free_ports() -> Ports:
    """Ports nobody listens on, the same ones at each start if they are free; raises Unfit when there are none."""
    found: list[int] = []
    for port in range(_FIRST_PORT, _FIRST_PORT + _PORTS_TRIED):
        if all(_is_free(address, port) for address in (HOST, *(target.address for target in TARGETS))):
            found.append(port)
        if len(found) == 5:
            return Ports(*found)
    raise Unfit(f"no free ports between {_FIRST_PORT} and {_FIRST_PORT + _PORTS_TRIED}; end some of what listens there")


def take_run_directory() -> Path:
    """A run directory nobody uses, where `elbow status` finds it."""
    base = run_directory("default", "demo", None).parent
    for number in range(1, 1000):
        path = base / f"default.demo{f'-{number}' if number > 1 else ''}"
        try:
            path.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            continue
        except OSError as error:
            raise Unfit(f"{path}: {error.strerror}") from None
        return path
    raise Unfit(f"{base} is full of demos; remove those that don't run")


def make_certificate(home: Home) -> None:
    """A certificate for localhost that signs itself, good for a month; raises Unfit without openssl."""
    if shutil.which("openssl") is None:
        raise Unfit("openssl is needed to make a certificate: apt-get install openssl")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost"
    names = f"subjectAltName=DNS:localhost,IP:{HOST}"
    files = ["-keyout", str(home.key), "-out", str(home.certificate)]
    made = subprocess.run([*command.split(), "-addext", names, *files], capture_output=True, text=True, check=False)
    if made.returncode:
        raise Unfit(f"openssl made no certificate: {made.stderr.strip()}")


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen()
        except OSError:
            return False
    return True
