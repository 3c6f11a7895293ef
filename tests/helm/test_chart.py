"""The chart, as helm renders it."""

import itertools
import re
from typing import Any

import pytest
import yaml
from elbow_operator.plan.drain import PORT, SERVICE
from harness.chart import CHART, helm, of_kind, rendered

pytestmark = pytest.mark.cluster


def test_it_passes_helms_linter() -> None:
    done = helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", ["1.33", "1.36", "1.34.2-eks-1234"])
def test_it_renders_for_kubernetes_from_1_33_on(version: str) -> None:
    assert of_kind(rendered(version=version), "Deployment")


def test_an_older_kubernetes_is_refused() -> None:
    done = helm("template", "elbow", str(CHART), "--kube-version", "1.32")
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
    done = helm("template", "elbow", str(CHART), "--kube-version", "1.36", "--set-json", setting)
    assert done.returncode != 0
    assert "schema" in done.stderr


def test_every_value_is_explained() -> None:
    lines = (CHART / "values.yaml").read_text().splitlines()
    leaves = [(n, line) for n, line in enumerate(lines) if re.match(r"(  )?\w+:", line)]
    for n, line in leaves:
        is_part = line.endswith(":") and not line.startswith(" ")
        if not is_part:
            above = itertools.takewhile(lambda text: text.lstrip().startswith("#"), reversed(lines[:n]))
            assert any(text.lstrip().startswith("# -- ") for text in above), line


def test_the_values_of_the_checked_manifests_differ_from_the_defaults_in_every_one() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    other = yaml.safe_load((CHART / "ci" / "all-values.yaml").read_text())

    def same(one: Any, two: Any, path: str) -> list[str]:
        if isinstance(one, dict) and one and isinstance(two, dict):
            return [found for name in one for found in same(one[name], two.get(name), f"{path}.{name}")]
        return [path] if one == two or two is None else []

    assert same(values, other, "values") == ["values.crds.install"], "without it there is nothing to check"


def test_the_schema_knows_every_value_and_no_other() -> None:
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    def same(value: Any, known: Any) -> None:
        if isinstance(value, dict) and "properties" in known:
            assert known["additionalProperties"] is False
            assert set(value) == set(known["properties"]) - {"global"}
            for name, part in value.items():
                same(part, known["properties"][name])

    same(values, schema)


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


def test_kubelets_reach_the_operator_by_one_port() -> None:
    found = rendered()
    (service,) = of_kind(found, "Service")
    assert "selector" not in service["spec"], "the replica that leads writes the endpoint"
    assert service["metadata"]["name"] == SERVICE
    assert [port["port"] for port in service["spec"]["ports"]] == [PORT]
    (network,) = of_kind(found, "NetworkPolicy")
    assert PORT in [port["port"] for rule in network["spec"]["ingress"] for port in rule["ports"]]
    (asks,) = [p for p in of_kind(found, "MutatingAdmissionPolicy") if p["spec"].get("paramKind")]
    assert f"port: {PORT}" in asks["spec"]["mutations"][0]["applyConfiguration"]["expression"]
    (bound,) = [b for b in of_kind(found, "MutatingAdmissionPolicyBinding") if b["spec"].get("paramRef")]
    place = {key: service["metadata"][key] for key in ("name", "namespace")}
    assert bound["spec"]["paramRef"] == {**place, "parameterNotFoundAction": "Allow"}
    (operator,) = of_kind(found, "Deployment")
    (container,) = operator["spec"]["template"]["spec"]["containers"]
    names = {variable["name"] for variable in container["env"]}
    assert {"ELBOW_POD_NAME", "ELBOW_POD_UID", "ELBOW_POD_ADDRESS"} <= names


def test_rights_name_no_wildcards() -> None:
    for role in [*of_kind(rendered(), "ClusterRole"), *of_kind(rendered(), "Role")]:
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]


def test_chosen_namespaces_leave_nothing_but_nodes_to_the_whole_cluster() -> None:
    found = rendered('watchNamespaces=["shop","bank"]')
    (cluster,) = of_kind(found, "ClusterRole")
    assert cluster["rules"] == [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch"]}]
    spaces = {role["metadata"]["namespace"] for role in of_kind(found, "Role")}
    assert spaces == {"shop", "bank", "elbow-system"}
    (deployment,) = of_kind(found, "Deployment")
    (environment,) = [container["env"] for container in deployment["spec"]["template"]["spec"]["containers"]]
    assert {"name": "ELBOW_WATCH_NAMESPACES", "value": "shop,bank"} in environment
