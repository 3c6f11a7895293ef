"""The programs that scripts/cluster-programs builds."""

import os
from pathlib import Path

import yaml


def cache() -> Path:
    """Where scripts/cluster-programs puts what it builds."""
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "elbow"
    return Path(os.environ.get("ELBOW_CACHE") or usual)


def program(name: str) -> str:
    """Where a program is; fails with the way out when it was not built."""
    path = cache() / "bin" / name
    assert path.exists(), f"{name} was not built: run scripts/cluster-programs"
    return str(path)


def documents(text: str) -> list[dict]:
    """The documents of a YAML stream."""
    return [document for document in yaml.safe_load_all(text) if document]
