"""Completion: what kubectl's shells are told, word by word."""

from pathlib import Path

import pytest
from elbow_kubectl.completion import proposals
from elbow_kubectl.main import group
from harness.console import kubeconfig
from harness.fake_cluster import FakeCluster


def proposed(*words: str) -> dict[str, str]:
    """The proposals and their descriptions."""
    *lines, _ = proposals(group, words)
    return {line.partition("\t")[0]: line.partition("\t")[2] for line in lines}


def test_commands_are_proposed_with_what_they_do() -> None:
    found = proposed("")

    assert {"list", "describe", "targets", "top", "logs", "doctor"} <= found.keys()
    assert found["doctor"].startswith("Look for the usual mistakes")


def test_options_and_their_values_are_proposed() -> None:
    assert "--zone" in proposed("targets", "--z")
    assert proposed("targets", "--state", "unh").keys() == {"unhealthy", "unhealthy.draining"}
    assert proposed("zonal-shift", "").keys() == {"start", "cancel"}


def test_names_of_load_balancers_are_those_of_the_namespace(cluster: FakeCluster, tmp_path: Path) -> None:
    config = str(kubeconfig(tmp_path, cluster.url))

    assert proposed("describe", "--kubeconfig", config, "").keys() == {"search", "web"}
    assert proposed("describe", "--kubeconfig", config, "w").keys() == {"web"}
    assert proposed("describe", "--kubeconfig", config, "-n", "payments", "").keys() == {"checkout", "ledger"}


def test_a_cluster_that_cannot_be_asked_proposes_nothing(tmp_path: Path) -> None:
    config = str(kubeconfig(tmp_path, "http://127.0.0.1:1"))

    assert proposed("describe", "--kubeconfig", config, "") == {}


@pytest.mark.parametrize(("words", "directive"), [((""), ":4"), (("list", "--kubeconfig", ""), ":4")])
def test_the_last_line_tells_the_shell_how_to_go_on(words: tuple[str, ...], directive: str) -> None:
    assert list(proposals(group, list(words)))[-1] == directive
