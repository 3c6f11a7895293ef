"""How HAProxy's container starts it: the very command of the pod, with the real HAProxy."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from elbow_dataplane.cli.place import find_haproxy
from elbow_operator.plan.cluster import Settings
from elbow_operator.plan.pod import pod_spec
from harness.client import Client
from harness.observed import load_balancer
from harness.poll import until

_SETTINGS = Settings(agent_image="elbow:1", proxy_image="haproxy:3.2")


def command(run: Path) -> list[str]:
    """The container's command, with its directory in another place."""
    spec = pod_spec(load_balancer(), "zone-a", _SETTINGS)
    (container,) = [c for c in spec["initContainers"] if c["name"] == "haproxy"]
    return [word.replace("/run/elbow", str(run)) for word in container["command"]]


class Container:
    """HAProxy's container."""

    def __init__(self, run: Path, port: int) -> None:
        self.run, self.port = run, port
        environment = {**os.environ, "PATH": f"{find_haproxy().parent}:{os.environ['PATH']}"}
        self.process = subprocess.Popen(command(run), env=environment, start_new_session=True)

    def accepts(self) -> bool:
        with suppress(OSError), Client(self.port):
            return True
        return False

    def master(self) -> int:
        """The process the shell started."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    def worker(self) -> int:
        master = self.master()
        return int(Path(f"/proc/{master}/task/{master}/children").read_text().split()[0])


@pytest.fixture
def container(tmp_path: Path, port: int) -> Iterator[Container]:
    """One that accepts connections."""
    (tmp_path / "haproxy.cfg").write_text(
        f"defaults\n  timeout client 5s\n  timeout connect 1s\n  timeout server 5s\n"
        f"frontend f\n  mode http\n  bind 127.0.0.1:{port}\n  http-request return status 200\n"
    )
    started = Container(tmp_path, port)
    until(started.accepts, limit=10)
    yield started
    with suppress(ProcessLookupError):
        os.killpg(started.process.pid, signal.SIGKILL)
    started.process.wait(10)


@pytest.mark.parametrize("which", ["master", "worker"])
def test_a_haproxy_that_is_killed_accepts_again_within_a_second(container: Container, which: str) -> None:
    time.sleep(3)  # one that dies young is left to the kubelet
    before = container.master()
    os.kill(getattr(container, which)(), signal.SIGKILL)
    began = time.monotonic()
    until(lambda: container.master() not in (0, before) and container.accepts(), limit=5)
    assert time.monotonic() - began < 1
    assert container.process.poll() is None


def test_a_haproxy_that_dies_young_ends_its_container(container: Container) -> None:
    os.kill(container.master(), signal.SIGKILL)
    until(lambda: container.process.poll() is not None, limit=3)
    assert container.process.returncode == 137


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGUSR1])
def test_told_to_end_it_ends(container: Container, told: signal.Signals) -> None:
    container.process.send_signal(told)
    container.process.wait(5)
    until(lambda: not container.accepts(), limit=5)


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("import time; time.sleep(60)", 143),  # as Python is before it has a handler
        ("import signal, sys, time; signal.signal(15, lambda *_: sys.exit(7)); print(flush=True); time.sleep(60)", 7),
    ],
)
def test_an_agent_that_is_told_to_end_while_it_starts_ends(program: str, code: int) -> None:
    spec = pod_spec(load_balancer(), "zone-a", _SETTINGS)
    words: list[str] = spec["containers"][0]["command"]
    first = words[: words.index("elbow")]  # what stands before the agent itself
    # The first process of a container gets no signal that it has no handler for.
    alone = ["unshare", "--pid", "--fork", "--kill-child"]
    with subprocess.Popen([*alone, *first, sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        if code == 7:
            process.stdout.readline()
        shell = until(lambda: children(process.pid), limit=10)[0]
        until(lambda: children(shell), limit=10)
        os.kill(shell, signal.SIGTERM)
        assert process.wait(10) == code


def test_the_code_an_agent_ends_with_is_its_containers() -> None:
    words: list[str] = pod_spec(load_balancer(), "zone-a", _SETTINGS)["containers"][0]["command"]
    program = "import os; from signal import *; pthread_sigmask(SIG_BLOCK, {15}); os.write(1, b'.'); sigwait({15}); os._exit(7)"
    command = [*words[: words.index("elbow")], sys.executable, "-S", "-c", program]
    codes = set()
    with one_core():  # there the agent is likely to have ended before the shell goes on from the signal
        for _ in range(60):
            with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                process.stdout.read(1)
                process.terminate()
                codes.add(process.wait(10))
    assert codes == {7}


@contextmanager
def one_core() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
