"""`kubectl elb describe`: everything about a load balancer on one page."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from elbow_kube.object import Object, holds
from elbow_kube.pod import containers

from elbow_kubectl import show
from elbow_kubectl.completion import load_balancer_names
from elbow_kubectl.load_balancers import COUNTED, condition, summary
from elbow_kubectl.place import Place, place_options
from elbow_kubectl.registration import words
from elbow_kubectl.reservation import COLUMNS, cells
from elbow_kubectl.reservation import rows as set_aside
from elbow_kubectl.targets import Target, told
from elbow_kubectl.targets import lines as target_lines

if TYPE_CHECKING:
    from elbow_kubectl.cluster import Cluster
    from elbow_kubectl.views import View

_MOST_TARGETS, _MOST_EVENTS = 20, 10


@click.command("describe")
@click.argument("names", nargs=-1, required=True, shell_complete=load_balancer_names)
@place_options
@click.option("-o", "--output", type=click.Choice(["json", "yaml"]), help="For programs.")
def command(names: tuple[str, ...], place: Place, output: str | None) -> None:
    """Describe load balancers: conditions, addresses, zones, listeners, target groups, proxies, events.

    \b
    Example:
      kubectl elb describe web
    """
    found = place.run(lambda cluster: _fetch(cluster, names))
    if output:
        show.document([page(*one) for one in found], output)
        return
    now = datetime.now(UTC)
    for number, (load_balancer, views, events) in enumerate(found):
        if number:
            click.echo("\n---\n")
        _print(load_balancer, views, events, now)


async def _fetch(cluster: "Cluster", names: tuple[str, ...]) -> list[tuple[Object, list["View"], list[Object]]]:
    from elbow_kubectl.views import views

    return [(lb, await views(cluster, lb), await _events(cluster, lb)) for lb in await cluster.load_balancers(names)]


async def _events(cluster: "Cluster", load_balancer: Object) -> list[Object]:
    from elbow_kube.client import ApiError

    try:
        found = await cluster.objects("/apis/events.k8s.io/v1", "events", namespace=cluster.namespace)
    except ApiError:
        return []  # not everyone may read them
    uid = load_balancer["metadata"]["uid"]
    own = [event for event in found if (event.get("regarding") or {}).get("uid") == uid]
    return sorted(own, key=_last_seen)[-_MOST_EVENTS:]


def _last_seen(event: Object) -> str:
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("eventTime") or event["metadata"].get("creationTimestamp"))


def page(load_balancer: Object, views: list["View"], events: list[Object]) -> Object:
    """A load balancer for programs."""
    spec, status = load_balancer["spec"], load_balancer.get("status") or {}
    return summary(load_balancer) | {
        "generation": load_balancer["metadata"].get("generation"),
        "conditions": status.get("conditions") or [],
        "zones": status.get("zones") or [],
        "zonalShift": spec.get("zonalShift"),
        "capacity": set_aside(load_balancer),
        "deregisteredTargets": spec.get("deregisteredTargets") or [],
        "listeners": [
            listener | {"conditions": _status_of(status, "listeners", listener["name"]).get("conditions") or []}
            for listener in spec.get("listeners") or []
        ],
        "targetGroups": [
            group
            | {
                key: value
                for key, value in _status_of(status, "targetGroups", group["name"]).items()
                if key != "targets"
            }
            for group in spec.get("targetGroups") or []
        ],
        "targets": [target.document for target in told(load_balancer, views)],
        "proxies": [proxy(view) for view in views],
        "events": [
            {
                "type": event.get("type"),
                "reason": event.get("reason"),
                "note": event.get("note"),
                "count": _count(event),
                "time": _last_seen(event),
            }
            for event in events
        ],
    }


def _status_of(status: Object, parts: str, name: str) -> Object:
    """What the status says of a listener or a target group; empty where it says nothing yet."""
    return next((one for one in status.get(parts) or [] if one["name"] == name), {})


def proxy(view: "View") -> Object:
    """A proxy for programs."""
    report = view.report
    return {
        "pod": view.name,
        "zone": view.zone,
        "node": view.pod.get("spec", {}).get("nodeName"),
        "ready": holds(view.pod, "Ready"),
        "restarts": sum(container.get("restartCount", 0) for container in containers(view.pod)),
        "generation": report.get("generation"),
        "converged": report.get("converged"),
        "reloads": (report.get("haproxy") or {}).get("reloads") or {},
        "faults": [*(report.get("faults") or []), *([view.fault] if view.fault else [])],
        "started": view.pod.get("status", {}).get("startTime", ""),
    }


def _print(load_balancer: Object, views: list["View"], events: list[Object], now: datetime) -> None:
    for name, value in _head(load_balancer, now):
        click.echo(f"{name + ':':<14}{value}")
    for title, columns, rows in _sections(load_balancer, views, events, now):
        if rows:
            click.echo(f"\n{title}")
            show.table(columns, rows)


def _head(load_balancer: Object, now: datetime) -> Iterator[tuple[str, str]]:
    one, spec = summary(load_balancer), load_balancer["spec"]
    ready = condition(load_balancer, "Ready")
    yield "Name", f"{one['namespace']}/{one['name']}"
    yield "Scheme", one["scheme"]
    yield "DNS name", show.text(one["dnsName"])
    yield "Age", show.age(one["created"], now)
    yield "Ready", " ".join(filter(None, (ready.get("status", "Unknown"), ready.get("reason"), ready.get("message"))))
    yield "Cross-zone", spec.get("crossZone", "enabled")
    if spec.get("allowedSources"):
        yield "Sources", ", ".join(spec["allowedSources"])
    if shift := spec.get("zonalShift"):
        over = "was over" if datetime.fromisoformat(shift["until"]) <= now else "until"
        yield (
            "Zonal shift",
            " ".join(filter(None, (f"away from {shift['awayFrom']}", over, shift["until"], _why(shift)))),
        )
    for entry in spec.get("deregisteredTargets") or []:
        yield "Taken out", " ".join(filter(None, (f"{words(entry)} of {entry['targetGroup']}", _why(entry))))


def _why(of: Object) -> str:
    return f"({of['reason']})" if of.get("reason") else ""


Section = tuple[str, list[str], list[show.Row]]


def _sections(load_balancer: Object, views: list["View"], events: list[Object], now: datetime) -> Iterator[Section]:
    spec, status = load_balancer["spec"], load_balancer.get("status") or {}
    yield "Conditions", ["TYPE", "STATUS", "REASON", "SINCE", "MESSAGE"], [*_conditions(status, now)]
    yield "Zones", ["ZONE", "STATE", "REASON", "READY", "CONVERGED", "ADDRESSES"], [*_zones(status)]
    yield "Set aside", COLUMNS, [cells(row) for row in set_aside(load_balancer)]
    listeners: list[show.Row] = [
        [li["name"], li["protocol"], str(li["port"]), li["targetGroup"], *_resolved(status, li["name"])]
        for li in spec.get("listeners") or []
    ]
    yield "Listeners", ["LISTENER", "PROTOCOL", "PORT", "TARGET GROUP", "RESOLVED", "MESSAGE"], listeners
    columns = ["GROUP", "PROTOCOL", "TARGETS FROM", "HEALTH CHECK", *map(str.upper, COUNTED)]
    yield "Target groups", columns, [_group_row(group, status) for group in spec.get("targetGroups") or []]
    yield _targets_section(load_balancer["metadata"]["name"], told(load_balancer, views), now)
    columns = ["POD", "ZONE", "NODE", "READY", "RESTARTS", "GENERATION", "CONVERGED", "AGE", "FAULTS"]
    yield "Proxies", columns, [_proxy_row(proxy(view), now) for view in views]
    yield "Events", ["LAST SEEN", "TYPE", "REASON", "COUNT", "NOTE"], [_event_row(event, now) for event in events]


def _conditions(status: Object, now: datetime) -> Iterator[show.Row]:
    for one in status.get("conditions") or []:
        since = show.age(one.get("lastTransitionTime"), now)
        yield [one["type"], one["status"], one["reason"], since, one.get("message")]


def _targets_section(name: str, targets: list[Target], now: datetime) -> Section:
    """The targets that aren't healthy; some of all where there are none."""
    sick = [target for target in targets if target.state != "healthy"][:_MOST_TARGETS]
    shown = sick or targets[:_MOST_TARGETS]
    more = len(targets) - len(shown)
    title = "Targets that aren't healthy" if sick else "Targets"
    title += f" ({more} more; see `kubectl elb targets {name}`)" if more else ""
    return title, *target_lines(shown, now, several=False, wide=False)


