"""The CustomResourceDefinition in the repository is the one the models make."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from elbow_crd.definition import definition

_ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("file", ["crds/elbow.dev_loadbalancers.yaml", "helm/elbow/files/loadbalancers.yaml"])
def test_the_file_is_what_the_models_make(file: str) -> None:
    assert yaml.safe_load((_ROOT / file).read_text()) == definition(), "run scripts/crds"


def test_every_field_of_the_spec_is_described() -> None:
    spec = definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]

    def bare(node: dict, path: str) -> list[str]:
        inside = [found for name, part in node.get("properties", {}).items() for found in bare(part, f"{path}.{name}")]
        if "items" in node:
            inside += bare(node["items"], f"{path}[]")
        return inside if node.get("description") or path.endswith("[]") else [path, *inside]

    assert bare(spec, "spec") == []


def _fields() -> Iterator[tuple[str, dict[str, Any]]]:
    def inside(node: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, part in node.get("properties", {}).items():
            yield f"{path}.{name}", part
            yield from inside(part.get("items", part), f"{path}.{name}")

    yield from inside(definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"], "spec")


def test_a_description_tells_the_default_and_the_range() -> None:
    """`kubectl explain` shows nothing but descriptions: neither defaults nor limits."""
    missing = []
    for path, field in _fields():
        text = field["description"]
        told = [] if field.get("default") in (None, {}, "") else [str(field["default"]).lower()]
        told += [str(field[limit]) for limit in ("minimum", "maximum", "maxItems") if field.get(limit)]
        ranges = [
            re.fullmatch(r"outside (\w+) to (\w+)", r["message"]) for r in field.get("x-kubernetes-validations", [])
        ]
        told += [limit for found in ranges if found for limit in found.groups()]
        missing += [f"{path}: {word}" for word in told if word not in text and word not in text.lower()]
    assert missing == []


def test_every_list_is_bounded() -> None:
    spec = definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]

    def unbounded(node: dict, path: str) -> list[str]:
        found = [path] if node.get("type") == "array" and "maxItems" not in node else []
        for name, part in node.get("properties", {}).items():
            found += unbounded(part, f"{path}.{name}")
        return found + (unbounded(node["items"], f"{path}[]") if "items" in node else [])

    assert unbounded(spec, "spec") == []
