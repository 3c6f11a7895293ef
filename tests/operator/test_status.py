"""What a LoadBalancer's status says, from what was observed."""

from dataclasses import replace
from typing import Any

import pytest
from elbow_api.fault import Fault
from elbow_operator.status.fold import fold
from elbow_operator.status.observed import Observed, ZoneService
from elbow_operator.status.obstacle import obstacle
from elbow_operator.status.reason import Reason
from harness.observed import LATER, NOW, ZONES, observed, report


def status(seen: Observed, before: Any = None, now: str = NOW) -> dict[str, Any]:
    return fold(seen, before or {}, now)


def condition(found: dict[str, Any], kind: str) -> tuple[str, str]:
    (one,) = [c for c in found["conditions"] if c["type"] == kind]
    return one["status"], one["reason"]


def message(found: dict[str, Any], kind: str) -> str:
    return next(c["message"] for c in found["conditions"] if c["type"] == kind)


def test_all_is_well() -> None:
    found = status(observed())
    assert {c["type"]: c["status"] for c in found["conditions"]} == {
        "Accepted": "True",
        "Programmed": "True",
        "Ready": "True",
        "Reconciling": "False",
        "Stalled": "False",
    }
    assert found["summary"] == {"address": "10.9.0.1", "zones": "3/3", "targets": "2/2", "listeners": "HTTP:80"}
    assert found["dnsName"] == "elb-web.shop.svc"


def test_the_same_again_is_the_same_status_whatever_the_time() -> None:
    before = status(observed())
    assert status(observed(), before, LATER) == before


def test_a_condition_that_changes_says_when() -> None:
    before = status(observed())
    after = status(observed(services=()), before, LATER)
    times = {c["type"]: c["lastTransitionTime"] for c in after["conditions"]}
    assert times["Ready"] == LATER
    assert times["Accepted"] == NOW


def test_proxies_that_are_still_to_be_replaced_are_work_under_way() -> None:
    found = status(observed(replacing=("zone-a", "zone-b"), obstacles={"zone-a": "0/4 nodes are available"}))
    assert condition(found, "Ready") == ("True", "Ready")
    assert condition(found, "Reconciling") == ("True", "Reconciling")
    said = "proxies are replaced zone by zone; still to come: zone-a, zone-b; zone zone-a: 0/4 nodes are available"
    assert message(found, "Reconciling") == said


def test_a_load_balancer_that_is_not_ready_tells_why_and_which_proxies_are_still_to_be_replaced() -> None:
    found = status(observed(services=(), replacing=("zone-b",)))
    assert condition(found, "Ready")[0] == "False"
    said = "the zones' Services have no address yet; proxies are replaced zone by zone; still to come: zone-b"
    assert message(found, "Reconciling") == said


def test_a_refused_spec_names_the_field_and_stalls() -> None:
    fault = Fault(("spec", "listeners", 0, "port"), "must be at most 65535")
    found = status(observed(generation=2, faults=(fault,)))
    assert condition(found, "Accepted") == ("False", "Invalid")
    assert message(found, "Accepted") == "spec.listeners[0].port: must be at most 65535"
    assert condition(found, "Ready")[0] == "False"
    assert condition(found, "Stalled") == ("True", "Stalled")
    assert condition(found, "Reconciling")[0] == "False"
    assert found["observedGeneration"] == 2
    assert found["summary"]["targets"] == "2/2", "the last good one runs on"


def test_nothing_is_accepted_without_a_zone() -> None:
    assert condition(status(observed(zones=(), pods=(), services=())), "Accepted") == ("False", "NoZones")


def test_it_is_programmed_when_every_ready_proxy_runs_the_generation() -> None:
    seen = observed()
    behind = replace(seen.pods[0], report=report("zone-a", generation=1))
    found = status(observed(generation=2, running=2, pods=(behind, *seen.pods[1:])))
    assert condition(found, "Programmed") == ("False", "ProxiesPending")
    assert "elb-web-zone-a" in message(found, "Programmed")
    assert condition(found, "Reconciling") == ("True", "Reconciling")


