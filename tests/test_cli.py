"""The elbow command as its user sees it: what it prints, and its exit codes."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from conftest import Targets
from elbow_dataplane.cli.main import main
from elbow_dataplane.cli.place import secret_of
from elbow_dataplane.cli.table import age
from harness.elbow import PROGRAM, Elbow
from harness.manifest import group, http, listener, load_balancer
from harness.poll import until
from harness.ports import Ports
from harness.processes import naming

Start = Callable[..., Elbow]
_ROOT = Path(__file__).parents[1]


def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run elbow to its end."""
    command = [str(PROGRAM), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, **options)


def printed(*arguments: object) -> str:
    """What elbow prints when all is well."""
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def table(text: str) -> list[dict[str, str]]:
    """A printed table's rows by column, read as a person does: a cell stands below the name of its column."""
    head, *lines = text.splitlines()
    names = re.findall(r"\S+(?: \S+)*", head)
    assert all(line == line.rstrip() for line in lines)
    return [dict(zip(names, re.split(r" {2,}", line.strip()), strict=True)) for line in lines]


# check


def test_check_says_that_a_good_manifest_is_good(tmp_path: Path) -> None:
    file = tmp_path / "lb.yaml"
    file.write_text(yaml.safe_dump(http(8080, [{"ip": "10.0.0.1", "port": 80}, {"ip": "10.0.0.2", "port": 80}])))

    assert printed("check", file) == f"{file}: good: 1 listener, 1 target group, 2 targets\n"


def test_check_names_every_fault_with_its_line_its_field_and_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "lb.yaml"
    file.write_text(
        """\
apiVersion: elbow.dev/v1alpha1
kind: LoadBalancer
metadata: {name: web}
spec:
  listeners:
    - name: http
      port: 70000
      protocol: HTTP
      targetGroup: web
  targetGroups:
    - name: web
      protocol: HTTP
      healthCheck:
        interval: 30
      targets: {addresses: []}
"""
    )

    done = run("check", file)

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"{file}:7: spec.listeners[0].port: must be at most 65535",
        f"{file}:14: spec.targetGroups[0].healthCheck.interval: not a duration; write it like 30s, 5m, 1h30m or 500ms",
    ]


def test_check_says_when_there_is_no_such_file(tmp_path: Path) -> None:
    done = run("check", tmp_path / "missing.yaml")

    assert done.returncode == 1
    assert "missing.yaml: No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["http", "https", "tcp", "sticky", "zones"])
def test_every_example_is_a_good_manifest(name: str, tmp_path: Path, authority: Any) -> None:
    certificate = authority.issue("localhost")
    (tmp_path / "certificate.pem").write_bytes(certificate.chain.read_bytes())
    (tmp_path / "key.pem").write_bytes(certificate.key.read_bytes())
    file = tmp_path / f"{name}.yaml"
    file.write_text((_ROOT / "examples" / f"{name}.yaml").read_text())

    assert f"{file}: good" in printed("check", file)


# render


def test_render_prints_the_configuration_and_runs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "lb.yaml"
    file.write_text(yaml.safe_dump(http(8080, [{"ip": "10.0.0.1", "port": 80}])))

    text = printed("render", file, "--run-dir", tmp_path / "run")

    assert "frontend ls_http" in text
    assert "10.0.0.1:80" in text
    assert not (tmp_path / "run").exists()


# status and targets


