"""What krew installs: an archive that fits its manifest, and runs where nothing but Python is."""

import hashlib
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

_ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(900)
def test_krews_archive_fits_its_manifest_and_runs(tmp_path: Path) -> None:
    subprocess.run([_ROOT / "scripts" / "krew", "https://example.com/kubectl-elb.tar.gz"], check=True, timeout=400)
    manifest = yaml.safe_load((_ROOT / "dist" / "elb.yaml").read_text())
    (platform,) = manifest["spec"]["platforms"]
    archive = _ROOT / "dist" / f"kubectl-elb-{manifest['spec']['version'].removeprefix('v')}.tar.gz"

    assert platform["uri"] == "https://example.com/kubectl-elb.tar.gz"
    assert platform["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "store", filter="data")
    plugin = tmp_path / "bin" / "kubectl-elb"
    plugin.parent.mkdir()
    plugin.symlink_to(tmp_path / "store" / platform["bin"])
    environment = {"PATH": os.environ["PATH"], "XDG_DATA_HOME": str(tmp_path / "data"), "HOME": str(tmp_path)}
    first, second = (
        subprocess.run(
            [plugin, "list", "--help"], capture_output=True, text=True, env=environment, timeout=400, check=True
        )
        for _ in range(2)
    )
    assert "kubectl elb list [OPTIONS]" in first.stdout
    assert "installing its Python packages" in first.stderr
    assert second.stderr == ""
