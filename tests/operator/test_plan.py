"""What a LoadBalancer becomes in a cluster: each golden/NAME.yaml becomes NAME.objects.yaml. `pytest --rewrite-golden` writes them."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from elbow_api.load_balancer import parse
from elbow_api.proxy_config import ProxyConfig, ZoneState
from elbow_operator.plan.cluster import Node, Settings, node_of, zones_of
from elbow_operator.plan.naming import name
from elbow_operator.plan.objects import objects
from harness.observed import NODES, ZONES, load_balancer

_GOLDEN = Path(__file__).parent / "golden"
_SETTINGS = Settings(agent_image="elbow:1", proxy_image="haproxy:3.2")


def planned(resource: Any, zones: tuple[str, ...] = ("zone-a", "zone-b"), **other: Any) -> list[dict[str, Any]]:
    given: dict[str, Any] = {"nodes": NODES, "states": {}, "settings": _SETTINGS} | other
    return objects(resource, uid="u-1", generation=7, zones=zones, **given)


def of_kind(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [document for document in found if document["kind"] == kind]


@pytest.mark.parametrize("manifest", sorted(_GOLDEN.glob("*[!s].yaml")), ids=lambda path: path.stem)
def test_a_load_balancer_becomes_these_objects(manifest: Path, request: pytest.FixtureRequest) -> None:
    document = yaml.safe_load(manifest.read_text())
    zones = tuple(document.pop("zones", ZONES[:2]))
    text = yaml.safe_dump_all(planned(parse(document), zones), sort_keys=False, width=120)
    golden = manifest.with_suffix(".objects.yaml")
    if request.config.getoption("--rewrite-golden"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_every_object_goes_with_the_load_balancer() -> None:
    for document in planned(load_balancer()):
        (owner,) = document["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == ("LoadBalancer", "web", "u-1", True)


def test_a_change_of_targets_health_checks_and_delays_leaves_the_pods_alone() -> None:
    group = {"name": "web", "protocol": "HTTP", "targets": {"service": {"name": "other", "port": 81}}}
    before = of_kind(planned(load_balancer()), "Deployment")
    after = of_kind(planned(load_balancer(targetGroups=[{**group, "healthCheck": {"interval": "5s"}}])), "Deployment")
    assert before == after


def test_pods_pass_the_restricted_pod_security_standard() -> None:
    for deployment in of_kind(planned(load_balancer()), "Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in [*pod["initContainers"], *pod["containers"]]:
            context = container["securityContext"]
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert not context["allowPrivilegeEscalation"]
            assert context["readOnlyRootFilesystem"]
            assert container["resources"]["limits"]["memory"]


def test_only_the_agent_has_a_token() -> None:
    (deployment,) = of_kind(planned(load_balancer(), ("zone-a",)), "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    holders = [
        container["name"]
        for container in [*pod["initContainers"], *pod["containers"]]
        if any(mount["name"] == "token" for mount in container["volumeMounts"])
    ]
    assert holders == ["agent"]


def test_a_proxy_may_read_its_own_secrets_and_no_others() -> None:
    https = {
        "name": "https",
        "protocol": "HTTPS",
        "port": 443,
        "targetGroup": "web",
        "tls": {"certificates": [{"secretName": "cert"}]},
    }
    (role,) = of_kind(planned(load_balancer(listeners=[https])), "Role")
    (rule,) = [rule for rule in role["rules"] if rule["resources"] == ["secrets"]]
    assert rule["resourceNames"] == ["cert"]
    assert not set(rule["verbs"]) & {"create", "update", "patch", "delete"}


def test_a_host_ports_name_is_never_that_of_another() -> None:
    """Listeners may begin with the same fifteen letters, or be called as the agent's port is."""
    listeners = [
        {"name": name, "protocol": "HTTP", "port": port, "targetGroup": "web"}
        for port, name in enumerate(("admin", "the-whole-world-a", "the-whole-world-b", "1"), 80)
    ]
    found = planned(load_balancer(listeners=listeners, exposure={"type": "HostPort"}), ("zone-a",))
    (deployment,) = of_kind(found, "Deployment")
    ports = [port for container in deployment["spec"]["template"]["spec"]["containers"] for port in container["ports"]]
    assert [port["hostPort"] for port in ports if "hostPort" in port] == [80, 81, 82, 83]
    assert [port["name"] for port in ports if "name" in port] == ["admin"]


