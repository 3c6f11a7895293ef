"""What a run is judged by, and what is written of it: values in, values out."""

import json
from pathlib import Path
from typing import Any

from soak import report
from soak.clients import Tally
from soak.load.ledger import Count, Failure, Move
from soak.scenario import Excuse, Scenario, Verdict, judge

CIRCUMSTANCES = {
    "at": "2026-01-01 10:00",
    "elbow": "abc",
    "rate": 100,
    "machine": "2 CPUs",
    "load": 1.0,
    "kubernetes": "v1",
    "haproxy": "3.2",
}


def scenario(*excuses: Excuse, **more: Any) -> Scenario:
    given = {"name": "kill", "group": 5, "what": "a target dies", "act": lambda _: None, "elb": "what is under way"}
    return Scenario(**{**given, **more}, excuses=excuses)


def failure(began: float, at: float, kind: str = "kept", door: str = "all") -> Failure:
    return Failure(began, at, kind, door, "ServerDisconnectedError")


def judged(
    of: Scenario,
    *failures: Failure,
    moves: tuple[Move, ...] = (),
    staying: tuple[str, ...] = (),
    rate: float = 150,
) -> Verdict:
    counts = {"kept": Count(sent=100, failed=len(failures), slowest=0.2)}
    return judge(of, Tally(counts, list(failures), list(moves)), [("kill", 50.0)], set(staying), 10, rate=rate)


def test_a_failure_that_nothing_excuses_is_bad() -> None:
    assert not judged(scenario(), failure(49, 51)).good


def test_a_request_under_way_at_the_moment_is_excused() -> None:
    verdict = judged(scenario(Excuse("kill", "physics")), failure(49, 51))
    assert verdict.good
    assert verdict.excused == 1


def test_a_request_that_began_after_the_bound_or_ended_before_the_moment_is_not() -> None:
    kill = scenario(Excuse("kill", "physics", seconds=1))
    assert judged(kill, failure(50.9, 52)).good
    assert not judged(kill, failure(51.1, 52)).good
    assert not judged(kill, failure(48, 49.9)).good


def test_an_excuse_is_for_its_kinds_and_doors_alone() -> None:
    kill = scenario(Excuse("kill", "physics", kinds=frozenset({"new"}), doors=frozenset({"zone-a"})))
    assert judged(kill, failure(49, 51, "new", "zone-a")).good
    assert not judged(kill, failure(49, 51, "kept", "zone-a")).good
    assert not judged(kill, failure(49, 51, "new", "zone-b")).good


def test_more_failures_than_the_bound_are_bad() -> None:
    kill = scenario(Excuse("kill", "physics", most=2))
    assert judged(kill, *[failure(49, 51)] * 2).good
    assert len(judged(kill, *[failure(49, 51)] * 3).bad) == 1


def test_the_number_of_a_bound_grows_with_the_rate_and_never_shrinks() -> None:
    kill = scenario(Excuse("kill", "physics", most=2))
    assert len(judged(kill, *[failure(49, 51)] * 5, rate=300).bad) == 1
    assert len(judged(kill, *[failure(49, 51)] * 3, rate=50).bad) == 1


def test_a_sticky_client_led_away_from_a_target_that_stays_is_lost() -> None:
    move = Move(51, "all", "one", "two")
    assert not judged(scenario(), moves=(move,), staying=("one",)).good
    assert judged(scenario(), moves=(move,)).good
    assert judged(scenario(moves=True), moves=(move,), staying=("one",)).good


def test_the_measured_bound_is_when_the_last_that_failed_began() -> None:
    verdict = judged(scenario(Excuse("kill", "physics", seconds=5)), failure(50.5, 51), failure(52.25, 53))
    assert verdict.spans == {"kill": 2.25}


def test_a_failure_is_told_with_its_kind_and_whether_the_bound_allows_it() -> None:
    kill = scenario(Excuse("kill", "physics", most=1))
    found = report.document(judged(kill, failure(49, 51), failure(49, 51)), CIRCUMSTANCES)
    assert found["kinds"]["kept"]["failed"] == found["kinds"]["kept"]["excused"] == 1
    assert found["errors"] == [{"kind": "kept", "error": "ServerDisconnectedError", "number": 2}]
    assert "| kept | 100 | 1 | 1 | 200 ms |  | 2 x ServerDisconnectedError |" in report.kinds_table(found)
    assert "| 5 | **kill** | 100 | 10 | 1 | 1 |" in report.table([found])


def test_a_failure_that_nothing_excuses_is_told_first_with_what_the_cluster_told_around_it() -> None:
    verdict = judged(scenario(Excuse("kill", "physics")), failure(49, 51), failure(70, 71))
    verdict.told = [(40.0, "long before"), (60.0, "no endpoints"), (75.0, "back"), (90.0, "long after")]
    found = report.document(verdict, CIRCUMSTANCES)
    assert [one["began"] for one in found["failures"]] == [70, 49]
    assert [what for _, what in found["told"]] == ["no endpoints", "back"]


def test_results_of_other_scenarios_stay_and_those_run_again_are_replaced(tmp_path: Path) -> None:
    first = [report.document(judged(scenario(name=name)), CIRCUMSTANCES) for name in ("b", "a")]
    report.write(tmp_path, "run", first, ["a", "b", "c"])
    again = report.document(judged(scenario(name="b"), failure(49, 51)), CIRCUMSTANCES)
    report.write(tmp_path, "run", [again], ["a", "b", "c"])
    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert [(line["scenario"], line["good"]) for line in lines] == [("a", True), ("b", False)]
    page = (tmp_path / "run.md").read_text()
    assert "2 scenarios, 200 requests, 1 failed that should not have" in page
    assert page.index("### a") < page.index("### b")
