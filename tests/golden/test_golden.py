"""What a manifest is rendered to: each NAME.yaml here becomes NAME.cfg, to the byte. `pytest --rewrite-golden` writes them."""

import re
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest
from elbow_dataplane.cli.place import find_haproxy
from elbow_dataplane.cli.render import rendered
from elbow_dataplane.haproxy.render import errors
from elbow_dataplane.sources.file import FileSource
from harness.certificates import Authority

_HERE = Path(__file__).parent
_RUN = Path("/run/elbow/golden")
_MANIFESTS = sorted(_HERE.glob("*.yaml"))
# HAProxy's remarks on what is meant so.
_MEANT = (
    "Can't open global server state file",  # there is none before the first reload
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the certificates that manifests name."""
    place = tmp_path_factory.mktemp("golden")
    authority = Authority(place)
    shutil.copy(authority.file, place / "ca.pem")
    shutil.copy(authority.issue("web.example").bundle, place / "web.pem")
    other = authority.issue("other.example")
    shutil.copy(other.chain, place / "other.crt")
    shutil.copy(other.key, place / "other.key")
    return place


def render(manifest: Path, files: Path) -> str:
    """The configuration, as `elbow render` makes it; a manifest's first line may name the zone."""
    copied = Path(shutil.copy(manifest, files / manifest.name))
    zone = re.match(r"# zone: (\w+)\n", manifest.read_text())
    options = {"zone": zone[1] if zone else None, "run_dir": _RUN, "addresses": ("*", "::")}
    return partial(rendered, copied, threads=2, max_connections=10_000)(**options)


def remarks(configuration: str, manifest: Path, run: Path) -> list[str]:
    """What HAProxy says when it checks a configuration, with the files it needs in place."""
    for name, content in errors.files().items():
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_bytes(content)
    (run / "certificates").mkdir()
    for name, content in FileSource(manifest).read().certificates.items():
        (run / "certificates" / name).write_bytes(content)
    file = run / "haproxy.cfg"
    file.write_text(configuration.replace(str(_RUN), str(run)))
    done = subprocess.run([find_haproxy(), "-c", "-f", file], capture_output=True, text=True, check=False, timeout=60)
    said = [line for line in (done.stdout + done.stderr).splitlines() if re.search(r"\[(WARNING|ALERT)\]", line)]
    return [*said, *([] if done.returncode == 0 else [f"exit code {done.returncode}"])]


@pytest.mark.parametrize("manifest", _MANIFESTS, ids=lambda manifest: manifest.stem)
def test_a_manifest_becomes_this_configuration(manifest: Path, files: Path, request: pytest.FixtureRequest) -> None:
    configuration = render(manifest, files)
    golden = manifest.with_suffix(".cfg")
    if request.config.getoption("--rewrite-golden"):
        golden.write_text(configuration)

    assert configuration == golden.read_text(), "if this is meant: pytest --rewrite-golden, and read the difference"


@pytest.mark.parametrize("manifest", _MANIFESTS, ids=lambda manifest: manifest.stem)
def test_haproxy_takes_the_configuration_without_a_remark(manifest: Path, files: Path, tmp_path: Path) -> None:
    said = remarks(render(manifest, files), files / manifest.name, tmp_path)

    assert [line for line in said if not any(meant in line for meant in _MEANT)] == []


def test_every_configuration_has_its_manifest() -> None:
    assert [file.name for file in _HERE.glob("*.cfg") if not file.with_suffix(".yaml").exists()] == []
    assert len(_MANIFESTS) >= 20
