"""scripts/soak [SCENARIO...]: see --help."""

import argparse
import os
import sys
import time
import traceback
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.machine import commit, description
from soak import report
from soak.install import install, restart
from soak.scenario import Scenario, Verdict, judge
from soak.scenarios import SCENARIOS
from soak.stage import Stage
from soak.witness import Witness


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/soak",
        description="Puts a load of mixed clients on Elbow in the test cluster, does something to the system, and counts "
        "every request. Ends with 0 if nothing failed but what the scenario's bound allows.",
        epilog="Scenarios: " + "; ".join(f"{s.name} ({s.what})" for s in SCENARIOS),
    )
    parser.add_argument("scenario", nargs="*", metavar="SCENARIO", help="in this order; by default all, 75 minutes")
    parser.add_argument("--ci", action="store_true", help="a chosen few, in minutes")
    parser.add_argument(
        "--rate",
        type=float,
        help="short requests a second, together (default 500, which two cores have if nothing else is on them; --ci 150)",
    )
    parser.add_argument("--requests", type=int, help="at least so many in each scenario (default 10000; --ci 1500)")
    parser.add_argument(
        "--long",
        type=float,
        help="seconds for which the API server is away; the operator is for 2.5 times as long, bad clients are there for "
        "half of it (default 120; --ci 60)",
    )
    parser.add_argument(
        "--results",
        type=Path,
        help="write results into this directory, as NAME.jsonl and NAME.md; those of other scenarios that are there stay",
    )
    parser.add_argument(
        "--name", default=time.strftime("%Y-%m-%d-soak"), help="the results' name (default %(default)s)"
    )
    parser.add_argument("--namespace", default="soak", help="where everything stands (default soak)")
    given = parser.parse_args()
    given.rate = given.rate or (150.0 if given.ci else 500.0)
    given.requests = given.requests or (1_500 if given.ci else 10_000)
    given.long = given.long or (60.0 if given.ci else 120.0)
    return given


def chosen(given: argparse.Namespace) -> list[Scenario]:
    named = {scenario.name: scenario for scenario in SCENARIOS}
    if unknown := [name for name in given.scenario if name not in named]:
        sys.exit(f"soak: no scenario {', '.join(unknown)}; there are {', '.join(sorted(named))}")
    if given.scenario:
        return [named[name] for name in given.scenario]
    return [scenario for scenario in SCENARIOS if scenario.ci or not given.ci]


def play(scenario: Scenario, stage: Stage, requests: int) -> Verdict:
    """One scenario, from a stage that is ready to the judgement."""
    sys.stderr.write(f"{scenario.name}: {scenario.what}\n")
    stage.build(scenario.spec, scenario.targets)
    with closing(Witness(stage.space.name)) as witness:
        clients, began, broke = stage.begin(scenario.zones, scenario.seconds), time.monotonic(), ""
        try:
            scenario.act(stage)
            while clients.sent < requests:
                scenario.act(stage) if scenario.again else stage.more(5)
            stage.more(3)
        except Exception as error:  # noqa: BLE001 - what broke is told, and what the clients saw as well
            traceback.print_exc()
            broke = " ".join(f"{type(error).__name__}: {error}".split())[:400]
        seconds = time.monotonic() - began
        verdict = judge(scenario, clients.end(), stage.marks, stage.staying_targets(), seconds, broke, stage.rate)
    return replace(verdict, told=witness.told)


def circumstances(given: argparse.Namespace, versions: dict[str, str]) -> dict[str, Any]:
    """What a scenario was run on."""
    return {
        "at": time.strftime("%Y-%m-%d %H:%M"),
        "elbow": commit(),
        "rate": given.rate,
        "machine": description(),
        "load": round(os.getloadavg()[0], 1),
        **versions,
    }


def main() -> None:
    given = options()
    scenarios = chosen(given)
    install()
    restart()
    stage = Stage(given.namespace, given.rate, given.long)
    stage.clear()
    documents: list[report.Document] = []
    versions: dict[str, str] = {}
    for scenario in scenarios:
        try:
            verdict = play(scenario, stage, given.requests)
        finally:
            scenario.after(stage)
        versions = versions or stage.versions()
        documents.append(report.document(verdict, circumstances(given, versions)))
        print(report.kinds(documents[-1]), flush=True)
        if given.results:
            report.write(given.results, given.name, documents, [scenario.name for scenario in SCENARIOS])
    stage.clear(wait=False)
    print("\n" + report.table(documents))
    sys.exit(0 if all(document["good"] for document in documents) else 1)


if __name__ == "__main__":
    main()
