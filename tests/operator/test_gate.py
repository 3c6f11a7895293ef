"""The readiness gate of targets: open only once every proxy that is to use a pod has it healthy."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from elbow_operator.status.gate import CONDITION, Balancer, awaited, condition
from elbow_operator.status.observed import ProxyPod
from harness.observed import LATER, NOW, load_balancer, report

AT = datetime.fromisoformat(NOW)


def pod(*, gate: bool = True, told: dict[str, str] | None = None, **conditions: str) -> dict[str, Any]:
    found = [{"type": kind, "status": status, "lastTransitionTime": NOW} for kind, status in conditions.items()]
    if told:
        found.append({"type": CONDITION, "lastTransitionTime": NOW, **told})
    gates = [{"conditionType": CONDITION}] if gate else []
    return {
        "metadata": {"name": "web-1", "namespace": "shop"},
        "spec": {"nodeName": "a1", "readinessGates": gates},
        "status": {"conditions": found},
    }


def proxy(state: str | None, zone: str = "zone-a", *, ready: bool = True) -> ProxyPod:
    told = report(zone, [state] if state else [])
    targets = [target.model_copy(update={"pod": "web-1"}) for target in told.target_groups[0].targets]
    groups = [told.target_groups[0].model_copy(update={"targets": targets})]
    return ProxyPod(f"elb-web-{zone}", zone, ready, told.model_copy(update={"target_groups": groups}))


def verdict(*proxies: ProxyPod, zone: str = "zone-a", told: dict[str, str] | None = None, **spec: Any) -> Any:
    written = condition(pod(told=told), zone, [Balancer("web", load_balancer(**spec).spec, proxies)], LATER)
    return written and (written["status"], written["reason"])


def test_every_ready_proxy_must_have_it_healthy() -> None:
    assert verdict(proxy("healthy"), proxy("healthy", "zone-b")) == ("True", "Healthy")
    assert verdict(proxy("healthy"), proxy("initial", "zone-b")) == ("False", "NotYetHealthy")
    assert verdict(proxy("healthy"), proxy("unhealthy", "zone-b")) == ("False", "NotYetHealthy")


def test_a_proxy_that_has_not_heard_of_it_is_waited_for() -> None:
    assert verdict(proxy("healthy"), proxy(None, "zone-b")) == ("False", "NotYetHealthy")
    assert verdict(proxy("healthy"), ProxyPod("elb-web-zone-b", "zone-b", True)) == ("False", "NotYetHealthy")


def test_a_proxy_that_is_not_ready_is_not_waited_for() -> None:
    assert verdict(proxy("healthy"), proxy("initial", "zone-b", ready=False)) == ("True", "Healthy")


def test_with_cross_zone_off_only_its_own_zone_counts() -> None:
    assert verdict(proxy("healthy"), proxy(None, "zone-b"), crossZone="disabled") == ("True", "Healthy")
    assert verdict(proxy("initial"), proxy("healthy", "zone-b"), crossZone="disabled") == ("False", "NotYetHealthy")


def test_a_pod_that_nobody_has_as_a_target_waits() -> None:
    assert verdict(proxy(None)) == ("False", "NotATarget")


def test_without_a_load_balancer_in_its_namespace_it_does_not_wait() -> None:
    written = condition(pod(), "zone-a", [], LATER)
    assert written
    assert (written["status"], written["reason"]) == ("True", "NoLoadBalancer")


def test_every_load_balancer_that_has_it_counts() -> None:
    spec = load_balancer().spec
    both = [Balancer("web", spec, (proxy("healthy"),)), Balancer("api", spec, (proxy("initial"),))]
    written = condition(pod(), "zone-a", both, LATER)
    assert written
    assert written["message"] == "api: elb-web-zone-a hasn't found it healthy in web yet"


def test_an_open_gate_stays_open() -> None:
    assert verdict(proxy("unhealthy"), told={"status": "True", "reason": "Healthy", "message": ""}) is None


def test_what_was_told_is_not_told_again() -> None:
    message = "web: elb-web-zone-a hasn't found it healthy in web yet"
    told = {"status": "False", "reason": "NotYetHealthy", "message": message}
    assert verdict(proxy("initial"), told=told) is None
    written = condition(pod(told=told), "zone-a", [Balancer("web", load_balancer().spec, (proxy(None),))], LATER)
    assert written
    assert written["lastTransitionTime"] == NOW


def test_proxies_may_use_a_pod_whose_containers_are_ready() -> None:
    assert awaited([pod(ContainersReady="True", Ready="False")], AT) == ("web-1",)
    assert awaited([pod(ContainersReady="False", Ready="False")], AT) == ()
    assert awaited([pod(gate=False, ContainersReady="True", Ready="False")], AT) == ()


@pytest.mark.parametrize(("seconds", "still"), [(5, True), (60, False)])
def test_a_pod_that_got_ready_is_named_until_its_endpoints_tell(seconds: int, still: bool) -> None:
    ready = pod(ContainersReady="True", Ready="True")
    assert bool(awaited([ready], AT + timedelta(seconds=seconds))) is still
