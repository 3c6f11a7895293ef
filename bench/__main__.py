"""The command line of `scripts/bench`."""

import argparse
import datetime as dt
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import agent, capacity, field, instructions, memory, report, watching
from bench.certificate import Certificate
from bench.haproxy import PROGRAM
from bench.load import Load
from bench.machine import commit, description, versions
from bench.peer import Place
from bench.rounds import Rounds
from bench.scenario import SCENARIOS
from bench.targets import Targets

_RESULTS = Path(__file__).parent / "results"
_NAMES = (*(scenario.name for scenario in SCENARIOS), "capacity", "instructions", "memory", "agent", "watching")
_METHOD = """CPU time is the scheduler's (schedstat) for the processes that carry traffic, per piece of work. Proxy on core 0 with one
worker, load and targets on core 1, all peers up at once, loaded in turn, forth and back; ratios are of figures in the same round. Two targets, round
robin, keep-alive to them, active checks each 2 s (not nginx), no access log, X-Forwarded-For and -Proto set by all, TLS 1.3 with X25519 and
AES-128-GCM, ECDSA P-256. Elbow runs as `elbow run` does by default. "Same features" is Envoy with a request id, X-Forwarded-Port, and a retry."""


def main() -> None:
    """Run what was asked for and write it down."""
    options = _options()
    names = options.names or _NAMES
    with tempfile.TemporaryDirectory(prefix="elbow-bench-", dir="/tmp", ignore_cleanup_errors=True) as temporary:
        directory = Path(temporary)
        place = Place(directory, Certificate(directory))
        targets = Targets(directory)
        try:
            body, rows = _measure(options, names, place, targets)
        finally:
            targets.program.stop()
    today = dt.datetime.now(tz=dt.UTC).date()
    base = _RESULTS / f"{today}-{options.name or '-'.join(options.names) or 'all'}"
    busy = f"Load average at the end: {os.getloadavg()[1]:.1f}, of which the benchmark itself makes about 2."
    header = f"# {base.name}\n\nElbow {commit()}. {description()}.\n{versions(PROGRAM)}. {busy}\n\n{_METHOD}\n"
    report.write(base, header, body, rows)
    print(body)
    print(f"written: {base}.md", file=sys.stderr)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measure Elbow beside what one would run instead."
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"what to measure, by default all: {', '.join(_NAMES)}"
    )
    parser.add_argument("--rounds", type=int, default=7, help="how often each peer is loaded (default %(default)s)")
    parser.add_argument("--seconds", type=int, default=2, help="how long each time (default %(default)s)")
    parser.add_argument(
        "--most",
        type=float,
        default=0.2,
        help="drop samples with more of the core used by others (default %(default)s)",
    )
    parser.add_argument(
        "--minutes", type=float, default=5, help="how long the agent's churn lasts (default %(default)s)"
    )
    parser.add_argument("--name", help="the result's name after the date")
    options = parser.parse_args()
    if unknown := set(options.names) - set(_NAMES):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(_NAMES)}")
    return options


def _measure(
    options: argparse.Namespace, names: Sequence[str], place: Place, targets: Targets
) -> tuple[str, list[dict[str, object]]]:
    parts, rows = [], []
    chosen = [scenario for scenario in SCENARIOS if scenario.name in names]
    if chosen:
        load = Load(place.certificate, options.seconds)
        scenarios = [Rounds(scenario, load, options.most) for scenario in chosen]
        with field.running(field.start(place)) as peers:
            for rounds in scenarios:
                rounds.measure([targets.direct, *peers], options.rounds)
        parts.append(report.comparison(scenarios))
        rows += [sample.row() for rounds in scenarios for sample in rounds.samples]
    if "capacity" in names:
        costs = capacity.measure(place, Load(place.certificate, options.seconds), options.rounds, options.most)
        parts.append(capacity.text(costs))
        rows += [sample.row() for each in costs for sample in each.samples]
    if "instructions" in names:
        counts = list(instructions.measure(place))
        parts.append(instructions.text(counts))
        rows += [count.row() for count in counts]
    if "watching" in names:
        text, found = watching.measure(place, Load(place.certificate, options.seconds), options.rounds, options.most)
        parts.append(text)
        rows += found
    if "memory" in names:
        footprints = list(memory.measure(place))
        parts.append(memory.text(footprints))
        rows += [footprint.row() for footprint in footprints]
    if "agent" in names:
        figures = list(agent.measure(place.directory, options.minutes))
        parts.append(agent.text(figures))
        rows += [figure.row() for figure in figures]
    return "\n".join(parts), rows


main()
