"""scripts/example, which scripts/kind ends with: what README shows."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.client import Client
from harness.kube import ROOT, Space, run
from harness.poll import until

_EXAMPLE = ROOT / "examples" / "cluster"


@pytest.fixture
def example(elbow: None) -> Iterator[Space]:
    """The example, applied twice: the second time it changes nothing."""
    first = run(str(ROOT / "scripts" / "example"), limit=300)
    assert "loadbalancer.elbow.dev/web created" in first
    space = Space("default")
    before = space.get("lb", "web")["metadata"]["generation"]
    run(str(ROOT / "scripts" / "example"), limit=300)
    # kubectl says configured where defaults stand within a list, whatever comes of it.
    assert space.get("lb", "web")["metadata"]["generation"] == before
    yield space
    run("kubectl", "delete", "-f", str(_EXAMPLE), "--timeout=60s", limit=90)
    run("kubectl", "delete", "configmap", "web")


def test_the_example_answers_in_every_zone(example: Space, zones: tuple[str, ...]) -> None:
    status = example.status()
    assert {address["zone"] for address in status["addresses"]} == set(zones)
    for address in status["addresses"]:

        def named(host: str = address["value"]) -> str:
            with Client(80, host) as client:
                return str(json.loads(client.get("/").body)["name"])

        assert until(named, limit=20).startswith("web-")
    text = example.kubectl("describe", "lb", "web")
    assert "every listener can serve" in text


def test_examples_are_all_applied(example: Space) -> None:
    """A manifest that stands beside the first one is part of the example."""
    for manifest in sorted(Path(_EXAMPLE).glob("*.yaml")):
        example.kubectl("diff", "-f", str(manifest))
