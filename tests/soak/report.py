"""What a person and a program read of a run."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from soak.scenario import Verdict
from soak.witness import around

Document = dict[str, Any]
"""A scenario's result, as a line of the results' JSON."""
_QUICK = ("kept", "new", "TLS kept", "TLS new", "HTTP/2", "sticky")
_MOST_TOLD = 200
"""Failures told one by one; those that should not have been first."""


def document(verdict: Verdict, circumstances: Mapping[str, Any]) -> Document:
    """A verdict as values, with what it was measured on."""
    scenario = verdict.scenario
    bad = Counter(failure.kind for failure in verdict.bad)
    errors = Counter((failure.kind, failure.error) for failure in verdict.tally.failures)
    worst_first = [*verdict.bad, *(failure for failure in verdict.tally.failures if failure not in verdict.bad)]
    return {
        "scenario": scenario.name,
        "group": scenario.group,
        "what": scenario.what,
        "elb": scenario.elb,
        "bounds": [{"why": e.why, "mark": e.mark, "seconds": e.seconds, "most": e.most} for e in scenario.excuses],
        "good": verdict.good,
        "seconds": round(verdict.seconds, 1),
        "sent": verdict.tally.sent,
        "failed": len(verdict.bad) + len(verdict.lost),
        "excused": verdict.excused,
        "kinds": {
            kind: {**asdict(count), "failed": bad[kind], "excused": count.failed - bad[kind]}
            for kind, count in sorted(verdict.tally.counts.items())
        },
        "errors": [{"kind": kind, "error": error, "number": n} for (kind, error), n in errors.most_common()],
        "marks": verdict.marks,
        "spans": verdict.spans,
        "failures": [asdict(failure) for failure in worst_first[:_MOST_TOLD]],
        "told": around(verdict.told, {moment for failure in verdict.bad for moment in (failure.began, failure.at)}),
        "moved": verdict.lost[:20],
        "broke": verdict.broke,
        **circumstances,
    }


def table(documents: Iterable[Document]) -> str:
    """A line for each scenario."""
    lines = [
        "| group | scenario | sent | a second | failed | within the bound | slowest | last that failed began | ELB would have lost |",
        "|---|---|--:|--:|--:|--:|--:|---|---|",
    ]
    for found in documents:
        name = found["scenario"] if found["good"] else f"**{found['scenario']}**"
        slow = max((found["kinds"][kind]["slowest"] for kind in _QUICK if kind in found["kinds"]), default=0.0)
        cells = (
            found["group"],
            name,
            f"{found['sent']:,}",
            f"{found['sent'] / found['seconds']:.0f}",
            found["failed"],
            found["excused"] if found["bounds"] else "",
            f"{slow * 1000:.0f} ms",
            "; ".join(f"{span} s after {mark}" for mark, span in found["spans"].items()),
            found["elb"],
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def kinds(found: Document) -> str:
    """A line for each kind of client, and what failed."""
    lines = [f"{found['scenario']}: {found['what']} ({found['seconds']:.0f} s)"]
    for kind, count in found["kinds"].items():
        extra = f", {count['repeated']} sent again after GOAWAY" if count["repeated"] else ""
        lines.append(
            f"  {kind:10} {count['sent']:7} sent {count['failed']:5} failed {count['excused']:5} excused"
            f" {count['slowest'] * 1000:8.0f} ms slowest{extra}"
        )
    lines += [f"    {e['number']:5} {e['kind']}: {e['error']}" for e in found["errors"][:12]]
    lines += [f"    the last that failed began {span} s after {mark}" for mark, span in found["spans"].items()]
    lines += [f"    moved {lost}" for lost in found["moved"][:5]]
    if found["broke"]:
        lines.append(f"  could not be done: {found['broke']}")
    return "\n".join(lines)


def kinds_table(found: Document) -> str:
    """The same as a table, with each error."""
    lines = [
        f"### {found['scenario']}",
        "",
        (
            f"{found['what'][0].upper()}{found['what'][1:]}. {found['at']}, Elbow {found['elbow']}, {found['seconds']:.0f} s, "
            f"{found['rate']:.0f} short requests a second wanted, load average {found['load']}."
        ),
        "",
        "| clients | sent | failed | within the bound | slowest | sent again after GOAWAY | errors |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for kind, count in found["kinds"].items():
        errors = "; ".join(f"{e['number']} x {e['error']}" for e in found["errors"] if e["kind"] == kind)
        cells = (
            kind,
            f"{count['sent']:,}",
            count["failed"],
            count["excused"],
            f"{count['slowest'] * 1000:.0f} ms",
            count["repeated"] or "",
            errors.replace("|", "/"),
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    lines += [""] + [f"Moved without need: {lost}\n" for lost in found["moved"]]
    return "\n".join([*lines, f"Could not be done: {found['broke']}\n"] if found["broke"] else lines).rstrip()


def merge(old: Iterable[Document], new: Iterable[Document], order: Iterable[str]) -> list[Document]:
    """Of each scenario its newest result, in this order."""
    newest = {found["scenario"]: found for found in (*old, *new)}
    return [newest[name] for name in order if name in newest]


def write(directory: Path, name: str, documents: Iterable[Document], order: Iterable[str]) -> None:
    """The results: lines of JSON, and a page; what is there of scenarios that weren't run now stays."""
    directory.mkdir(parents=True, exist_ok=True)
    lines, page = directory / f"{name}.jsonl", directory / f"{name}.md"
    old = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
    found = merge(old, documents, order)
    lines.write_text("".join(json.dumps(one) + "\n" for one in found))
    page.write_text(_page(name, found))


def _page(name: str, found: list[Document]) -> str:
    sent, failed = sum(one["sent"] for one in found), sum(one["failed"] for one in found)
    fewest = min(found, key=lambda one: one["sent"])
    machines = sorted({f"{one['machine']}; Kubernetes {one['kubernetes']}, HAProxy {one['haproxy']}." for one in found})
    parts = [
        f"# {name}",
        (
            f"{len(found)} scenarios, {sent:,} requests, {failed} failed that should not have. The fewest in a scenario: "
            f"{fewest['sent']:,} ({fewest['scenario']}). [docs/reliability.md](../../docs/reliability.md) tells what may fail and why, and how to "
            "run it again. Each scenario's figures are those of its last run; when that was, of which commit, and how busy the machine was "
            "stands with it. A name in bold is a scenario that failed."
        ),
        *machines,
        (
            "Four nodes in three zones, all targets, proxies, clients and the control plane on the cores of this one machine, which other work keeps busy too: "
            "what is slow here waited for a core. Requests a second count those that hold a connection (downloads, WebSockets, TCP) as one each."
        ),
        "## The scenarios",
        table(found),
        "## By kind of client",
        *map(kinds_table, found),
    ]
    return "\n\n".join(parts).rstrip() + "\n"
