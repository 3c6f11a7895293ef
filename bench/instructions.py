"""User-space instructions per request, counted by callgrind: no clock in it, so a busy machine doesn't blur it.

What the kernel does for a request isn't counted; it is the same for both and more than half of the CPU time.
"""

import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import haproxy as plain
from bench.elbow import elbow_config
from bench.peer import HOST, HTTP, Peer, Place
from bench.program import LOAD_CORE, Program, run
from bench.report import table

_REQUESTS = 1000
_WARM_UP = 200
_TRIES = 4
_BROWSER = (
    "user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
    "accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8",
    "accept-encoding: gzip, deflate, br",
    "accept-language: en-US,en;q=0.5",
    "cookie: session=abcdefghijklmnopqrstuvwxyz0123456789; theme=dark; _ga=GA1.2.1234567890.1234567890",
    "referer: https://example.com/some/page/index.html",
)
_HEADERS = {"4 short headers": (), "a browser's headers, 0.6 KB": _BROWSER}


class Unsettled(Exception):
    """The program under callgrind was too slow for its own watchdogs; trying again helps."""


@dataclass(frozen=True)
class Count:
    """Instructions per request of one configuration with one set of headers."""

    peer: str
    headers: str
    instructions: float

    def row(self) -> dict[str, Any]:
        return {"scenario": "instructions"} | asdict(self)


def measure(place: Place) -> Iterator[Count]:
    """HAProxy with the plainest configuration, then with Elbow's: without a cookie, with one, counting less, and logging."""
    configs = {"HAProxy": (plain.ADDRESS, place.write("instructions.cfg", plain.config(place)), False)}
    for name, address, sticky in (("Elbow", "127.0.0.31", False), ("Elbow, lb_cookie", "127.0.0.32", True)):
        configs[name] = (address, elbow_config(place, address, sticky=sticky), sticky)
    uncounted = "\n".join(line for line in configs["Elbow"][1].read_text().splitlines() if "table latency_" not in line)
    address = configs["Elbow"][0]
    configs["Elbow, no latencies counted"] = (address, place.write("uncounted.cfg", f"{uncounted}\n"), False)
    for n, form in enumerate(("elb", "alb", "json"), 33):
        address = f"127.0.0.{n}"
        configs[f"Elbow, access log {form}"] = (address, elbow_config(place, address, log=form), False)
    for name, (address, config, sticky) in configs.items():
        for headers, lines in _HEADERS.items():
            yield Count(name, headers, _persistent(name, address, config, lines, place.directory, sticky=sticky))


def _persistent(
    name: str, address: str, config: Path, headers: Sequence[str], directory: Path, *, sticky: bool
) -> float:
    for _ in range(_TRIES):
        try:
            return _count(name, address, config, headers, directory, sticky=sticky)
        except (Unsettled, TimeoutError, RuntimeError, subprocess.SubprocessError):
            continue
    raise Unsettled(f"{name}: {_TRIES} times")


def _count(name: str, address: str, config: Path, headers: Sequence[str], directory: Path, *, sticky: bool) -> float:
    out = directory / "callgrind.out"
    for old in directory.glob("callgrind.out*"):
        old.unlink()
    command = ["valgrind", "--tool=callgrind", "--trace-children=yes", f"--callgrind-out-file={out}"]
    program = Program([*command, plain.PROGRAM, "-db", "-f", config], directory / "callgrind.log", core=LOAD_CORE)
    try:
        peer = Peer(name, address, program, lambda: [program.pid], sticky=sticky)
        peer.wait(limit=120)
        lines = [*headers, *([f"cookie: {peer.cookie}"] if peer.cookie else [])]
        _request(address, _WARM_UP, lines)
        _control("--zero", program.pid)
        _request(address, _REQUESTS, lines)
        _control("--dump", program.pid)
        return _total(out.with_name("callgrind.out.1")) / _REQUESTS
    finally:
        program.stop()


def _request(address: str, count: int, headers: Sequence[str]) -> None:
    options = [word for line in (f":authority: {HOST}", *headers) for word in ("-H", line)]
    said = run(["h2load", "--h1", "-c", "1", "-n", str(count), *options, f"http://{address}:{HTTP}/"], limit=120)
    if f"{count} succeeded" not in said:
        raise Unsettled(said)


def _control(what: str, pid: int) -> None:
    subprocess.run(["callgrind_control", what, str(pid)], check=True, capture_output=True, timeout=60)


def _total(dump: Path, limit: float = 30) -> int:
    end = time.monotonic() + limit
    while time.monotonic() < end:
        found = re.search(r"^totals: (\d+)", dump.read_text() if dump.exists() else "", re.MULTILINE)
        if found:
            return int(found[1])
        time.sleep(0.1)
    raise Unsettled("callgrind wrote nothing")


def text(counts: Sequence[Count]) -> str:
    """The counts as a table."""
    base = {each.headers: each.instructions for each in counts if each.peer == "HAProxy"}
    rows = [
        [
            each.peer,
            each.headers,
            f"{each.instructions:.0f}",
            f"{each.instructions - base[each.headers]:+.0f}",
            f"{each.instructions / base[each.headers]:.2f}",
        ]
        for each in counts
    ]
    head = ["", "request", "instructions per request", "over HAProxy", "ratio, user space alone"]
    return f"## Instructions in user space (callgrind)\n\n{table(head, rows)}\n"
