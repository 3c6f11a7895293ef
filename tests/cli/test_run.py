"""What `elbow run` finds out before it starts."""

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml
from conftest import Targets
from elbow_dataplane.cli.place import secret_of
from harness.elbow import Elbow
from harness.manifest import http

from cli.command import run

Start = Callable[..., Elbow]


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
