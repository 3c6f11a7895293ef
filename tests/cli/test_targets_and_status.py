"""What runs is shown to people and to programs."""

import json
import re
from collections.abc import Callable

import pytest
from conftest import Targets
from elbow_dataplane.cli.table import age
from harness.elbow import Elbow
from harness.manifest import group, http, listener, load_balancer
from harness.poll import until
from harness.ports import Ports

from cli.command import printed, run, table
from cli.terminal import terminal

Start = Callable[..., Elbow]


def test_targets_are_shown_with_their_state_reason_and_age_the_sick_ones_first(
    elbow: Start, targets: Targets, ports: Ports
) -> None:
    a, b, c = targets.many(3)
    web = http(ports.take(), [a.address(zone="zone-a"), b.address(zone="zone-b", weight=7), c.address()])
    balancer = elbow(web)
    b.health.status = 503
    balancer.wait_state(b, "unhealthy")

    rows = table(printed("targets", "--admin", f"127.0.0.1:{balancer.admin}"))

    assert [row["TARGET"] for row in rows] == [f"{t.ip}:{t.port}" for t in (b, a, c)]
    assert [row["STATE"] for row in rows] == ["unhealthy", "healthy", "healthy"]
    assert [row["ZONE"] for row in rows] == ["zone-b", "zone-a", "-"]
    assert [row["REASON"] for row in rows] == ["Target.ResponseCodeMismatch", "-", "-"]
    assert {row["GROUP"] for row in rows} == {"web"}
    assert all(re.fullmatch(r"\d+s", row["SINCE"]) for row in rows)
    wide = table(printed("targets", "-o", "wide", "--admin", f"127.0.0.1:{balancer.admin}"))
    assert wide[0]["DESCRIPTION"] == "Health checks failed with these codes: [503]"
    assert [row["WEIGHT"] for row in wide] == ["7", "1", "1"]


def test_targets_as_json_are_one_list_for_programs(elbow: Start, targets: Targets, ports: Ports) -> None:
    a = targets.http()
    balancer = elbow(http(ports.take(), [a.address(zone="zone-a")]), zone="zone-a")

    (found,) = json.loads(printed("targets", "-o", "json", "--admin", f"127.0.0.1:{balancer.admin}"))

    assert found.pop("since").endswith("Z")
    assert found == {
        "loadBalancer": "web",
        "namespace": "default",
        "proxyZone": "zone-a",
        "group": "web",
        "address": a.ip,
        "port": a.port,
        "zone": "zone-a",
        "weight": 1,
        "state": "healthy",
        "reason": None,
        "description": None,
        "node": None,
        "pod": None,
        "drained": None,
    }


def test_targets_of_several_load_balancers_say_whose_they_are(elbow: Start, targets: Targets, ports: Ports) -> None:
    balancers = [elbow(http(ports.take(), [targets.http()]), zone=zone) for zone in ("zone-a", "zone-b")]
    admins = [word for one in balancers for word in ("--admin", f"127.0.0.1:{one.admin}")]

    rows = table(printed("targets", *admins))

    assert [row["LOAD BALANCER"] for row in rows] == ["default/web (zone-a)", "default/web (zone-b)"]


def test_status_shows_listeners_groups_and_counts(elbow: Start, targets: Targets, ports: Ports) -> None:
    a, sick = targets.many(2)
    sick.health.status = 500
    first, second = ports.take(), ports.take()
    listeners = [listener(first), listener(second, name="other")]
    balancer = elbow(load_balancer(listeners, [group([a, sick])], name="shop"))
    balancer.wait_state(sick, "unhealthy")

    head, listening, groups = printed("status", "--admin", f"127.0.0.1:{balancer.admin}").split("\n\n")

    assert re.fullmatch(r"default/shop: ready, generation 1, HAProxy \S+ \(process \d+, reloads: 0\)", head)
    assert [(row["LISTENER"], row["PROTOCOL"], row["PORT"]) for row in table(listening)] == [
        ("http", "HTTP", str(first)),
        ("other", "HTTP", str(second)),
    ]
    (web,) = table(groups)
    assert (web["GROUP"], web["HEALTHY"], web["UNHEALTHY"], web["FAILS OPEN"]) == ("web", "1", "1", "no")


def test_status_says_why_the_newest_manifest_was_refused(elbow: Start, targets: Targets, ports: Ports) -> None:
    balancer = elbow(http(ports.take(), [targets.http()]))
    balancer.write("kind: nonsense")
    until(lambda: balancer.report().faults, say="a fault")

    text = printed("status", "--admin", f"127.0.0.1:{balancer.admin}")

    assert "default/web: faulty" in text
    assert "spec: required" in text


def test_status_as_json_is_a_list_of_whole_reports(elbow: Start, targets: Targets, ports: Ports) -> None:
    balancer = elbow(http(ports.take(), [targets.http()]))

    (report,) = json.loads(printed("status", "-o", "json", "--admin", f"127.0.0.1:{balancer.admin}"))

    assert (report["name"], report["ready"], len(report["targetGroups"])) == ("web", True, 1)


@pytest.mark.parametrize("command", ["status", "targets"])
def test_where_nothing_runs_the_exit_code_is_1_and_the_message_says_the_way_out(command: str, ports: Ports) -> None:
    done = run(command, "--admin", f"127.0.0.1:{ports.take()}")

    assert done.returncode == 1
    assert done.stdout == ""
    assert "nothing listens there" in done.stderr
    assert "start one with `elbow run FILE`" in done.stderr


def test_an_admin_port_that_is_none_is_refused_by_name() -> None:
    done = run("targets", "--admin", "localhost")

    assert done.returncode == 1
    assert "localhost: not an admin port; write it as ADDRESS:PORT" in done.stderr


def test_what_is_not_elbow_is_not_taken_for_it(targets: Targets) -> None:
    other = targets.http()

    done = run("status", "--admin", f"{other.ip}:{other.port}")

    assert done.returncode == 1
    assert "what answers there isn't this version's elbow" in done.stderr


@pytest.mark.parametrize(
    ("seconds", "shown"), [(-1, "0s"), (59.9, "59s"), (60, "1m"), (7199, "1h"), (86400, "1d"), (864000, "10d")]
)
def test_ages_are_shown_in_their_largest_unit(seconds: float, shown: str) -> None:
    assert age(seconds) == shown


def test_a_terminal_gets_colours_and_a_pipe_does_not(elbow: Start, targets: Targets, ports: Ports) -> None:
    a = targets.http()
    balancer = elbow(http(ports.take(), [a]))
    command = ("targets", "--admin", f"127.0.0.1:{balancer.admin}")

    assert "\x1b" not in printed(*command)
    with terminal(*command) as screen:
        seen = screen.all()
    assert re.search(r"\x1b\[32mhealthy", seen), seen
    assert f"{a.ip}:{a.port}" in seen