def test_a_proxy_that_has_not_converged_is_not_programmed() -> None:
    seen = observed()
    working = replace(seen.pods[0], report=report("zone-a", converged=False))
    assert condition(status(observed(pods=(working, *seen.pods[1:]))), "Programmed")[0] == "False"


def test_a_zone_without_a_ready_proxy_is_not_programmed() -> None:
    seen = observed()
    found = status(observed(pods=(replace(seen.pods[0], ready=False), *seen.pods[1:])))
    assert condition(found, "Programmed") == ("False", "ProxiesPending")
    assert message(found, "Programmed") == "zone zone-a has no ready proxy"
    assert found["summary"]["zones"] == "2/3"


def test_without_an_address_it_is_pending() -> None:
    found = status(observed(services=tuple(ZoneService(zone) for zone in ZONES)))
    assert condition(found, "Ready") == ("False", "AddressPending")
    assert condition(found, "Programmed")[0] == "True"


def test_an_impaired_zone_leaves_the_addresses_and_the_rest_is_ready() -> None:
    seen = observed(states={"zone-b": ("unhealthy", "unhealthy")})
    pods = tuple(replace(pod, ready=pod.zone != "zone-b") for pod in seen.pods)
    found = status(replace(seen, pods=pods))
    assert [address["zone"] for address in found["addresses"]] == ["zone-a", "zone-c"]
    assert condition(found, "Ready") == ("True", "Ready")
    assert found["zones"][1] == {
        "name": "zone-b",
        "state": "impaired",
        "reason": "TooFewHealthyTargets",
        "proxies": {"desired": 1, "ready": 0, "converged": 1},
    }
    assert found["summary"]["zones"] == "2/3"


def test_a_lost_zone_says_why() -> None:
    seen = observed(lost=frozenset({"zone-c"}))
    found = status(replace(seen, pods=seen.pods[:2]))
    assert found["zones"][2]["reason"] == "NoReadyNodes"
    assert condition(found, "Ready")[0] == "True"


def test_a_listener_whose_certificate_is_missing_is_named() -> None:
    seen = observed()
    faulty = replace(seen.pods[0], report=report("zone-a", faults=["listener http: Secret cert doesn't exist"]))
    found = status(observed(pods=(faulty, *seen.pods[1:])))
    (resolved,) = found["listeners"][0]["conditions"]
    assert (resolved["type"], resolved["status"], resolved["reason"]) == ("ResolvedRefs", "False", "CertificateMissing")
    assert condition(found, "Ready") == ("False", "ListenerNotReady")
    assert condition(found, "Programmed")[0] == "True"


def test_a_service_that_is_missing_is_told_by_the_listener_that_needs_it() -> None:
    seen = observed()
    faulty = replace(seen.pods[0], report=report("zone-a", faults=["target group web: Service web doesn't exist"]))
    found = status(observed(pods=(faulty, *seen.pods[1:])))
    (resolved,) = found["listeners"][0]["conditions"]
    assert (resolved["status"], resolved["reason"]) == ("False", "TargetsMissing")
    assert message(found, "Ready") == "listener http: Service web doesn't exist"


def test_a_target_is_as_well_as_the_proxy_that_sees_it_worst() -> None:
    found = status(observed(states={"zone-b": ("unhealthy", "healthy")}))
    (group,) = found["targetGroups"]
    assert (group["healthy"], group["unhealthy"]) == (1, 1)
    assert [target["state"] for target in group["targets"]] == ["unhealthy", "healthy"]


def test_whether_a_target_is_drained_is_between_proxies_and_operator() -> None:
    told = report("zone-a", ["draining"])
    (group,) = told.target_groups
    drained = group.model_copy(update={"targets": [group.targets[0].model_copy(update={"drained": True})]})
    seen = observed()
    proxy = replace(seen.pods[0], report=told.model_copy(update={"target_groups": [drained]}))
    (target,) = status(observed(pods=(proxy,)))["targetGroups"][0]["targets"]
    assert target["state"] == "draining"
    assert "drained" not in target, "the resource has no such field"


