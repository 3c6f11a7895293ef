"""The demo, by its script and by its keys."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from harness.elbow import PROGRAM
from harness.poll import until
from harness.processes import naming

from cli.command import run
from cli.terminal import terminal


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
