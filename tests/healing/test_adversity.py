"""What goes wrong around the agent is an error in log, report and metric; the last good state goes on; the cure needs no help."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import yaml
from elbow_dataplane.agent.binds import taken as in_the_way
from elbow_dataplane.cli.place import find_haproxy
from elbow_dataplane.haproxy.render.config import Skeleton
from harness.client import Closed, get
from harness.elbow import Elbow
from harness.load import Load
from harness.manifest import group, http, listener, load_balancer
from harness.poll import until
from harness.ports import Ports
from harness.targets import Targets

Start = Callable[..., Elbow]


def fault(lb: Elbow, text: str, *, limit: float = 10.0, at_start: bool = False) -> None:
    """Wait until a fault says so: in the report, the metric, and the log; and what goes on, but where nothing is before."""
    until(lambda: any(text in line for line in lb.report().faults), limit=limit, say=f"the fault {text!r}")
    assert lb.metric("elbow_faults") >= 1
    assert lb.metric("elbow_converged") == 0
    errors = [line for line in lb.logs().splitlines() if " ERROR " in line and text in line]
    assert errors
    assert all(("the last good state goes on" in line) is not at_start for line in errors)
    assert len(errors) == 1, "a fault that lasts is said once"


def cured(lb: Elbow, *, limit: float = 10.0) -> None:
    """Wait until nothing is wrong any more."""
    lb.wait_converged(lambda report: not report.faults, limit=limit)
    assert lb.metric("elbow_faults") == 0


@contextmanager
def taken(port: int) -> Iterator[None]:
    """Someone else listens on a port."""
    with closing(socket.socket()) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        yield


def test_a_half_written_manifest_changes_nothing_and_the_whole_one_is_applied(
    elbow: Start, targets: Targets, port: int
) -> None:
    a, b = targets.many(2)
    lb = elbow(http(port, [a]))
    text = yaml.safe_dump(http(port, [a, b]), sort_keys=False)

    with Load(port) as load:
        lb.file.write_text(text[: text.index("targetGroups") + 16])
        until(lambda: lb.report().faults)
        load.wait_for(30)
        assert lb.metric("elbow_faults") >= 1
        with lb.file.open("a") as file:
            file.write(text[text.index("targetGroups") + 16 :])
        cured(lb)
    load.assert_clean()
    lb.wait_settled()
    assert {get(port).target for _ in range(10)} == {"a", "b"}
    assert lb.reloads() == {}


def test_a_manifest_that_is_deleted_changes_nothing_until_it_is_back(elbow: Start, targets: Targets, port: int) -> None:
    a, b = targets.many(2)
    lb = elbow(http(port, [a]))

    lb.file.unlink()
    fault(lb, "lb.yaml: No such file or directory")
    assert get(port).target == "a"

    lb.write(http(port, [a, b]))
    cured(lb)
    lb.wait_settled()
    assert {get(port).target for _ in range(10)} == {"a", "b"}


def test_a_manifest_whose_folder_was_moved_away_and_back_is_followed_again(
    elbow: Start, targets: Targets, port: int, tmp_path: Path
) -> None:
    a, b = targets.many(2)
    lb = elbow(http(port, [a]))
    folder = tmp_path / "of-links"
    folder.mkdir()
    (folder / "lb.yaml").write_text(lb.file.read_text())
    lb.file.unlink()
    lb.file.symlink_to(folder / "lb.yaml")  # what happens in the other folder, no event tells
    cured(lb)

    (folder / "lb.yaml").write_text(yaml.safe_dump(http(port, [a, b])))

    until(lambda: lb.group().healthy == 2, limit=10)


def test_a_port_in_use_names_its_listener_the_others_go_on_and_it_opens_when_the_port_is_free(
    elbow: Start, targets: Targets, ports: Ports
) -> None:
    one, two = ports.take(), ports.take()
    a, b = targets.many(2)
    lb = elbow(load_balancer([listener(one)], [group([a])]))
    both = load_balancer([listener(one), listener(two, name="second")], [group([a, b])])

    with Load(one) as load:
        with taken(two):
            lb.write(both)
            fault(lb, f"listener second: port {two} of 127.0.0.1 is in use by another program")
            load.wait_for(30)
            assert lb.report().generation == 1
            assert set(load.targets) == {"a"}
        cured(lb)
        load.wait_for(30)
    load.assert_clean()
    lb.wait_settled()
    assert {get(two).target for _ in range(10)} == {"a", "b"}
    assert lb.reloads() == {"ListenerAdded": 1}


def test_what_is_last_good_is_still_kept_right_while_a_newer_manifest_cant_be_applied(
    elbow: Start, targets: Targets, ports: Ports
) -> None:
    one, two = ports.take(), ports.take()
    a, b = targets.many(2)
    lb = elbow(load_balancer([listener(one)], [group([a, b])]))
    with taken(two):
        lb.write(load_balancer([listener(one), listener(two, name="second")], [group([a, b])]))
        fault(lb, "listener second")

        a.health.status = 500
        lb.wait_state(a, "unhealthy")
        lb.socket("disable frontend ls_http")
        until(lambda: "OPEN" in lb.socket("show stat ls_http 1 -1"), limit=5)
        lb.kill_worker()
        until(lambda: serves(one), limit=5)
        assert {get(one).target for _ in range(6)} == {"b"}
    cured(lb)


def serves(port: int) -> bool:
    """Whether a request is served."""
    try:
        return get(port).status == 200
    except (OSError, Closed):
        return False


def test_a_port_in_use_at_the_start_is_waited_for(elbow: Start, targets: Targets, port: int) -> None:
    lb = elbow(http(port, targets.many(1)))
    assert lb.stop_agent(limit=20) == 0
    with taken(port):
        lb.start(wait=False)
        until(lambda: "ERROR" in lb.logs(), limit=20)
        fault(lb, f"listener http: port {port} of 127.0.0.1 is in use by another program", at_start=True)
        assert lb.page("/readyz")[0] == 503
    cured(lb)
    lb.wait_settled()
    assert get(port).target == "a"


def test_a_port_in_use_of_ipv4_and_ipv6_is_said_once(port: int) -> None:
    frame = Skeleton((("frontend ls_http", (f"  bind *:{port}", f"  bind [::]:{port} v6only")),))
    with socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True):
        assert in_the_way(frame, set()) == [f"listener http: port {port} is in use by another program"]


def test_a_configuration_that_haproxy_refuses_is_never_loaded(
    elbow: Start, targets: Targets, port: int, tmp_path: Path
) -> None:
    """No manifest that is accepted leads there; so a HAProxy that refuses everything stands in for it."""
    program, refuses = tmp_path / "haproxy", tmp_path / "refuses"
    real = find_haproxy()
    program.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = -c ] && [ -e {refuses} ]; then echo "[ALERT] (1) : config : not that"; exit 1; fi\n'
        f'exec {real} "$@"\n'
    )
    program.chmod(0o755)
    a, b = targets.many(2)
    lb = elbow(http(port, [a]), environment={"ELBOW_HAPROXY": str(program)})
    worker, config = lb.haproxies(), lb.config()
    refuses.touch()

    lb.write(http(port, [a, b], check={"path": "/other"}))
    fault(lb, "config : not that")
    assert get(port).target == "a"
    assert (lb.haproxies(), lb.config()) == (worker, config)

    refuses.unlink()
    cured(lb)
    assert lb.reloads() == {"TargetGroupChanged": 1}


def test_a_haproxy_that_hangs_is_a_fault_and_neither_started_twice_nor_killed(
    elbow: Start, targets: Targets, port: int
) -> None:
    a, b = targets.many(2)
    lb = elbow(http(port, [a]))
    before = lb.haproxies()
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    try:
        lb.write(http(port, [a, b]))
        fault(lb, "HAProxy hangs: no answer on", limit=20)
        assert lb.page("/livez")[0] == 200
    finally:
        for pid in before:
            os.kill(pid, signal.SIGCONT)
    cured(lb, limit=20)
    lb.wait_settled()
    assert lb.haproxies() == before
    assert {get(port).target for _ in range(10)} == {"a", "b"}
    assert lb.reloads() == {}


class OnASmallDisk(Elbow):
    """Its run directory is a file system of 1 MB; needs root."""

    def start(self, *, wait: bool = True) -> None:
        """Make the file system first."""
        self.run_dir.mkdir(mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "elbow-test", self.run_dir], check=True)
        super().start(wait=wait)

    def stop(self) -> None:
        """Take it away at the end."""
        super().stop()
        subprocess.run(["umount", self.run_dir], check=True)
        shutil.rmtree(self.directory)


@pytest.fixture
def small(targets: Targets, port: int, ports: Ports) -> Iterator[OnASmallDisk]:
    """An Elbow over one target, on a small disk."""
    lb = OnASmallDisk(http(port, targets.many(1)), ports)
    yield lb
    lb.stop()


def test_a_full_disk_is_a_fault_and_targets_follow_the_manifest_all_the_same(
    small: OnASmallDisk, targets: Targets, port: int
) -> None:
    a, b, c = targets.made[0], targets.http("b"), targets.http("c")
    full = small.run_dir / "full"
    with Load(port) as load:
        fill(full)

        small.write(http(port, [a, b]))
        fault(small, "No space left on device")
        until(lambda: {get(port).target for _ in range(4)} == {"a", "b"}, limit=10)
        small.write(http(port, [a, c], check={"path": "/other"}))  # which takes a reload
        until(lambda: small.report().generation == 1 and small.report().faults)
        load.wait_for(30)

        full.unlink()
        cured(small)
        small.wait_settled()
        load.wait_for(30)
    load.assert_clean()
    assert {get(port).target for _ in range(10)} == {"a", "c"}
    assert small.reloads() == {"TargetGroupChanged": 1}
    assert "/other" in small.config()


def test_haproxy_killed_while_the_disk_is_full_is_back_on_the_file_it_had_with_the_targets_of_now(
    small: OnASmallDisk, targets: Targets, port: int
) -> None:
    a, b = targets.made[0], targets.http("b")
    full = small.run_dir / "full"
    fill(full)
    small.write(http(port, [a, b]))
    fault(small, "No space left on device")

    small.kill_haproxy()

    until(lambda: serves(port), limit=10)
    until(lambda: {get(port).target for _ in range(4)} == {"a", "b"}, limit=10)
    full.unlink()
    cured(small)
    assert small.reloads() == {}


def fill(file: Path) -> None:
    """Write until no byte fits any more."""
    with file.open("wb", buffering=0) as out:
        for size in (4096, 1):
            try:
                while True:
                    out.write(b"x" * size)
            except OSError:
                continue
