"""list, describe, targets, top, logs, zonal-shift, drain, undrain: what they print, and what they write."""

import json
from datetime import UTC, datetime

import pytest
import yaml
from console import scene
from elbow_kubectl.rates import rates, reading
from harness.fake_cluster import BALANCERS, FakeCluster

from kubectl.conftest import Elb

WEB = "elb-web-zone-a-5d8f7b9c4-a1q2z", "elb-web-zone-b-5d8f7b9c4-b1q2z"
LINE = (
    'http 2026-11-25T04:00:{second:02}.000000Z app/web/97375646b1deb3d2 192.0.2.7:4711 10.244.1.{target}:8080 0.000 0.012 0.000'
    ' {status} {status} 120 340 "GET http://shop.example:80{path} HTTP/1.1" "curl/8.5.0" - - targetgroup/web/eac3a5644decae68'
    ' "Root=1-65f0c2aa-0123456789abcdef01234567" "-" "-" 0 2026-11-25T04:00:{second:02}.000000Z "forward" "-" "-"'
    ' "10.244.1.{target}:8080" "{status}" "-" "-" TID_-'
)  # fmt: skip


def log(cluster: FakeCluster, pod: str, *lines: tuple[int, int, int, str]) -> None:
    """Put lines of second, target, status and path in a proxy's log."""
    cluster.logs[pod] = [
        f"2026-11-25T04:00:{second:02}.000000001Z "
        + LINE.format(second=second, target=target, status=status, path=path)
        for second, target, status, path in lines
    ]


def test_list_has_a_line_for_each_load_balancer_of_the_namespace(elb: Elb) -> None:
    found = elb("list")

    assert [row[0] for row in found.rows] == ["search", "web"]
    assert {row[1] for row in found.rows} == {"internal", "internet-facing"}


def test_list_of_all_namespaces_says_which_one(elb: Elb) -> None:
    found = json.loads(elb("list", "-A", "-o", "json").out)

    assert [(one["namespace"], one["name"]) for one in found][:2] == [("payments", "checkout"), ("payments", "ledger")]
    assert {one["name"]: one["reason"] for one in found if not one["ready"]} == {
        "legacy": "Invalid",
        "preview": "ProxiesPending",
    }


def test_a_name_that_is_not_there_is_told_with_the_way_out(elb: Elb) -> None:
    found = elb("targets", "wbe")

    assert found.code == 1
    assert "not found" in found.err
    assert "kubectl elb list -A" in found.err


def test_a_user_without_rights_is_told_whom_to_ask_for_what(elb: Elb, cluster: FakeCluster) -> None:
    cluster.unreadable.add("/apis/elbow.dev/v1alpha1/namespaces/shop/loadbalancers")

    found = elb("list")

    assert found.code == 1
    assert "ClusterRoles view and edit" in found.err


def test_a_kubeconfig_that_is_missing_is_named(elb: Elb) -> None:
    found = elb("list", "--kubeconfig", "/nowhere/config")

    assert found.code == 1
    assert "there is no kubeconfig /nowhere/config" in found.err


def test_describe_shows_conditions_zones_listeners_groups_and_the_sick_targets(elb: Elb) -> None:
    said = elb("describe", "web").out

    for words in ("Name:         shop/web", "Conditions", "Zones", "Listeners", "Target groups", "Proxies"):
        assert words in said
    assert "Targets that aren't healthy" in said
    assert "Target.ResponseCodeMismatch" in said


def test_describe_as_yaml_is_for_programs(elb: Elb) -> None:
    (found,) = yaml.safe_load(elb("describe", "web", "-o", "yaml").out)

    assert [zone["name"] for zone in found["zones"]] == ["zone-a", "zone-b", "zone-c"]
    assert len(found["targets"]) == 10
    assert len(found["proxies"]) == 6


def test_targets_come_sick_first_with_state_reason_and_since(elb: Elb) -> None:
    found = elb("targets", "web")

    first = found.rows[0]
    assert first[1] == "10.244.1.13:8080"
    assert first[4:6] == ["unhealthy", "Target.ResponseCodeMismatch"]
    assert [row[4] for row in found.rows] == ["unhealthy", "initial", "draining", *["healthy"] * 7]
    assert "from the status" in found.err  # no proxy answered


def test_targets_are_filtered_by_zone_and_state(elb: Elb) -> None:
    found = json.loads(elb("targets", "web", "--zone", "zone-b", "--state", "healthy", "-o", "json").out)

    assert [target["address"] for target in found] == ["10.244.2.21", "10.244.2.22", "10.244.2.23"]


def test_that_no_target_is_one_of_those_asked_for_is_told_from_having_none(elb: Elb) -> None:
    assert "none of the 10 targets" in elb("targets", "web", "--group", "wbe").err


def test_zones_that_disagree_about_a_target_are_both_heard(elb: Elb, cluster: FakeCluster) -> None:
    for pod, state in zip(WEB, ("healthy", "unhealthy"), strict=True):
        target = scene.target(
            11, "zone-a", state, *(("Target.Timeout", "Request timed out") if state != "healthy" else ())
        )
        cluster.reports[pod] = {"targetGroups": [scene.group("web", [target])]}

    found = json.loads(elb("targets", "web", "-o", "json").out)

    assert [(t["state"], t["seenBy"]) for t in found] == [("unhealthy", ["zone-b"]), ("healthy", ["zone-a"])]


def page(requests: int, target_group: str = "web") -> str:
    labels = 'namespace="shop",load_balancer="web",zone="zone-a"'
    return (
        f'elb_request_count_total{{{labels},listener="http"}} {requests}\n'
        f'elb_target_request_count_total{{{labels},target_group="{target_group}"}} {requests}\n'
    )


