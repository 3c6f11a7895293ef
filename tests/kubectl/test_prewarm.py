"""prewarm: capacity set aside, what it would mean, what there is, and taking it back."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from elbow_api.capacity import LEAD
from elbow_api.load_balancer import parse
from elbow_api.timestamp import timestamp
from elbow_kubectl.reservation import moment, with_reservation
from elbow_operator.plan.capacity import plan
from harness.fake_cluster import BALANCERS, FakeCluster

from kubectl.conftest import Elb, Said

START, END = "2099-01-31T18:00:00Z", "2099-01-31T21:00:00Z"
BASE = datetime(2099, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
PROXY = "elb-web-zone-a-5d8f7b9c4-a1q2z"
LAUNCH = {"name": "launch", "start": START, "end": END, "requestsPerSecond": 30_000}


def reserve(elb: Elb, *words: str) -> Said:
    return elb("prewarm", "web", "--as", "launch", "--start", START, "--end", "+3h", "--rps", "30000", *words)


def capacity(cluster: FakeCluster) -> Any:
    found = cluster.balancer("web")
    assert found is not None
    return found["spec"].get("capacity")


def test_a_reservation_is_written_and_says_how_many_proxies_it_means(elb: Elb, cluster: FakeCluster) -> None:
    said = reserve(elb)

    assert (said.code, said.err) == (0, "")
    assert capacity(cluster) == {"reservations": [LAUNCH]}
    web = cluster.balancer("web") or {}
    there = {key: web[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": "web"}}
    meant = plan(parse(there).spec, 3, datetime.fromisoformat(START)).proxies
    first, second = said.out.splitlines()
    assert first == f"web: launch reserved, {START} to {END}"
    begins = timestamp(datetime.fromisoformat(START) - LEAD)
    assert second.startswith(f"  {meant} proxies in each of 3 zones instead of ")
    assert second.endswith(f"from {begins} on, enough when one zone is lost")


def test_all_the_form_asks_is_written_down(elb: Elb, cluster: FakeCluster) -> None:
    form = "--connections 800 --request-bytes 2k --response-bytes 1.5M --tls 90 --increase 500 --zones 3"
    said = reserve(elb, *form.split(), "--no-keep-alive", "--no-targets-scaled", "--note", "launch of the shop")

    (written_down,) = capacity(cluster)["reservations"]
    assert written_down == LAUNCH | {
        "bytesPerRequest": 1_502_000,
        "connectionsPerSecond": 800,
        "tlsPercent": 90,
        "note": "launch of the shop; 500 requests a second more each minute; targets close connections; served from 3 zones; targets are not scaled",
    }
    assert "scale them before the start" in said.err
    assert "let targets keep connections open" in said.err


def test_a_dry_run_changes_nothing(elb: Elb, cluster: FakeCluster) -> None:
    said = reserve(elb, "--dry-run", "-o", "json")

    assert cluster.writes == []
    found = json.loads(said.out)
    assert (found["reservation"], found["zones"], found["dryRun"]) == (LAUNCH, 3, True)
    assert found["proxiesPerZone"] > 2
    assert "would be reserved" in reserve(elb, "--dry-run").out


def test_what_the_proxies_can_carry_already_is_said(elb: Elb) -> None:
    said = elb("prewarm", "web", "--start", "now", "--end", "+1h", "--rps", "1")

    assert "proxies of each zone are enough as they are" in said.out


def test_more_than_is_allowed_is_warned_of(elb: Elb) -> None:
    said = elb("prewarm", "web", "--start", START, "--end", END, "--rps", "10000000", "--dry-run")

    assert "proxies are allowed in a zone" in said.err


def test_a_reservation_of_the_same_name_is_replaced_and_others_stay(elb: Elb, cluster: FakeCluster) -> None:
    reserve(elb)
    elb("prewarm", "web", "--start", START, "--end", END, "--connections", "5")
    reserve(elb, "--tls", "0")

    assert capacity(cluster)["reservations"] == [
        LAUNCH | {"tlsPercent": 0},
        {"name": "from-20990131-180000", "start": START, "end": END, "connectionsPerSecond": 5},
    ]


def test_a_start_that_is_past_is_now(elb: Elb) -> None:
    before = timestamp(datetime.now(UTC))
    said = elb(
        "prewarm", "web", "--start", "0001-01-01T00:00:00Z", "--end", END, "--rps", "5", "--dry-run", "-o", "json"
    )

    assert before <= json.loads(said.out)["reservation"]["start"] <= timestamp(datetime.now(UTC))


def page(requests: int) -> str:
    labels = 'namespace="shop",load_balancer="web",zone="zone-a",listener="http"'
    return f"# TYPE elb_request_count_total counter\nelb_request_count_total{{{labels}}} {requests}\n"


@pytest.mark.parametrize(("delta", "means"), [("1000", 2000), ("300%", 4000)])
def test_a_delta_is_on_top_of_what_there_is(elb: Elb, cluster: FakeCluster, delta: str, means: int) -> None:
    """A proxy counts a thousand requests a second, by the clock that rates are measured by."""
    cluster.metrics = lambda pod: page(round(time.monotonic() * 1000)) if pod == PROXY else ""

    said = elb("prewarm", "web", "--start", START, "--end", END, "--delta", delta, "--dry-run", "-o", "json")

    found = json.loads(said.out)["reservation"]["requestsPerSecond"]
    assert means * 0.6 < found < means * 1.5


def test_a_delta_without_a_proxy_that_tells_changes_nothing(elb: Elb, cluster: FakeCluster) -> None:
    said = elb("prewarm", "web", "--start", START, "--end", END, "--delta", "300%")

    assert said.code == 1
    assert capacity(cluster) is None


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        (["--start", START], "a reservation needs --end, --rps, --delta or --connections"),
        (["--rps", "5"], "a reservation needs --start, --end"),
        (["--start", START, "--end", END, "--rps", "5", "--delta", "5"], "either --rps or --delta"),
        (["--start", "tomorrow", "--end", END, "--rps", "5"], "write now, +2h, or 2026-01-31T18:00:00Z"),
        (["--start", "2099-01-31T18:00:00", "--end", END, "--rps", "5"], "end it with Z or +01:00"),
        (["--start", "2020-01-31T18:00:00Z", "--end", "2020-01-31T19:00:00Z", "--rps", "5"], "it would be over already"),
        (["--start", END, "--end", START, "--rps", "5"], "spec.capacity.reservations[0].end: must be after the start"),
        (["--start", START, "--end", END, "--rps", "5", "--zones", "4"], "web has 3 zones (zone-a, zone-b, zone-c), not 4"),
        (["--start", START, "--end", END, "--rps", "5", "--as", "The Launch"], "spec.capacity.reservations[0].name: not a DNS label"),
        (["--start", START, "--end", END, "--delta", "many"], "write 5000 or 300%"),
        (["--start", START, "--end", END, "--rps", "5", "--response-bytes", "big"], "write bytes, like 800, 20k or 1.5M"),
        (["--cancel", "launch", "--rps", "5"], "either make a reservation or --cancel one"),
        (["--cancel", "launch"], "web has no reservation launch; it has none"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_the_cure(
    elb: Elb, cluster: FakeCluster, words: list[str], cure: str
) -> None:
    said = elb("prewarm", "web", *words)

    assert said.code != 0
    assert cure in said.err
    assert cluster.writes == []


def test_a_reservation_is_taken_back_and_nothing_stays(elb: Elb, cluster: FakeCluster) -> None:
    reserve(elb)
    assert elb("prewarm", "web", "--cancel", "launch", "--dry-run").code == 0
    assert capacity(cluster) is not None

    said = elb("prewarm", "web", "--cancel", "launch")

    assert said.out == "web: launch is cancelled\n"
    assert capacity(cluster) is None


def furnished(cluster: FakeCluster) -> None:
    """The shop's web has a reservation that can't be had, and units."""
    web = cluster.balancer("web") or {}
    state = {"state": "failed", "message": "no room", "since": START, "proxiesPerZone": 7}
    units = {"units": 12, "state": "provisioned", "since": START, "proxiesPerZone": 2}
    spec = {**web["spec"], "capacity": {"minimumUnits": 12, "reservations": [LAUNCH | {"note": "big day"}]}}
    status = {**web["status"], "capacity": {"reservations": [{"name": "launch", **state}], "minimumUnits": units}}
    cluster.put(BALANCERS, {**web, "spec": spec, "status": status})


def test_what_is_set_aside_is_listed_with_its_state(elb: Elb, cluster: FakeCluster) -> None:
    furnished(cluster)

    assert elb("prewarm").rows == [
        ["web", "12", "units", "-", "-", "-", "-", "-", "2", "provisioned", "-"],
        ["web", "launch", START, END, "30000", "-", "-", "7", "failed", "no", "room"],
    ]
    assert elb("prewarm", "web", "-o", "wide").rows[1][-2:] == ["big", "day"]
    assert elb("prewarm", "-A").rows[0][0] == "shop"
    _, launch = json.loads(elb("prewarm", "web", "-o", "json").out)
    assert {launch[key] for key in ("loadBalancer", "name", "state", "message")} == {
        "web",
        "launch",
        "failed",
        "no room",
    }


def test_describe_has_what_is_set_aside(elb: Elb, cluster: FakeCluster) -> None:
    assert "Set aside" not in elb("describe", "web").out
    furnished(cluster)

    assert "Set aside" in elb("describe", "web").out
    (found,) = json.loads(elb("describe", "web", "-o", "json").out)
    assert [row["state"] for row in found["capacity"]] == ["provisioned", "failed"]


def test_nothing_set_aside_says_how_to(elb: Elb) -> None:
    said = elb("prewarm", "web")

    assert (said.out, said.code) == ("", 0)
    assert "kubectl elb prewarm NAME --start TIME" in said.err


def test_times_are_read_as_people_write_them() -> None:
    second = BASE.replace(microsecond=0)
    assert moment("now", BASE) == second
    assert moment("+1h30m", BASE) == second + timedelta(minutes=90)
    assert moment("2099-01-31T19:00:00+01:00", BASE) == datetime(2099, 1, 31, 18, tzinfo=UTC)


def test_what_is_over_makes_room_for_the_thirty_third() -> None:
    full = [{"name": f"r{n}", "start": START, "end": END if n else "2020-01-01T00:00:00Z"} for n in range(32)]

    made = with_reservation({"capacity": {"minimumUnits": 1, "reservations": full}}, LAUNCH, BASE)

    assert made["minimumUnits"] == 1
    assert [one["name"] for one in made["reservations"]] == [*(f"r{n}" for n in range(1, 32)), "launch"]
