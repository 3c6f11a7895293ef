"""What Elbow installs and what it makes of LoadBalancers, as Kubernetes' schemas and checkov see it."""

import os
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from elbow_api.load_balancer import parse
from harness.chart import CHART, rendered
from harness.programs import documents

_ROOT = Path(__file__).parents[2]
_GOLDEN = sorted((_ROOT / "tests" / "operator" / "golden").glob("*.objects.yaml"))
_VERSIONS = ("1.33", "1.36")
_CHECKOV = "checkov==3.3.30"  # in an environment of its own: its dependencies are many and pinned


def faults(found: list[dict[str, Any]], version: str) -> list[str]:
    """What isn't as Kubernetes' own schemas have it, unknown fields included."""
    wrong = []
    for document in found:
        if document["apiVersion"].startswith("monitoring.coreos.com/"):  # not Kubernetes': tests/crd/test_monitoring.py
            continue
        where = f"{document['kind']} {document['metadata']['name']}"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # its data is of another version's patch release
                kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            wrong.append(f"{where}: {error.message}")
    return wrong


CHARTS = {"default": (), "all": ("--values", str(CHART / "ci" / "all-values.yaml"))}


@pytest.mark.parametrize("version", _VERSIONS)
@pytest.mark.parametrize("golden", _GOLDEN, ids=lambda path: path.name.partition(".")[0])
def test_what_a_load_balancer_becomes_is_as_kubernetes_has_it(golden: Path, version: str) -> None:
    assert faults(documents(golden.read_text()), version) == []


@pytest.mark.parametrize(
    "manifest", sorted((_ROOT / "examples" / "cluster").glob("*.yaml")), ids=lambda path: path.name
)
def test_examples_are_as_kubernetes_and_elbow_have_them(manifest: Path) -> None:
    found = documents(manifest.read_text())
    ours = [document for document in found if document["kind"] == "LoadBalancer"]
    assert [parse(document) for document in ours]
    others = [document for document in found if document not in ours]
    assert faults(others, "1.33") == []


def test_a_field_kubernetes_does_not_know_is_seen() -> None:
    """The check checks."""
    (service, *_) = [d for d in documents(_GOLDEN[0].read_text()) if d["kind"] == "Service"]
    service["spec"]["tpye"] = "ClusterIP"
    assert len(faults([service], "1.33")) == 1


@pytest.mark.cluster
@pytest.mark.parametrize("version", _VERSIONS)
@pytest.mark.parametrize("options", CHARTS.values(), ids=CHARTS)
def test_what_the_chart_installs_is_as_kubernetes_has_it(options: tuple[str, ...], version: str) -> None:
    assert faults(rendered(options=options, version=version), version) == []


@pytest.mark.cluster
@pytest.mark.timeout(300)
def test_checkov_finds_nothing_that_is_not_explained(tmp_path: Path) -> None:
    for name, options in CHARTS.items():
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump_all(rendered(options=options)))
    for golden in _GOLDEN:
        shutil.copy(golden, tmp_path)
    cache = Path(os.environ.get("ELBOW_CACHE") or Path.home() / ".cache" / "elbow")
    uv = shutil.which("uv") or str(cache / "uv" / "bin" / "uv")
    command = [uv, "tool", "run", _CHECKOV, "--directory", str(tmp_path)]
    config = str(Path(__file__).with_name("checkov.yaml"))
    done = subprocess.run([*command, "--config-file", config], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Failed checks: 0" in done.stdout