def test_top_shows_rates_between_two_readings(elb: Elb, cluster: FakeCluster) -> None:
    readings: dict[str, int] = {}

    def metrics(pod: str) -> str:
        readings[pod] = readings.get(pod, -1) + 1
        return page(1000 + 500 * readings[pod])

    cluster.metrics = metrics

    (found,) = json.loads(elb("top", "web", "--once", "--interval", "0.5", "-o", "json").out)

    assert found["loadBalancer"] == "web"
    assert found["requests"] > 0


def test_a_rate_is_the_sum_over_proxies_per_second() -> None:
    before = {"one": reading(page(100), at=10.0), "two": reading(page(700), at=10.0)}
    after = {"one": reading(page(200), at=12.0), "two": reading(page(1000), at=12.0)}

    (row,) = rates(before, after, "load-balancer")

    assert row["requests"] == 200


def test_a_proxy_that_began_anew_counts_from_nothing() -> None:
    (row,) = rates({"one": reading(page(5000), at=10.0)}, {"one": reading(page(40), at=12.0)}, "load-balancer")

    assert row["requests"] == 20


def test_logs_of_all_proxies_are_one_in_the_order_of_time(elb: Elb, cluster: FakeCluster) -> None:
    cluster.put(BALANCERS, scene.balancer("web", "shop", targets=scene.web_targets(), accessLog={"format": "alb"}))
    log(cluster, WEB[0], (1, 11, 200, "/"), (3, 12, 502, "/cart"))
    log(cluster, WEB[1], (2, 11, 200, "/cart/7"))

    assert [line.split()[1][17:19] for line in elb("logs", "web").out.splitlines()] == ["01", "02", "03"]


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        (["--status", "5xx"], [3]),
        (["--path", "/cart"], [2, 3]),
        (["--path", "/cart/*"], [2]),
        (["--target", "10.244.1.11"], [1, 2]),
        (["--target", "10.244.1.12:8080"], [3]),
        (["--zone", "zone-b"], [2]),
        (["--status", "200,404", "--path", "/"], [1, 2]),
    ],
)
def test_logs_are_filtered(elb: Elb, cluster: FakeCluster, options: list[str], seconds: list[int]) -> None:
    cluster.put(BALANCERS, scene.balancer("web", "shop", targets=scene.web_targets(), accessLog={"format": "alb"}))
    log(cluster, WEB[0], (1, 11, 200, "/"), (3, 12, 502, "/cart"))
    log(cluster, WEB[1], (2, 11, 200, "/cart/7"))

    found = [json.loads(line) for line in elb("logs", "web", "-o", "json", *options).out.splitlines()]

    assert [int(line["time"][17:19]) for line in found] == seconds


def test_logs_that_are_off_say_how_to_turn_them_on(elb: Elb) -> None:
    found = elb("logs", "web")

    assert found.code == 1
    assert "kubectl patch lb web" in found.err


def test_a_zonal_shift_is_written_with_its_end_and_taken_back(elb: Elb, cluster: FakeCluster) -> None:
    elb("zonal-shift", "start", "zone-a", "web", "--for", "2h", "--reason", "power")

    spec = (cluster.balancer("web") or {})["spec"]
    assert spec["zonalShift"]["awayFrom"] == "zone-a"
    assert spec["zonalShift"]["reason"] == "power"
    left = datetime.fromisoformat(spec["zonalShift"]["until"]) - datetime.now(UTC)
    assert 7190 < left.total_seconds() <= 7200

    elb("zonal-shift", "cancel", "web")

    assert "zonalShift" not in (cluster.balancer("web") or {})["spec"]


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        (["zone-x", "web", "--for", "1h"], "it has zone-a, zone-b, zone-c"),
        (["zone-a", "web", "--for", "1s"], "outside 1m to 3d"),
        (["zone-a", "web", "--for", "soon"], "write it like 30m"),
        (["zone-a", "--for", "1h"], "--all"),
    ],
)
def test_a_shift_that_cannot_be_meant_is_refused(elb: Elb, cluster: FakeCluster, words: list[str], cure: str) -> None:
    found = elb("zonal-shift", "start", *words)

    assert found.code != 0
    assert cure in found.err
    assert cluster.writes == []


def test_a_pod_is_drained_by_its_name_and_brought_back(elb: Elb, cluster: FakeCluster) -> None:
    pod = scene.web_targets()[0]["pod"]
    cluster.put(scene.PODS, {"kind": "Pod", "metadata": {"name": pod, "namespace": "shop"}, "spec": {}})

    said = elb("drain", "web", pod, "--reason", "new disk")

    assert f"pod/{pod} of target group web drains for 30s" in said.out
    entry = {"targetGroup": "web", "pod": pod, "reason": "new disk"}
    assert (cluster.balancer("web") or {})["spec"]["deregisteredTargets"] == [entry]

    elb("undrain", "web", "--all")

    assert "deregisteredTargets" not in (cluster.balancer("web") or {})["spec"]


def test_a_drain_of_what_is_no_target_is_refused(elb: Elb, cluster: FakeCluster) -> None:
    found = elb("drain", "web", "10.9.9.9:80")

    assert found.code == 1
    assert "10.9.9.9:80 is no target" in found.err
    assert cluster.writes == []


def test_a_change_of_somebody_else_is_never_overwritten(elb: Elb, cluster: FakeCluster) -> None:
    elb("zonal-shift", "start", "zone-a", "web", "--for", "1h")

    ((_, __, operations),) = cluster.writes
    assert operations[0] == {"op": "test", "path": "/metadata/generation", "value": 1}
