"""`elbow status`: each load balancer that runs here, its listeners and target groups."""

import json

import click
from elbow_api.proxy_report import ListenerReport, ProxyReport, TargetGroupReport

from elbow_dataplane.cli import table
from elbow_dataplane.cli.targets import name_of


def print_status(reports: list[ProxyReport], output: str | None) -> None:
    """Print what each load balancer is doing; `output` is json, wide, or None."""
    if output == "json":
        click.echo(json.dumps([report.model_dump(mode="json", by_alias=True) for report in reports], indent=2))
        return
    for i, report in enumerate(reports):
        if i:
            click.echo()
        _print_one(report, wide=output == "wide")


def condition(report: ProxyReport) -> str:
    """How a proxy is, in one or two words."""
    if report.faults:
        return "faulty"
    if not report.ready:
        return "not ready"
    return "ready" if report.converged else "applying"


def _print_one(report: ProxyReport, *, wide: bool) -> None:
    said = condition(report)
    head = click.style(said, fg="green" if said == "ready" else "red", bold=True)
    click.echo(f"{click.style(name_of(report), bold=True)}: {head}, generation {report.generation}{_haproxy(report)}")
    for fault in report.faults:
        click.echo(f"  {fault}")
    click.echo()
    listeners = ["LISTENER", "PROTOCOL", "PORT", "GROUP", "CONNECTIONS", "REQUESTS", "ELB 4XX", "ELB 5XX"]
    listeners += ["NEW CONNECTIONS", "BYTES"] if wide else []
    table.show(listeners, [_listener(listener, wide=wide) for listener in report.listeners])
    click.echo()
    groups = ["GROUP", "HEALTHY", "UNHEALTHY", "INITIAL", "DRAINING", "UNUSED", "REQUESTS", "2XX", "3XX", "4XX", "5XX"]
    groups += ["CONNECTION ERRORS", "SURGE QUEUE", "SPILLOVER"] if wide else []
    table.show([*groups, "FAILS OPEN"], [_group(group, wide=wide) for group in report.target_groups])


def _haproxy(report: ProxyReport) -> str:
    if report.haproxy is None:
        return ", HAProxy isn't running"
    reloads = sum(report.haproxy.reloads.values())
    return f", HAProxy {report.haproxy.version} (process {report.haproxy.pid}, reloads: {reloads})"


def _listener(listener: ListenerReport, *, wide: bool) -> list[object]:
    row: list[object] = [listener.name, listener.protocol, listener.port, listener.target_group]
    row += [listener.active_connections, listener.requests, listener.elb4xx, listener.elb5xx]
    return row + ([listener.new_connections, listener.processed_bytes] if wide else [])


def _group(group: TargetGroupReport, *, wide: bool) -> list[object]:
    row: list[object] = [group.name, group.healthy, group.unhealthy, group.initial, group.draining, group.unused]
    row += [group.requests, group.target2xx, group.target3xx, group.target4xx, group.target5xx]
    row += [group.connection_errors, group.surge_queue_length, group.spillover] if wide else []
    return [*row, "yes" if group.fails_open else "no"]
