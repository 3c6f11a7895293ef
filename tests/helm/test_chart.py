"""The chart, as helm renders it."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness.programs import documents, program

pytestmark = pytest.mark.cluster

_CHART = Path(__file__).parents[2] / "helm" / "elbow"


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program("helm"), *arguments], capture_output=True, text=True, timeout=60, check=False)


def rendered(*settings: str, version: str = "1.36") -> list[dict[str, Any]]:
    values = [word for setting in settings for word in ("--set-json", setting)]
    done = helm("template", "elbow", str(_CHART), "--namespace", "elbow-system", "--kube-version", version, *values)
    assert done.returncode == 0, done.stderr
    return documents(done.stdout)


def of_kind(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [document for document in found if document["kind"] == kind]


def test_it_passes_helms_linter() -> None:
    done = helm("lint", "--strict", str(_CHART))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", ["1.33", "1.36", "1.34.2-eks-1234"])
def test_it_renders_for_kubernetes_from_1_33_on(version: str) -> None:
    assert of_kind(rendered(version=version), "Deployment")


def test_an_older_kubernetes_is_refused() -> None:
    done = helm("template", "elbow", str(_CHART), "--kube-version", "1.32")
    assert done.returncode != 0
    assert "1.33" in done.stderr


@pytest.mark.parametrize(
    "setting",
    [
        "unknown=1",
        "operator.unknown=1",
        "operator.replicas=0",
        'operator.replicas="2"',
        'image.pullPolicy="Sometimes"',
        'watchNamespaces=["Not_A_Name"]',
        "crds.keep=1",
    ],
)
def test_a_value_that_is_none_of_the_charts_is_refused(setting: str) -> None:
    done = helm("template", "elbow", str(_CHART), "--kube-version", "1.36", "--set-json", setting)
    assert done.returncode != 0
    assert "schema" in done.stderr


def test_every_value_is_explained() -> None:
    lines = (_CHART / "values.yaml").read_text().splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if line and line[0].isalpha() and not line.endswith(":"):
            assert before.startswith("# --"), line
    schema = yaml.safe_load((_CHART / "values.schema.json").read_text())
    values = yaml.safe_load((_CHART / "values.yaml").read_text())
    assert set(values) <= set(schema["properties"])


def test_the_resource_is_kept_on_uninstall_unless_asked() -> None:
    (kept,) = of_kind(rendered(), "CustomResourceDefinition")
    assert kept["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    (goes,) = of_kind(rendered("crds.keep=false"), "CustomResourceDefinition")
    assert "annotations" not in goes["metadata"]
    assert of_kind(rendered("crds.install=false"), "CustomResourceDefinition") == []


def test_pods_pass_the_restricted_pod_security_standard() -> None:
    (deployment,) = of_kind(rendered(), "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert not container["securityContext"]["allowPrivilegeEscalation"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["livenessProbe"]
        assert container["readinessProbe"]


def test_rights_name_no_wildcards() -> None:
    for role in [*of_kind(rendered(), "ClusterRole"), *of_kind(rendered(), "Role")]:
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]


def test_chosen_namespaces_leave_nothing_but_nodes_to_the_whole_cluster() -> None:
    found = rendered('watchNamespaces=["shop","bank"]')
    (cluster,) = of_kind(found, "ClusterRole")
    assert cluster["rules"] == [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]}]
    spaces = {role["metadata"]["namespace"] for role in of_kind(found, "Role")}
    assert spaces == {"shop", "bank", "elbow-system"}
    (deployment,) = of_kind(found, "Deployment")
    (environment,) = [container["env"] for container in deployment["spec"]["template"]["spec"]["containers"]]
    assert {"name": "ELBOW_WATCH_NAMESPACES", "value": "shop,bank"} in environment