def test_targets_are_shown_with_their_state_reason_and_age_the_sick_ones_first(
    elbow: Start, targets: Targets, ports: Ports
) -> None:
    a, b, c = targets.many(3)
    web = http(ports.take(), [a.address(zone="zone-a"), b.address(zone="zone-b", weight=7), c.address()])
    balancer = elbow(web)
    b.health.status = 503
    balancer.wait_state(b, "unhealthy")

    rows = table(printed("targets", "--admin", f"127.0.0.1:{balancer.admin}"))

    assert [row["TARGET"] for row in rows] == [f"{t.ip}:{t.port}" for t in (b, a, c)]
    assert [row["STATE"] for row in rows] == ["unhealthy", "healthy", "healthy"]
    assert [row["ZONE"] for row in rows] == ["zone-b", "zone-a", "-"]
    assert [row["REASON"] for row in rows] == ["Target.ResponseCodeMismatch", "-", "-"]
    assert {row["GROUP"] for row in rows} == {"web"}
    assert all(re.fullmatch(r"\d+s", row["SINCE"]) for row in rows)
    wide = table(printed("targets", "-o", "wide", "--admin", f"127.0.0.1:{balancer.admin}"))
    assert wide[0]["DESCRIPTION"] == "Health checks failed with these codes: [503]"
    assert [row["WEIGHT"] for row in wide] == ["7", "1", "1"]


def test_targets_as_json_are_one_list_for_programs(elbow: Start, targets: Targets, ports: Ports) -> None:
    a = targets.http()
    balancer = elbow(http(ports.take(), [a.address(zone="zone-a")]), zone="zone-a")

    (found,) = json.loads(printed("targets", "-o", "json", "--admin", f"127.0.0.1:{balancer.admin}"))

    assert found.pop("since").endswith("Z")
    assert found == {
        "loadBalancer": "web",
        "namespace": "default",
        "proxyZone": "zone-a",
        "group": "web",
        "address": a.ip,
        "port": a.port,
        "zone": "zone-a",
        "weight": 1,
        "state": "healthy",
        "reason": None,
        "description": None,
        "node": None,
        "pod": None,
        "drained": None,
    }


def test_targets_of_several_load_balancers_say_whose_they_are(elbow: Start, targets: Targets, ports: Ports) -> None:
    balancers = [elbow(http(ports.take(), [targets.http()]), zone=zone) for zone in ("zone-a", "zone-b")]
    admins = [word for one in balancers for word in ("--admin", f"127.0.0.1:{one.admin}")]

    rows = table(printed("targets", *admins))

    assert [row["LOAD BALANCER"] for row in rows] == ["default/web (zone-a)", "default/web (zone-b)"]


def test_status_shows_listeners_groups_and_counts(elbow: Start, targets: Targets, ports: Ports) -> None:
    a, sick = targets.many(2)
    sick.health.status = 500
    first, second = ports.take(), ports.take()
    listeners = [listener(first), listener(second, name="other")]
    balancer = elbow(load_balancer(listeners, [group([a, sick])], name="shop"))
    balancer.wait_state(sick, "unhealthy")

    head, listening, groups = printed("status", "--admin", f"127.0.0.1:{balancer.admin}").split("\n\n")

    assert re.fullmatch(r"default/shop: ready, generation 1, HAProxy \S+ \(process \d+, reloads: 0\)", head)
    assert [(row["LISTENER"], row["PROTOCOL"], row["PORT"]) for row in table(listening)] == [
        ("http", "HTTP", str(first)),
        ("other", "HTTP", str(second)),
    ]
    (web,) = table(groups)
    assert (web["GROUP"], web["HEALTHY"], web["UNHEALTHY"], web["FAILS OPEN"]) == ("web", "1", "1", "no")


def test_status_says_why_the_newest_manifest_was_refused(elbow: Start, targets: Targets, ports: Ports) -> None:
    balancer = elbow(http(ports.take(), [targets.http()]))
    balancer.write("kind: nonsense")
    until(lambda: balancer.report().faults, say="a fault")

    text = printed("status", "--admin", f"127.0.0.1:{balancer.admin}")

    assert "default/web: faulty" in text
    assert "spec: required" in text


def test_status_as_json_is_a_list_of_whole_reports(elbow: Start, targets: Targets, ports: Ports) -> None:
    balancer = elbow(http(ports.take(), [targets.http()]))

    (report,) = json.loads(printed("status", "-o", "json", "--admin", f"127.0.0.1:{balancer.admin}"))

    assert (report["name"], report["ready"], len(report["targetGroups"])) == ("web", True, 1)