def test_host_ports_get_no_more_proxies_than_the_zone_has_ready_nodes() -> None:
    resource = load_balancer(exposure={"type": "HostPort"}, proxy={"replicas": 5})
    nodes = [*NODES, Node("zone-a-2", "zone-a", True), Node("zone-a-3", "zone-a", False)]
    first, second = of_kind(planned(resource, nodes=nodes), "Deployment")
    assert first["spec"]["replicas"] == 2
    assert second["spec"]["replicas"] == 1
    assert first["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}


@pytest.mark.parametrize(("running", "wanted"), [(0, 2), (1, 2), (4, 4), (9, 6)])
def test_with_an_autoscaler_a_deployment_stays_as_the_autoscaler_has_it(running: int, wanted: int) -> None:
    lb = load_balancer(proxy={"replicas": 2, "maxReplicas": 6})
    found = planned(lb, ("zone-a",), running={"zone-a": running})
    (deployment,), (scaler,) = of_kind(found, "Deployment"), of_kind(found, "HorizontalPodAutoscaler")
    assert deployment["spec"]["replicas"] == wanted
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (2, 6)


def test_the_configuration_holds_the_zones_states_and_the_generation() -> None:
    (config_map,) = of_kind(planned(load_balancer(), states={"zone-b": ZoneState.IMPAIRED}), "ConfigMap")
    config = ProxyConfig.model_validate_json(config_map["data"]["config.json"])
    assert config.generation == 7
    assert {zone.name: zone.state.value for zone in config.zones} == {"zone-a": "active", "zone-b": "impaired"}


def test_nodes_as_targets_are_those_that_are_ready_and_have_the_labels() -> None:
    group = {"name": "web", "protocol": "HTTP", "targets": {"nodes": {"selector": {"disk": "ssd"}, "port": 30080}}}
    nodes = [
        *NODES,
        Node("x", "zone-a", True, ("10.0.0.8",), {"disk": "hdd"}),
        Node("y", "zone-a", False, ("10.0.0.9",)),
    ]
    (config_map,) = of_kind(planned(load_balancer(targetGroups=[group]), nodes=nodes), "ConfigMap")
    config = ProxyConfig.model_validate_json(config_map["data"]["config.json"])
    found = [(a.ip, a.port, a.zone) for a in config.node_addresses["web"]]
    assert found == [("10.0.0.1", 30080, "zone-a"), ("10.0.0.2", 30080, "zone-b"), ("10.0.0.3", 30080, "zone-c")]


def test_zones_are_those_with_a_ready_node() -> None:
    nodes = [*NODES[:2], Node("c", "zone-c", False)]
    assert zones_of(nodes, None) == ("zone-a", "zone-b")
    assert zones_of(nodes, ["zone-c"]) == ("zone-c",)


def test_a_zone_whose_nodes_are_all_down_keeps_what_it_has() -> None:
    nodes = [*NODES[:2], Node("c", "zone-c", False)]
    assert zones_of(nodes, None, present=["zone-c"]) == ("zone-a", "zone-b", "zone-c")
    assert zones_of(nodes[:2], None, present=["zone-c"]) == ("zone-a", "zone-b"), "its last node was deleted or renamed"


def test_nodes_without_a_zone_label_make_one_zone() -> None:
    node = node_of({"metadata": {"name": "n"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    zones = zones_of([node], None)
    (deployment,) = of_kind(planned(load_balancer(), zones), "Deployment")
    assert deployment["metadata"]["name"] == "elb-web"
    affinity = deployment["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
    (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term == {"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "DoesNotExist"}]}


def test_long_names_stay_apart_and_within_63_characters() -> None:
    long = "a" * 62
    names = {name(long + end, zone) for end in "xy" for zone in ("zone-a", "zone-b", "Zone-A", "zone.a")}
    assert len(names) == 8
    assert max(map(len, names)) <= 63


def test_prometheus_namespace_reaches_the_admin_port_and_no_other_does() -> None:
    settings = Settings(agent_image="elbow:1", proxy_image="haproxy:3.2", metrics_namespace="monitoring")
    (policy,) = of_kind(planned(load_balancer(), settings=settings), "NetworkPolicy")
    (admin,) = [rule for rule in policy["spec"]["ingress"] if rule["ports"][0]["port"] == 9900]
    spaces = [source["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for source in admin["from"]]
    assert spaces == ["elbow-system", "monitoring"]
