"""The machine a run was made on, and how busy others kept it."""

import os
import platform
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from bench.program import TOOLS


def busy_seconds(core: int) -> float:
    """How long a core has worked since boot, in steps of 10 ms."""
    line = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith(f"cpu{core} "))
    ticks = [int(word) for word in line.split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def description() -> str:
    """CPU, kernel, system, and what pins the network's behaviour."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    flags = " VM" if "hypervisor" in Path("/proc/cpuinfo").read_text() else ""
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    congestion = Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
    return (
        f"{os.cpu_count()} CPUs ({cpu[1] if cpu else platform.machine()}{flags}), Linux {platform.release()}, {system}, "
        f"Python {platform.python_version()}, loopback in a network namespace of its own, TCP {congestion}"
    )


def versions(haproxy: Path) -> str:
    """The versions of all that takes part."""
    found = {
        "HAProxy": _said([haproxy, "-vv"], r"version (\S+)"),
        "its TLS library": _said([haproxy, "-vv"], r"Running on SSL library version : (.*)"),
        "nginx": _said(["nginx", "-v"], r"nginx/(\S+)"),
        "Envoy": _said([TOOLS / "envoy" / "envoy", "--version"], r"/(\d+\.\d+\.\d+)/"),
        "wrk": _said(["wrk", "-v"], r"wrk (?:debian/)?(\S+)"),
        "h2load": _said(["h2load", "--version"], r"nghttp2/(\S+)"),
        "openssl": _said(["openssl", "version"], r"OpenSSL (\S+)"),
    }
    return ", ".join(f"{name} {version}" for name, version in found.items())


def commit() -> str:
    """The commit measured, with a plus if the tree differs from it."""
    head = _said(["git", "rev-parse", "--short", "HEAD"], r"(\S+)")
    return head + ("+" if _said(["git", "status", "--porcelain", "--untracked-files=no"], r"(\S+)") != "?" else "")


def _said(command: Iterable[str | Path], pattern: str) -> str:
    try:
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return "?"
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1].strip() if found else "?"
