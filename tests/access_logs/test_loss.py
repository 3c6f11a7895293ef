"""Nothing is lost on the way to whoever reads HAProxy's standard output, and what is, is counted."""

import asyncio
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.elbow import Elbow
from harness.manifest import group, listener, load_balancer
from harness.paced import paced, target
from harness.poll import until
from harness.ports import Ports

_RATE, _COUNT = 5000, 15_000


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """Where HAProxy writes, as a container's standard output is: a pipe."""
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("form", ["elb", "json"])
async def test_every_one_of_5000_requests_a_second_is_a_line_or_counted_as_dropped(
    elbow: Callable[..., Elbow], ports: Ports, pipe: Path, tmp_path: Path, port: int, form: str, threads: int
) -> None:
    written, at = tmp_path / "written", ports.take()
    manifest = load_balancer([listener(port)], [group([{"ip": "127.0.0.1", "port": at}])], accessLog={"format": form})
    with written.open("wb") as log, subprocess.Popen(["cat", pipe], stdout=log) as reader:  # noqa: ASYNC220
        server = await target(at)
        lb = await asyncio.to_thread(elbow, manifest, output=pipe, options=("--threads", str(threads)))
        answered = await paced(port, _COUNT, _RATE)
        dropped = await asyncio.to_thread(counted, lb, _COUNT)
        await asyncio.to_thread(lb.stop)
        reader.wait(30)
        server.close()
    lines = written.read_bytes().splitlines()
    assert answered == _COUNT
    assert len(lines) + dropped == _COUNT
    if threads == 1:  # several drop each other's where the machine takes a core from the one that writes
        assert dropped == 0
    assert {line[:1] for line in lines} == ({b"{"} if form == "json" else {b"2"}), "each is whole"


def counted(lb: Elbow, requests: int) -> int:
    """What is counted as dropped, once everything is."""
    until(lambda: lb.metric("elb_request_count_total") == requests, limit=60, say="all requests are counted")
    return int(lb.metric("elbow_access_log_entries_dropped_total"))


async def test_what_a_reader_that_stops_loses_is_counted_and_clients_notice_nothing(
    elbow: Callable[..., Elbow], ports: Ports, pipe: Path, port: int
) -> None:
    at = ports.take()
    manifest = load_balancer([listener(port)], [group([{"ip": "127.0.0.1", "port": at}])], accessLog={"format": "alb"})
    stopped = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # open, but it doesn't read
    try:
        server = await target(at)
        lb = await asyncio.to_thread(elbow, manifest, output=pipe)
        assert await paced(port, 5000, 5000) == 5000
        dropped = await asyncio.to_thread(counted, lb, 5000)
        await asyncio.to_thread(lb.stop)
        server.close()
        lines = b"".join(iter(lambda: os.read(stopped, 1 << 20), b"")).count(b"\n")
    finally:
        os.close(stopped)
    assert dropped
    assert lines + dropped == 5000
