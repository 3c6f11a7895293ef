"""Where a load balancer lives on this machine: its run directory, its secret, HAProxy itself, and how big it may be."""

import os
import re
import resource
import secrets
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

_SOCKET_PATH_MOST = 90  # bytes; the kernel takes 107, HAProxy adds a suffix while it starts
_FILES_PER_CONNECTION = 2.5  # a client, a target, and for every fourth of them a pipe
_RESERVED_FILES = 200


class Unfit(Exception):
    """This machine, or how the command was called, doesn't allow it; the message says the way out."""


def run_directory(namespace: str, name: str, zone: str | None) -> Path:
    """The default run directory of one proxy."""
    base = Path("/run/elbow") if os.geteuid() == 0 else Path(os.environ.get("XDG_RUNTIME_DIR") or _state()) / "elbow"
    return base / ".".join(filter(None, (namespace, name, zone)))


def make_run_directory(path: Path) -> Path:
    """Create a run directory only its owner may read."""
    path = path.absolute()
    if len(str(path / "haproxy.sock").encode()) > _SOCKET_PATH_MOST:
        raise Unfit(f"{path} is too long for a socket's path; give a shorter --run-dir")
    try:
        for directory in (path, path / "certificates", path / "errors"):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Unfit(f"{path}: {error.strerror}; give another --run-dir") from None
    if re.search(r"[\s'\"\\#$,]", str(path)):
        raise Unfit(f"{path} holds characters HAProxy's configuration can't; give another --run-dir")
    return path


def secret_of(namespace: str, name: str, file: Path | None) -> bytes:
    """The load balancer's secret, made at its first use; the same file on several machines lets them honour each other's cookies."""
    path = file or Path("/var/lib/elbow" if os.geteuid() == 0 else _state() / "elbow") / f"{namespace}.{name}.secret"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _make_secret(path)
        text = path.read_text().strip()
    except OSError as error:
        raise Unfit(f"{path}: {error.strerror}; give another --secret-file") from None
    if len(text) < 32:
        raise Unfit(f"{path} holds fewer than 32 characters; remove it to have a new one made")
    return text.encode()


def _make_secret(path: Path) -> None:
    """Two proxies may start in the same moment: the file is there once, whole, with what the first of them chose."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as file:
        file.write(secrets.token_hex(32).encode())
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)


def find_haproxy() -> Path:
    """HAProxy 3.2 or newer: $ELBOW_HAPROXY, the one on PATH, or the one scripts/setup unpacked."""
    cache = Path(
        os.environ.get("ELBOW_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "elbow"
    )
    candidates = [os.environ.get("ELBOW_HAPROXY"), shutil.which("haproxy"), str(cache / "haproxy" / "haproxy")]
    for candidate in filter(None, candidates):
        if version_of(Path(candidate)) >= (3, 2):
            return Path(candidate)
    raise Unfit("HAProxy 3.2 is needed and wasn't found: run scripts/setup, or name one by ELBOW_HAPROXY")


def version_of(program: Path) -> tuple[int, int]:
    """A HAProxy's version; (0, 0) where there is none."""
    try:
        said = subprocess.run([program, "-v"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0, 0
    found = re.search(r"version (\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def most_connections(asked: int | None) -> int:
    """How many clients HAProxy serves at a time: as many as were asked for, or as fit into the limit of open files, at most 20000.

    Raises Unfit where those asked for don't fit: HAProxy wouldn't start.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = hard if hard != resource.RLIM_INFINITY else 1 << 20
    if soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    most = max(100, int((files - _RESERVED_FILES) / _FILES_PER_CONNECTION))
    if asked is None:  # with room for the checks of many targets
        return min(20_000, max(100, (files - _RESERVED_FILES) // 4))
    if asked > most:
        raise Unfit(
            f"--max-connections {asked} doesn't fit into {files} open files (ulimit -Hn); give at most {most}, or raise the limit"
        )
    return asked


def bind_addresses() -> tuple[str, ...]:
    """Every address of this machine, IPv6 where it has it."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return ("*",)
    return ("*", "::")


def _state() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
