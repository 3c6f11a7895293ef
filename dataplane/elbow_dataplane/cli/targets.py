"""`elbow targets`: each target's state, reason, and since when."""

import json
from collections.abc import Iterator
from datetime import datetime

import click
from elbow_api.proxy_report import ProxyReport, TargetGroupReport
from elbow_api.target_health import SICK_FIRST, TargetHealth

from elbow_dataplane.cli import table

Entry = tuple[ProxyReport, TargetGroupReport, TargetHealth]


def print_targets(reports: list[ProxyReport], output: str | None) -> None:
    """Print every target of every load balancer, the sick ones first; `output` is json, wide, or None."""
    entries = sorted(_entries(reports), key=lambda entry: SICK_FIRST.index(entry[2].state))
    if output == "json":
        click.echo(json.dumps([_document(*entry) for entry in entries], indent=2))
        return
    wide = output == "wide"
    columns = ["GROUP", "TARGET", "ZONE", "STATE", "REASON", "SINCE"]
    columns += ["WEIGHT", "DESCRIPTION"] if wide else []
    several = len(reports) > 1
    if several:
        columns.insert(0, "LOAD BALANCER")
    table.show(columns, [_row(*entry, several=several, wide=wide) for entry in entries])


def name_of(report: ProxyReport) -> str:
    """A proxy's load balancer, with its zone if it serves one."""
    return f"{report.namespace}/{report.name}{f' ({report.zone})' if report.zone else ''}"


def seconds_since(target: TargetHealth, report: ProxyReport) -> float:
    """How long a target's state had lasted when the report was made."""
    return (datetime.fromisoformat(report.time) - datetime.fromisoformat(target.since)).total_seconds()


def address_of(target: TargetHealth) -> str:
    """A target as ip:port."""
    return f"[{target.address}]:{target.port}" if ":" in target.address else f"{target.address}:{target.port}"


def _entries(reports: list[ProxyReport]) -> Iterator[Entry]:
    for report in reports:
        for group in report.target_groups:
            for target in group.targets:
                yield report, group, target


def _row(
    report: ProxyReport, group: TargetGroupReport, target: TargetHealth, *, several: bool, wide: bool
) -> list[object]:
    since = table.age(seconds_since(target, report))
    row: list[object] = [group.name, address_of(target), target.zone, target.state, target.reason, since]
    row += [target.weight, target.description] if wide else []
    return [name_of(report), *row] if several else row


def _document(report: ProxyReport, group: TargetGroupReport, target: TargetHealth) -> dict[str, object]:
    of = {"loadBalancer": report.name, "namespace": report.namespace, "proxyZone": report.zone, "group": group.name}
    return of | target.model_dump(mode="json", by_alias=True)
