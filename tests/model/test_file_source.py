"""How a manifest is watched, with the kernel's own events."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from elbow_api.fault import Refused
from elbow_dataplane.model.desired import Desired
from elbow_dataplane.sources import file
from elbow_dataplane.sources.file import FileSource
from harness.certificates import Authority


def replace(manifest: Path, port: int) -> None:
    group = {"name": "web", "protocol": "HTTP", "targets": {"addresses": [{"ip": "10.0.0.1", "port": port}]}}
    listener = {"name": "http", "port": 80, "protocol": "HTTP", "targetGroup": "web"}
    whole = {
        "apiVersion": "elbow.dev/v1alpha1",
        "kind": "LoadBalancer",
        "metadata": {"name": "web"},
        "spec": {"listeners": [listener], "targetGroups": [group]},
    }
    fresh = manifest.with_suffix(".new")
    fresh.write_text(json.dumps(whole))
    fresh.replace(manifest)


@pytest.fixture
def watches(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every watch that was begun; a look at the files doesn't help within the test's time."""
    begun: list[object] = []

    class Noted(file.Inotify):
        def __init__(self) -> None:
            super().__init__()
            begun.append(self)

    monkeypatch.setattr(file, "Inotify", Noted)
    monkeypatch.setattr(file, "_POLL", 60.0)
    return begun


def secure(manifest: Path, *certificates: dict[str, str]) -> None:
    """Have a manifest name certificates."""
    replace(manifest, 1)
    whole = json.loads(manifest.read_text())
    whole["spec"]["listeners"][0] |= {"protocol": "HTTPS", "tls": {"certificates": certificates}}
    manifest.write_text(json.dumps(whole))


async def until_port(changes: Any, port: int) -> None:
    while True:
        change = await anext(changes)
        if isinstance(change, Desired) and change.registered["web"][0].port == port:
            return


async def test_a_manifest_that_is_replaced_again_and_again_needs_one_watch(
    tmp_path: Path, watches: list[object]
) -> None:
    manifest = tmp_path / "lb.yaml"
    replace(manifest, 1)
    async with asyncio.timeout(10):
        changes = FileSource(manifest).changes()
        await until_port(changes, 1)
        for port in range(2, 12):
            following = asyncio.ensure_future(until_port(changes, port))
            await asyncio.sleep(0)  # it waits
            replace(manifest, port)
            await following

        assert len(watches) == 1, "to end one takes the kernel milliseconds"
        await changes.aclose()


async def test_a_manifest_refused_for_a_file_that_is_not_there_is_told_once_and_taken_when_the_file_comes(
    tmp_path: Path, watches: list[object], authority: Authority
) -> None:
    manifest, elsewhere = tmp_path / "lb.yaml", tmp_path / "certificates"
    elsewhere.mkdir()
    replace(manifest, 1)
    async with asyncio.timeout(10):
        changes = FileSource(manifest).changes()
        await until_port(changes, 1)
        secure(manifest, {"file": "certificates/web.pem"})
        refused = await anext(changes)
        assert isinstance(refused, Refused)
        assert "web.pem: No such file" in str(refused.faults[0])

        following = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)  # it waits
        authority.issue("web.test", file=elsewhere / "web.pem")

        accepted = await following
        assert isinstance(accepted, Desired)
        assert accepted.config.generation == 2
        await changes.aclose()


async def test_a_manifest_in_a_folder_that_was_replaced_is_watched_on(tmp_path: Path, watches: list[object]) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    manifest = folder / "lb.yaml"
    replace(manifest, 1)
    async with asyncio.timeout(10):
        changes = FileSource(manifest).changes()
        await until_port(changes, 1)
        following = asyncio.ensure_future(until_port(changes, 2))
        fresh = tmp_path / "new"
        fresh.mkdir()
        replace(fresh / "lb.yaml", 2)
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        fresh.rename(folder)
        await following
        for port in (3, 4):
            replace(manifest, port)
            await until_port(changes, port)

        await changes.aclose()