@pytest.mark.parametrize("command", ["status", "targets"])
def test_where_nothing_runs_the_exit_code_is_1_and_the_message_says_the_way_out(command: str, ports: Ports) -> None:
    done = run(command, "--admin", f"127.0.0.1:{ports.take()}")

    assert done.returncode == 1
    assert done.stdout == ""
    assert "nothing listens there" in done.stderr
    assert "start one with `elbow run FILE`" in done.stderr


def test_more_connections_than_the_limit_of_open_files_allows_are_refused_with_how_many_fit(
    targets: Targets, elbow: Start, port: int, tmp_path: Path
) -> None:
    manifest = http(port, targets.many(1))
    file = tmp_path / "lb.yaml"
    file.write_text(yaml.safe_dump(manifest))

    done = run("run", file, "--run-dir", tmp_path / "run", "--admin", "127.0.0.1:0", "--max-connections", 1_000_000)

    assert done.returncode == 1
    found = re.search(r"--max-connections 1000000 doesn't fit into \d+ open files .*; give at most (\d+)", done.stderr)
    assert found, done.stderr
    assert elbow(manifest, options=("--max-connections", found[1])).report().converged


def test_two_proxies_that_start_in_the_same_moment_have_the_same_secret(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    begin = threading.Barrier(16)

    def start(_: int) -> bytes:
        begin.wait()
        return secret_of("default", "web", file)

    for _ in range(20):
        with ThreadPoolExecutor(16) as pool:
            assert len(set(pool.map(start, range(16)))) == 1
        file.unlink()
    assert not list(tmp_path.iterdir())


def test_an_admin_port_that_is_none_is_refused_by_name() -> None:
    done = run("targets", "--admin", "localhost")

    assert done.returncode == 1
    assert "localhost: not an admin port; write it as ADDRESS:PORT" in done.stderr


@pytest.mark.parametrize("command", ["run", "render"])
def test_an_address_that_is_none_is_refused_by_name(command: str, tmp_path: Path) -> None:
    done = run(command, tmp_path / "lb.yaml", "--address", "web:80")
    assert done.returncode == 2
    assert "Invalid value for '--address': 'web:80' is no IP address, such as 192.0.2.10 or ::1" in done.stderr


def test_what_is_not_elbow_is_not_taken_for_it(targets: Targets) -> None:
    other = targets.http()

    done = run("status", "--admin", f"{other.ip}:{other.port}")

    assert done.returncode == 1
    assert "what answers there isn't this version's elbow" in done.stderr


@pytest.mark.parametrize(
    ("seconds", "shown"), [(-1, "0s"), (59.9, "59s"), (60, "1m"), (7199, "1h"), (86400, "1d"), (864000, "10d")]
)
def test_ages_are_shown_in_their_largest_unit(seconds: float, shown: str) -> None:
    assert age(seconds) == shown


def test_a_terminal_gets_colours_and_a_pipe_does_not(elbow: Start, targets: Targets, ports: Ports) -> None:
    a = targets.http()
    balancer = elbow(http(ports.take(), [a]))
    command = ("targets", "--admin", f"127.0.0.1:{balancer.admin}")

    assert "\x1b" not in printed(*command)
    with terminal(*command) as screen:
        seen = screen.all()
    assert re.search(r"\x1b\[32mhealthy", seen), seen
    assert f"{a.ip}:{a.port}" in seen


# help and completion


def commands() -> Iterator[tuple[str, ...]]:
    """The program and each of its commands that are for people."""
    yield ()
    yield from ((name,) for name, command in main.commands.items() if not command.hidden)


@pytest.mark.parametrize("command", list(commands()), ids=" ".join)
def test_every_command_has_help_with_an_example(command: tuple[str, ...]) -> None:
    text = printed(*command, "--help")

    assert re.search(rf"Example.*\n +elbow {' '.join(command)}|How to use it", text), text
    assert max(map(len, text.splitlines())) <= 100


def test_every_option_is_explained() -> None:
    for command in main.commands.values():
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{command.name} {parameter.name}"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_of_a_shell_is_printed(shell: str) -> None:
    assert "_ELBOW_COMPLETE" in printed("completion", shell)


def test_bash_completes_commands_and_options() -> None:
    def completed(line: str) -> list[str]:
        words = line.split(" ")
        environment = {"_ELBOW_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        text = run(env={**os.environ, **environment}).stdout
        return [found.split(",", 1)[1] for found in text.splitlines()]

    assert completed("elbow ta") == ["targets"]
    assert {"wide", "json"} == set(completed("elbow targets -o "))


# demo


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, process: subprocess.Popen[bytes], number: int) -> None:
        self.process, self._number = process, number
        self._seen = ""

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._number, keys.encode())

    def wait_for(self, pattern: str, *, limit: float = 40.0) -> None:
        """Read until a pattern appears after what was waited for last."""
        end = time.monotonic() + limit
        while not (found := re.search(pattern, self._seen)):
            assert time.monotonic() < end, f"{pattern} is not on the screen:\n{self._seen[-3000:]}"
            assert self._read(), f"ended before {pattern}:\n{self._seen[-3000:]}"
        self._seen = self._seen[found.end() :]

    def all(self) -> str:
        """Everything that is still to come."""
        while self._read():
            pass
        return self._seen

    def _read(self) -> bool:
        if not select.select([self._number], [], [], 0.2)[0]:
            return True
        try:
            data = os.read(self._number, 65536)
        except OSError:  # the program closed its end
            return False
        self._seen += data.decode(errors="replace")
        return bool(data)