def _zones(status: Object) -> Iterator[show.Row]:
    for zone in status.get("zones") or []:
        addresses = [a["value"] for a in status.get("addresses") or [] if a["zone"] == zone["name"]]
        proxies = zone.get("proxies") or {}
        ready = f"{proxies.get('ready', 0)}/{proxies.get('desired', 0)}"
        yield (
            zone["name"],
            zone["state"],
            zone.get("reason"),
            ready,
            proxies.get("converged", 0),
            ", ".join(addresses),
        )


def _resolved(status: Object, listener: str) -> list[object]:
    for one in _status_of(status, "listeners", listener).get("conditions") or []:
        if one["type"] == "ResolvedRefs":
            return [one["status"], one.get("message")]
    return [None, None]


def source(group: Object) -> str:
    """Where a group's targets come from, in a word or two."""
    targets = group.get("targets") or {}
    if service := targets.get("service"):
        return f"Service {service['name']}:{service['port']}"
    if nodes := targets.get("nodes"):
        return f"nodes:{nodes['port']}"
    return f"{len(targets.get('addresses') or [])} addresses"


def check(group: Object) -> str:
    """A group's health check, in a word or two."""
    asked = group.get("healthCheck") or {}
    if asked.get("enabled") is False:
        return "off"
    protocol = asked.get("protocol") or group["protocol"]
    port = asked.get("port", "traffic-port")
    where = "" if port == "traffic-port" else f":{port}"
    path = asked.get("path", "/") if protocol in ("HTTP", "HTTPS") else ""
    return f"{protocol}{where}{path} every {asked.get('interval', '30s')}"


def _group_row(group: Object, status: Object) -> show.Row:
    said = _status_of(status, "targetGroups", group["name"])
    return [group["name"], group["protocol"], source(group), check(group), *(said.get(state, 0) for state in COUNTED)]


def _count(event: Object) -> int:
    return int((event.get("series") or {}).get("count", 1))


def _event_row(event: Object, now: datetime) -> show.Row:
    seen = show.age(_last_seen(event), now)
    return [seen, event.get("type"), event.get("reason"), _count(event), event.get("note")]


def _proxy_row(one: Object, now: datetime) -> show.Row:
    return [
        one["pod"],
        one["zone"],
        one["node"],
        str(one["ready"]),
        one["restarts"],
        one["generation"],
        None if one["converged"] is None else ("yes" if one["converged"] else "no"),
        show.age(one["started"], now),
        "; ".join(one["faults"]),
    ]
