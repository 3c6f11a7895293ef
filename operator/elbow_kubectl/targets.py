"""`kubectl elb targets`: each target's state, reason, and since when; a line per zone where zones disagree."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from elbow_kube.object import Object

from elbow_kubectl import show
from elbow_kubectl.completion import load_balancer_names
from elbow_kubectl.place import Place, everywhere_option, output_option, place_options

if TYPE_CHECKING:
    from elbow_kubectl.cluster import Cluster
    from elbow_kubectl.views import View

SICK_FIRST = ("unhealthy", "unhealthy.draining", "initial", "draining", "unavailable", "healthy", "unused")
"""elbow_api.target_health's, which is slow to load."""


@dataclass(frozen=True)
class Target:
    """A target of a group, as the proxies of some zones see it."""

    namespace: str
    load_balancer: str
    group: str
    address: str
    port: int
    state: str
    zone: str | None = None
    pod: str | None = None
    node: str | None = None
    weight: int = 1
    reason: str | None = None
    description: str | None = None
    since: str = ""
    seen_by: tuple[str, ...] = ()
    """The zones whose proxies say so; none: all that were asked."""

    @property
    def endpoint(self) -> str:
        """The address as clients write it."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        """What makes it the same target."""
        return self.namespace, self.load_balancer, self.group, self.address, self.port

    @property
    def document(self) -> Object:
        """For programs."""
        values = {"loadBalancer" if k == "load_balancer" else k: v for k, v in asdict(self).items()}
        values["seenBy"] = list(values.pop("seen_by"))
        return values


@click.command("targets")
@click.argument("names", nargs=-1, shell_complete=load_balancer_names)
@click.option("--group", help="Only this target group's.")
@click.option("--zone", help="Only targets in this zone.")
@click.option("--state", type=click.Choice(SICK_FIRST), help="Only targets in this state.")
@everywhere_option
@place_options
@output_option
def command(
    names: tuple[str, ...], group: str | None, zone: str | None, state: str | None, place: Place, output: str | None
) -> None:
    """Show each target's state, reason, and since when; the sick ones first.

    Where the proxies of different zones disagree, each opinion has a line, with the zones that hold it.

    \b
    Examples:
      kubectl elb targets web
      kubectl elb targets web -o wide --state unhealthy
      kubectl elb targets -A -o json | jq '.[] | select(.state != "healthy")'
    """
    found, notes = place.run(lambda cluster: fetch(cluster, names))
    for note in notes:
        click.echo(note, err=True)
    chosen = [
        target
        for target in found
        if group in (None, target.group) and zone in (None, target.zone) and state in (None, target.state)
    ]
    if output in ("json", "yaml"):
        show.document([target.document for target in chosen], output)
        return
    several = len({target.key[:2] for target in chosen}) > 1
    show.table(*lines(chosen, datetime.now(UTC), several=several, wide=output == "wide"), none=_none(found))


def _none(found: list[Target]) -> str:
    return f"none of the {len(found)} targets is one of those asked for" if found else "no targets"


async def fetch(cluster: "Cluster", names: Iterable[str]) -> tuple[list[Target], list[str]]:
    """The targets of load balancers, the sick ones first, and what is to be said of how they were found."""
    from elbow_kubectl.views import silent, views

    found: list[Target] = []
    notes: list[str] = []
    for load_balancer in await cluster.load_balancers(names):
        seen = await views(cluster, load_balancer)
        if why := silent(seen):
            notes.append(f"{load_balancer['metadata']['name']}: {why}; from the status, its first 100 targets a group:")
            found += from_status(load_balancer)
        else:
            found += from_views(load_balancer, seen)
    return sorted(found, key=lambda t: (SICK_FIRST.index(t.state), *t.key)), notes


def told(load_balancer: Object, found: "Iterable[View]") -> list[Target]:
    """The targets the proxies name, or, where none of them could be asked, the status."""
    found = list(found)
    return from_views(load_balancer, found) if any(view.report for view in found) else from_status(load_balancer)


def from_status(load_balancer: Object) -> list[Target]:
    """The targets the status names."""
    groups = (load_balancer.get("status") or {}).get("targetGroups") or []
    return [_target(load_balancer, group["name"], target) for group in groups for target in group.get("targets") or []]


def from_views(load_balancer: Object, found: "Iterable[View]") -> list[Target]:
    """The targets all proxies name; a zone says what the worst of its proxies says."""
    by_zone: dict[tuple[str, str, str, str, int], dict[str, Target]] = {}
    asked = set()
    for view in found:
        if view.report:
            asked.add(view.zone)
        for group in view.report.get("targetGroups") or []:
            for one in group.get("targets") or []:
                target = _target(load_balancer, group["name"], one)
                zones = by_zone.setdefault(target.key, {})
                before = zones.get(view.zone)
                if before is None or _worse(target, before):
                    zones[view.zone] = target
    return [target for zones in by_zone.values() for target in _opinions(zones, asked)]


def _opinions(zones: dict[str, Target], asked: set[str]) -> Iterator[Target]:
    """One target for each opinion there is of it."""
    said: dict[tuple[str, str | None], list[str]] = {}
    for zone, target in sorted(zones.items()):
        said.setdefault((target.state, target.reason), []).append(zone)
    for holders in said.values():
        first = min((zones[zone] for zone in holders), key=lambda target: target.since)
        agreed = len(said) == 1 and len(holders) == len(asked)
        yield first if agreed or len(asked) == 1 else replace(first, seen_by=tuple(holders))


def _worse(one: Target, other: Target) -> bool:
    return SICK_FIRST.index(one.state) < SICK_FIRST.index(other.state)


def _target(load_balancer: Object, group: str, values: Object) -> Target:
    metadata = load_balancer["metadata"]
    known = {k: values[k] for k in Target.__dataclass_fields__ if k in values}
    return Target(namespace=metadata.get("namespace", ""), load_balancer=metadata["name"], group=group, **known)


def lines(found: list[Target], now: datetime, *, several: bool, wide: bool) -> tuple[list[str], list[show.Row]]:
    """The table: its columns, and a row a target."""
    named = "POD" if any(target.pod for target in found) or not any(target.node for target in found) else "NODE"
    disagree = any(target.seen_by for target in found)
    columns = ["GROUP", "TARGET", *([named] if any(t.pod or t.node for t in found) else [])]
    columns += ["ZONE", "STATE", "REASON", "SINCE"]
    columns += ["SEEN BY"] if disagree else []
    columns += ["NODE", "WEIGHT", "DESCRIPTION"] if wide else []
    rows: list[show.Row] = []
    for target in found:
        row: list[object] = [target.group, target.endpoint]
        row += [target.pod if named == "POD" else target.node] if named in columns else []
        row += [target.zone, target.state, target.reason, show.age(target.since, now)]
        row += [", ".join(target.seen_by) or "all"] if disagree else []
        row += [target.node, target.weight, target.description] if wide else []
        rows.append([f"{target.namespace}/{target.load_balancer}", *row] if several else row)
    return (["LOAD BALANCER", *columns] if several else columns), rows
