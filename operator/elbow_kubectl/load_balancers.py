"""`kubectl elb list`: each load balancer in a line."""

from datetime import UTC, datetime

import click
from elbow_kube.object import Object, conditions

from elbow_kubectl import show
from elbow_kubectl.completion import load_balancer_names
from elbow_kubectl.place import Place, everywhere_option, output_option, place_options

COUNTED = ("healthy", "unhealthy", "initial", "draining", "unused")
"""The states the status counts targets by."""


@click.command("list")
@click.argument("names", nargs=-1, shell_complete=load_balancer_names)
@everywhere_option
@place_options
@output_option
def command(names: tuple[str, ...], place: Place, output: str | None) -> None:
    """List load balancers: addresses, zones, healthy targets, whether each is ready.

    \b
    Examples:
      kubectl elb list
      kubectl elb list -A -o wide
    """
    found = place.run(lambda cluster: cluster.load_balancers(names))
    if output in ("json", "yaml"):
        show.document([summary(lb) for lb in found], output)
        return
    columns, rows = lines(found, datetime.now(UTC), everywhere=place.everywhere, wide=output == "wide")
    show.table(columns, rows, none="no load balancer; `-A` looks in all namespaces")


def condition(load_balancer: Object, kind: str) -> Object:
    """One of its conditions; empty before there is a status."""
    return conditions(load_balancer).get(kind, {})


def summary(load_balancer: Object) -> Object:
    """A load balancer for programs."""
    metadata, spec, status = load_balancer["metadata"], load_balancer["spec"], load_balancer.get("status") or {}
    ready = condition(load_balancer, "Ready")
    groups = status.get("targetGroups") or []
    return {
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "scheme": spec.get("scheme", "internet-facing"),
        "dnsName": status.get("dnsName", ""),
        "addresses": status.get("addresses") or [],
        "zones": {zone["name"]: zone["state"] for zone in status.get("zones") or []},
        "targets": {state: sum(group.get(state, 0) for group in groups) for state in COUNTED},
        "listeners": [
            {key: listener[key] for key in ("name", "protocol", "port")} for listener in spec.get("listeners") or []
        ],
        "ready": ready.get("status") == "True",
        "reason": ready.get("reason", ""),
        "message": ready.get("message", ""),
        "created": metadata.get("creationTimestamp", ""),
    }


def lines(found: list[Object], now: datetime, *, everywhere: bool, wide: bool) -> tuple[list[str], list[show.Row]]:
    """The table: its columns, and a row a load balancer."""
    columns = ["NAME", "SCHEME", "ADDRESS", "ZONES", "TARGETS", "READY", "REASON", "AGE"]
    columns += ["LISTENERS", "DNS NAME"] if wide else []
    rows: list[show.Row] = []
    for load_balancer in found:
        one = summary(load_balancer)
        short = (load_balancer.get("status") or {}).get("summary") or {}
        row: list[object] = [one["name"], one["scheme"], short.get("address"), short.get("zones")]
        row += [short.get("targets"), condition(load_balancer, "Ready").get("status"), one["reason"]]
        row += [show.age(one["created"], now)]
        if wide:
            row += [",".join(f"{listener['protocol']}:{listener['port']}" for listener in one["listeners"])]
            row += [one["dnsName"]]
        rows.append([one["namespace"], *row] if everywhere else row)
    return (["NAMESPACE", *columns] if everywhere else columns), rows
