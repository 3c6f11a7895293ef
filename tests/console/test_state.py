"""What a load balancer's page shows, from the objects of the cluster: values in, values out."""

import pytest
from elbow_console.view.balancer import balancer
from elbow_console.view.balancers import balancers
from elbow_console.view.proxy import proxy
from elbow_console.view.snapshot import Snapshot, key
from elbow_console.view.state import state_of
from elbow_kube.object import Object

from console import scene

ACTIVE = dict.fromkeys(scene.ZONES, "active")


def of(*documents: Object) -> Snapshot:
    """A snapshot of load balancers and pods."""
    pods = {key(one): one for one in documents if one["kind"] == "Pod"}
    return Snapshot({key(one): one for one in documents if one["kind"] == "LoadBalancer"}, pods)


def unready(reason: str) -> tuple[Object, ...]:
    return (scene.condition("Accepted", "True", "Accepted"), scene.condition("Ready", "False", reason, "because"))


@pytest.mark.parametrize(
    ("change", "code", "reason"),
    [
        ({}, "active", ""),
        ({"zones": ACTIVE | {"zone-b": "impaired"}}, "active_impaired", "TooFewHealthyTargets"),
        ({"zones": ACTIVE | {"zone-b": "shifted"}}, "active", ""),
        ({"ready": 0}, "active_impaired", "NoReadyProxy"),
        ({"conditions": unready("ListenerNotReady")}, "active_impaired", "ListenerNotReady"),
        ({"conditions": unready("ProxiesPending"), "ready": 0}, "provisioning", "ProxiesPending"),
        ({"conditions": unready("AddressPending"), "addresses": False}, "provisioning", "AddressPending"),
        ({"conditions": (scene.condition("Accepted", "False", "Invalid", "spec.x: no"),)}, "failed", "Invalid"),
        ({"conditions": ()}, "provisioning", "Pending"),
    ],
)
def test_a_load_balancers_state_is_in_elbs_words(change: Object, code: str, reason: str) -> None:
    state = state_of(scene.balancer("web", "shop", **change))
    assert (state.code, state.reason) == (code, reason)


def test_one_that_is_being_deleted_says_so() -> None:
    found = scene.balancer("web", "shop")
    found["metadata"]["deletionTimestamp"] = "2026-11-25T05:00:00Z"
    assert state_of(found).code == "deleting"


def test_one_the_operator_has_not_seen_yet_is_listed_and_shown() -> None:
    found = scene.balancer("web", "shop")
    del found["status"]
    (line,) = balancers(of(found))
    assert line["state"]["code"] == "provisioning"
    assert balancer(of(found), ("shop", "web"))


def test_the_list_is_in_order_of_namespace_and_name() -> None:
    shown = balancers(of(*(scene.balancer(name, space) for name, space in (("b", "x"), ("a", "y"), ("a", "x")))))
    assert [(line["namespace"], line["name"]) for line in shown] == [("x", "a"), ("x", "b"), ("y", "a")]


def test_a_zone_holds_its_addresses_proxies_and_targets() -> None:
    web = scene.balancer("web", "shop", targets=scene.web_targets())
    proxies = [scene.proxy("web", "shop", "zone-a", "a1"), scene.proxy("web", "shop", "zone-b", "b1", ready=False)]
    others = [scene.proxy("search", "shop", "zone-a", "a1"), scene.proxy("web", "other", "zone-a", "a1")]

    shown = balancer(of(web, *proxies, *others), ("shop", "web"))

    assert shown
    first, second, third = shown["zones"]
    assert (first["name"], first["state"], first["addresses"]) == ("zone-a", "active", ["203.0.113.10"])
    assert [(one["node"], one["state"]) for one in first["proxies"]] == [("a1", "ready")]
    assert [one["state"] for one in second["proxies"]] == ["starting"]
    assert third["proxies"] == []
    sick = next(one for one in first["targets"] if one["state"] == "unhealthy")
    assert sick["reason"] == "Target.ResponseCodeMismatch"
    assert sick["description"] == "Health checks failed with these codes: [503]"
    assert sick["group"] == "web"
    assert len(second["targets"]) == 4


def test_targets_of_a_zone_that_is_not_enabled_are_shown_in_a_zone_that_is_unused() -> None:
    web = scene.balancer(
        "web",
        "shop",
        zones={"zone-a": "active"},
        targets=[scene.target(21, "zone-b", "unused", "Target.NotInUse", "-")],
    )
    shown = balancer(of(web), ("shop", "web"))
    assert shown
    assert [(zone["name"], zone["state"]) for zone in shown["zones"]] == [("zone-a", "active"), ("zone-b", "unused")]


def test_a_cluster_without_zones_has_one() -> None:
    web = scene.balancer("web", "shop", zones={"none": "active"})
    web["status"]["targetGroups"] = [scene.group("web", [{"address": "10.0.0.1", "port": 80, "state": "healthy"}])]
    shown = balancer(of(web, scene.proxy("web", "shop", "none", "n1")), ("shop", "web"))
    assert shown
    (zone,) = shown["zones"]
    assert (len(zone["proxies"]), len(zone["targets"])) == (1, 1)


def test_targets_the_status_has_no_room_for_are_counted() -> None:
    web = scene.balancer("web", "shop", targets=[scene.target(11, "zone-a")])
    web["status"]["targetGroups"][0]["healthy"] = 250
    shown = balancer(of(web), ("shop", "web"))
    assert shown
    assert shown["groups"][0]["more"] == 249


def test_a_listener_that_cannot_serve_says_why() -> None:
    web = scene.balancer("web", "shop")
    web["status"]["listeners"][0]["conditions"] = [
        scene.condition("ResolvedRefs", "False", "CertificateMissing", "no Secret web-tls")
    ]
    shown = balancer(of(web), ("shop", "web"))
    assert shown
    assert (shown["listeners"][0]["reason"], shown["listeners"][0]["fault"]) == (
        "CertificateMissing",
        "no Secret web-tls",
    )


def test_there_is_nothing_to_show_of_one_that_is_gone() -> None:
    assert balancer(of(), ("shop", "web")) is None


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        ({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}, "failing", "Unschedulable"),
        ({"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]}, "failing", "ImagePullBackOff"),
        ({"phase": "Running", "initContainerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}, "failing", "CrashLoopBackOff"),
        ({"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]}, "starting", "Pending"),
        ({}, "starting", ""),
    ],
)  # fmt: skip
def test_a_proxy_that_is_not_ready_says_why(status: Object, state: str, reason: str) -> None:
    pod = scene.proxy("web", "shop", "zone-a", "a1") | {"status": status}
    shown = proxy(pod)
    assert (shown["state"], shown["reason"]) == (state, reason)


def test_a_proxy_that_is_told_to_stop_is_ending() -> None:
    pod = scene.proxy("web", "shop", "zone-a", "a1")
    pod["metadata"]["deletionTimestamp"] = "2026-11-25T05:00:00Z"
    assert proxy(pod)["state"] == "ending"
