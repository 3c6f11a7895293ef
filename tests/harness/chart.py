"""The chart, as helm renders it."""

import subprocess
from pathlib import Path
from typing import Any

from harness.programs import documents, program

CHART = Path(__file__).parents[2] / "helm" / "elbow"


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program("helm"), *arguments], capture_output=True, text=True, timeout=60, check=False)


def rendered(*settings: str, version: str = "1.36", options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """What it installs with these values, each `name=JSON`."""
    values = [word for setting in settings for word in ("--set-json", setting)]
    place = ("--namespace", "elbow-system", "--kube-version", version)
    done = helm("template", "elbow", str(CHART), *place, *values, *options)
    assert done.returncode == 0, done.stderr
    return documents(done.stdout)


def of_kind(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [document for document in found if document["kind"] == kind]