@contextmanager
def terminal(*arguments: object) -> Iterator[Terminal]:
    """Run elbow on a terminal of 140 columns and 45 lines."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "140", "LINES": "45"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        ["setsid", "--ctty", str(PROGRAM), *map(str, arguments)],  # its own terminal, so that Ctrl-C means something
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(30)
        os.close(ours)


def home_of(text: str) -> Path:
    """Where a demo keeps its files, from what it says at its start."""
    found = re.search(r"(/\S+elbow-demo-\w+)/lb\.yaml", text)
    assert found, text
    return Path(found[1])


@pytest.mark.timeout(240)
def test_the_demo_plays_its_script_loses_no_request_and_leaves_nothing_behind() -> None:
    with subprocess.Popen(
        [str(PROGRAM), "demo", "--script", "--seconds", "20"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        home = home_of(process.stderr.readline())
        name = yaml.safe_load((home / "lb.yaml").read_text())["metadata"]["name"]

        def found() -> bool:
            done = run("targets", "-o", "json")
            return done.returncode == 0 and any(t["loadBalancer"] == name for t in json.loads(done.stdout))

        until(found, limit=60, say="the demo's targets are found on this machine")
        said, complained = process.communicate(timeout=150)

    assert process.returncode == 0, said + complained
    assert "a1 in web is unhealthy: Target.ResponseCodeMismatch" in said
    assert "c2 in web is draining: Target.DeregistrationInProgress" in said
    assert "zone-c is cut" in said
    assert re.search(r"^http .* 0 errors$", said, re.MULTILINE)
    assert said.endswith("All was served without an error.\n")
    assert not home.exists()
    assert naming(str(home)) == []


@pytest.mark.timeout(240)
def test_the_demos_keys_work_and_ctrl_c_ends_it_whole() -> None:
    with terminal("demo") as screen:
        screen.wait_for("lb.yaml")
        screen.wait_for("LISTENER")
        screen.press("b")
        screen.wait_for("a1 in web is unhealthy")
        screen.press("m")
        screen.wait_for("a1 in web is healthy")
        screen.press("d")
        screen.wait_for("c2 in web is draining")
        screen.press("\x03")
        seen = screen.all()

    assert "All was served without an error." in seen
    assert screen.process.returncode == 0
