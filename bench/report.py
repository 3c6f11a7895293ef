"""A run written down: ratios first, then figures, then what was lost."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.rounds import Rounds, Sample, median
from bench.scenario import GOALS, Goal


def write(base: Path, header: str, body: str, rows: Iterable[dict[str, Any]]) -> None:
    """A text and the raw samples beside it."""
    base.parent.mkdir(parents=True, exist_ok=True)
    base.with_name(base.name + ".md").write_text(f"{header}\n{body}")
    base.with_name(base.name + ".jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def comparison(scenarios: Sequence[Rounds]) -> str:
    """Goals, then ratios to plain HAProxy, then figures."""
    parts = ["## Goals", _goals(scenarios), "## Ratios to HAProxy, same round: median (min to max)", _ratios(scenarios)]
    for rounds in scenarios:
        parts += [f"## {rounds.scenario.title}", _figures(rounds)]
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _goals(scenarios: Sequence[Rounds]) -> str:
    rows = [_goal(goal, rounds) for goal in GOALS for rounds in scenarios if rounds.scenario.name in goal.scenarios]
    return table(["load", "ratio", "goal", "measured", "rounds", ""], filter(None, rows))


def _goal(goal: Goal, rounds: Rounds) -> list[str]:
    ratios = rounds.ratios(goal.of, goal.to)
    if not ratios:
        return []
    verdict = "met" if median(ratios) <= goal.most else "**missed**"
    return [
        rounds.scenario.title,
        f"{goal.of} / {goal.to}",
        f"≤ {goal.most:.2f}",
        spread(ratios),
        str(len(ratios)),
        verdict,
    ]


def _ratios(scenarios: Sequence[Rounds]) -> str:
    names = list(dict.fromkeys(name for rounds in scenarios for name in rounds.scenario.peers))
    names = [name for name in names if name not in ("HAProxy", "direct")]
    rows = [[name, *(spread(rounds.ratios(name, "HAProxy")) for rounds in scenarios)] for name in names]
    return table(["", *(rounds.scenario.name for rounds in scenarios)], rows)


def _figures(rounds: Rounds) -> str:
    head = ["", rounds.scenario.unit, "per second", "failed", "others on its core"]
    latencies = list(next((sample.microseconds for sample in rounds.samples if sample.microseconds), {}))
    rows = []
    for name in rounds.scenario.peers:
        samples = rounds.of(name)
        rows.append(
            [
                name,
                spread([sample.figure for sample in samples]),
                f"{median([sample.rate for sample in samples]):.0f}",
                str(sum(sample.failed for sample in samples)),
                f"{median([sample.others for sample in samples]):.0%}",
                *(f"{median(_latency(samples, each)):.0f}" for each in latencies),
            ]
        )
    note = (
        f"\n\n{rounds.dropped} samples dropped: others had more than {rounds.most:.0%} of the core."
        if rounds.dropped
        else ""
    )
    return table([*head, *(f"{each} µs" for each in latencies)], rows) + note


def _latency(samples: Sequence[Sample], percentile: str) -> list[float]:
    return [sample.microseconds[percentile] for sample in samples]


def spread(values: Sequence[float]) -> str:
    """Their median, and how far they lie apart."""
    if not values:
        return "-"
    digits = 2 if max(values) < 10 else 1
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
