"""The shell scripts: as shellcheck sees them, and what scripts/test says in the end."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_SCRIPTS = [
    path
    for path in sorted((_ROOT / "scripts").iterdir())
    if path.is_file() and path.read_bytes().startswith(b"#!/usr/bin/env bash")
]


@pytest.mark.parametrize("script", _SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    shellcheck = str(Path(sys.executable).with_name("shellcheck"))
    done = subprocess.run(
        [shellcheck, "--severity=warning", str(script)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout


def run_all(here: Path, *arguments: str, **stubs: str) -> tuple[int, str]:
    """scripts/test with stubs for what it calls; its exit code and last line, the minutes apart."""
    (here / "scripts").mkdir()
    (here / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(_ROOT / "scripts" / "test", here / "scripts")
    calls = {name: here / ".venv" / "bin" / name for name in ("ruff", "mypy", "lint-imports", "pytest")}
    calls |= {name: here / "scripts" / name for name in ("setup", "cluster-programs", "test-cluster")}
    for name, path in calls.items():
        path.write_text("#!/bin/sh\n" + stubs.get(name.replace("-", "_"), ""))
        path.chmod(0o755)
    command = [here / "scripts" / "test", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout.splitlines()[-1].rpartition(", in ")[0]


OUTSIDE = "echo '1832 passed, 49 deselected in 812.77s (0:13:32)'"
INSIDE = "echo '49 passed, 1832 deselected in 412.77s (0:06:52)'"


def test_where_everything_runs_the_last_line_counts_all_tests(tmp_path: Path) -> None:
    assert run_all(tmp_path, pytest=OUTSIDE, test_cluster=INSIDE) == (
        0,
        "test: 1881 passed, 0 failed, 0 tried twice, 0 left out",
    )


def test_without_a_cluster_the_rest_is_judged_and_the_last_line_says_what_was_left_out(tmp_path: Path) -> None:
    stub = "echo 'cluster: the cluster needs Linux and root' >&2; exit 69"
    code, line = run_all(tmp_path, pytest=OUTSIDE, test_cluster=stub)
    assert (code, line) == (
        0,
        "test: 1832 passed, 0 failed, 0 tried twice, 49 left out: cluster: the cluster needs Linux and root",
    )


def test_the_last_line_counts_what_took_a_second_try(tmp_path: Path) -> None:
    inside = "echo '48 passed, 1832 deselected, 1 failed, 2 rerun in 412.77s (0:06:52)'; exit 1"
    code, line = run_all(tmp_path, pytest=OUTSIDE, test_cluster=inside)
    assert (code, line) == (1, "test: 1880 passed, 1 failed, 2 tried twice, 0 left out")


def test_the_cluster_is_left_out_when_asked(tmp_path: Path) -> None:
    stub = "echo '49 failed in 1.0s'; exit 1"
    code, line = run_all(tmp_path, "--no-cluster", pytest=OUTSIDE, test_cluster=stub)
    assert (code, line) == (0, "test: 1832 passed, 0 failed, 0 tried twice, 49 left out: the cluster, as asked")


@pytest.mark.parametrize(("more", "failed"), [("", 0), ("2 failed, ", 2)])
def test_what_the_cluster_had_no_time_for_is_left_out_and_what_failed_by_then_fails_the_whole(
    tmp_path: Path, more: str, failed: int
) -> None:
    cut = "echo '!!! session-timeout: 900.0 sec exceeded !!!'"
    stub = f"{cut}; echo '== {more}40 passed, 1832 deselected in 900.77s =='; exit 1"
    code, line = run_all(tmp_path, pytest=OUTSIDE, test_cluster=stub)
    left = f"{9 - failed} left out: the cluster took too long"
    assert (code, line) == (min(failed, 1), f"test: 1872 passed, {failed} failed, 0 tried twice, {left}")


def test_without_the_programs_of_kubernetes_no_cluster_is_tried(tmp_path: Path) -> None:
    outside = """[ "$*" = "-m not cluster --reruns=1 --max-suite-reruns=5 --rerun-show-tracebacks --session-timeout=2400" ] && echo '1537 passed, 344 deselected in 8.1s'"""
    code, line = run_all(tmp_path, pytest=outside, cluster_programs="exit 1", test_cluster="echo '9 failed in 1.0s'")
    why = "the programs of Kubernetes could not be built here"
    assert (code, line) == (0, f"test: 1537 passed, 0 failed, 0 tried twice, 344 left out: {why}")


@pytest.mark.parametrize(
    ("stub", "passed", "failed", "left"),
    [
        ("echo '= 2 failed, 46 passed, 1832 deselected, 1 error in 412.77s (0:06:52) ='; exit 1", 1878, 3, 0),
        ("exit 1", 1832, 0, 49),
    ],
    ids=["tests", "all"],
)
def test_what_fails_in_the_cluster_fails_the_whole(
    tmp_path: Path, stub: str, passed: int, failed: int, left: int
) -> None:
    code, line = run_all(tmp_path, pytest=OUTSIDE, test_cluster=stub)
    assert (code, line) == (1, f"test: {passed} passed, {failed} failed, 0 tried twice, {left} left out")


def test_what_fails_outside_fails_the_whole(tmp_path: Path) -> None:
    outside = "echo '1 failed, 1831 passed, 49 deselected in 8.1s'; exit 1"
    code, line = run_all(tmp_path, pytest=outside, test_cluster=INSIDE)
    assert (code, line) == (1, "test: 1880 passed, 1 failed, 0 tried twice, 0 left out")