def test_a_hundred_targets_are_listed_and_the_sick_ones_first() -> None:
    many = ("healthy",) * 120 + ("unhealthy",) * 3
    (group,) = status(observed(states=dict.fromkeys(ZONES, many)))["targetGroups"]
    assert (group["healthy"], group["unhealthy"], len(group["targets"])) == (120, 3, 100)
    assert [target["state"] for target in group["targets"][:4]] == ["unhealthy"] * 3 + ["healthy"]


def test_reasons_are_of_the_closed_list() -> None:
    cases = [
        observed(),
        observed(services=()),
        observed(zones=()),
        observed(faults=(Fault((), "x"),)),
        observed(pods=()),
    ]
    used = {c["reason"] for seen in cases for c in status(seen)["conditions"]}
    assert used <= {reason.value for reason in Reason}


def test_an_object_the_api_server_refuses_keeps_it_from_being_programmed() -> None:
    found = status(observed(refused=("Service elb-web: 403: exceeded quota",)))
    assert condition(found, "Programmed") == ("False", "ObjectRefused")
    assert message(found, "Ready") == "Service elb-web: 403: exceeded quota"
    assert condition(found, "Accepted")[0] == "True"


def test_a_zone_whose_proxies_cannot_start_says_why() -> None:
    seen = observed(obstacles={"zone-a": "0/4 nodes are available: 1 node(s) didn't have free ports"})
    found = status(replace(seen, pods=seen.pods[1:]))
    assert message(found, "Programmed") == (
        "zone zone-a has no ready proxy: 0/4 nodes are available: 1 node(s) didn't have free ports"
    )


@pytest.mark.parametrize(
    ("deployment", "pod", "why"),
    [
        ({}, {}, ""),
        ({"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]}, {}, "exceeded quota"),
        ({}, {"conditions": [{"type": "PodScheduled", "status": "False", "message": "no nodes"}]}, "no nodes"),
        ({}, {"initContainerStatuses": [{"name": "a", "image": "x:1", "state": {"running": {}}}]}, ""),
        (
            {},
            {"containerStatuses": [{"name": "a", "image": "x:1", "state": {"waiting": {"reason": "PodInitializing"}}}]},
            "",
        ),
        (
            {},
            {"initContainerStatuses": [{"name": "a", "image": "x:1", "state": {"waiting": {"reason": "ErrImagePull"}}}]},
            "container a (image x:1): ErrImagePull",
        ),
    ],
)  # fmt: skip
def test_what_keeps_proxies_from_starting_is_found(deployment: Any, pod: Any, why: str) -> None:
    assert obstacle({"status": deployment}, [{"status": pod}]) == why


def test_a_deployment_that_someone_paused_is_told_after_what_keeps_its_pods() -> None:
    paused = {"metadata": {"name": "elb-web-zone-a"}, "spec": {"paused": True}}
    waiting = {"status": {"conditions": [{"type": "PodScheduled", "status": "False", "message": "no nodes"}]}}
    said = "Deployment elb-web-zone-a is paused; kubectl rollout resume deployment/elb-web-zone-a"
    assert [obstacle(paused, pods) for pods in ([], [waiting])] == [said, "no nodes"]


USAGE = {"since": NOW, "hours": 3, "requests": 5, "newConnections": 5, "processedBytes": 900, "capacityUnits": "0.1"}


def test_what_it_is_billed_by_is_told_but_not_that_it_merely_grew_older() -> None:
    before = status(observed(usage=USAGE))
    assert before["usage"] == USAGE
    assert status(observed(usage=USAGE | {"hours": 4}), before, LATER) == before
    more = USAGE | {"hours": 4, "requests": 6}
    assert status(observed(usage=more), before, LATER)["usage"] == more


def test_what_it_is_billed_by_stays_while_an_operator_doesnt_know_it_yet() -> None:
    before = status(observed(usage=USAGE))
    assert status(observed(), before, LATER) == before
    assert "usage" not in status(observed())
