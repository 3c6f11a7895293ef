"""`kubectl elb drain` and `undrain`: targets taken out by hand (ELB: DeregisterTargets and RegisterTargets)."""

import asyncio
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
from elbow_kube.object import Object

from elbow_kubectl import show
from elbow_kubectl.completion import load_balancer_names
from elbow_kubectl.place import Place, output_option, place_options
from elbow_kubectl.targets import Target, fetch

if TYPE_CHECKING:
    from elbow_kubectl.cluster import Cluster

Entry = dict[str, Any]
_FIELD = "deregisteredTargets"
_LOOK = 1.0
"""Seconds between two looks of --wait."""


@dataclass(frozen=True)
class Named:
    """What a user called a target."""

    text: str
    pod: str | None = None
    node: str | None = None
    ip: str | None = None
    port: int | None = None

    def means(self, target: Target) -> bool:
        """Whether it is that target."""
        if self.ip is not None:
            return target.address == self.ip and self.port in (None, target.port)
        return (self.pod is not None and target.pod == self.pod) or (self.node is not None and target.node == self.node)


def parse(text: str) -> Named:
    """`pod/NAME`, `node/NAME`, `NAME` (a pod), `IP`, `IP:PORT` or `[IP]:PORT`."""
    kind, slash, name = text.partition("/")
    if slash and kind in ("pod", "po", "pods", "node", "no", "nodes") and name:
        return Named(text, node=name) if kind.startswith("no") else Named(text, pod=name)
    host, colon, port = text.rpartition(":")
    if not colon or (text.count(":") > 1 and not host.startswith("[")):
        host, port = text, ""
    try:
        ip = str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return Named(text, pod=text)
    if port and not (port.isdecimal() and 0 < int(port) < 65536):
        raise click.ClickException(f"{text}: {port} is no port; write IP:PORT")
    return Named(text, ip=ip, port=int(port) if port else None)


def entries(named: Iterable[Named], targets: list[Target], group: str | None, reason: str) -> list[Entry]:
    """What to write for them; raises ClickException for one that is no target.

    A pod is written by its name, for its address may be another pod's tomorrow.
    """
    found: list[Entry] = []
    for one in named:
        meant = [t for t in targets if one.means(t) and group in (None, t.group)]
        if not meant:
            where = f"of target group {group}" if group else "of this load balancer"
            raise click.ClickException(f"{one.text} is no target {where}; `kubectl elb targets` shows those there are")
        for target in meant:
            entry: Entry = {"targetGroup": target.group}
            if one.node:
                entry["node"] = one.node
            elif target.pod:
                entry["pod"] = target.pod
            elif one.ip is None and target.node:
                entry["node"] = target.node
            else:
                entry |= {"ip": target.address, "port": target.port}
            if reason:
                entry["reason"] = reason
            if identity(entry) not in map(identity, found):
                found.append(entry)
    return found


def identity(entry: Entry) -> tuple[Any, ...]:
    """What makes two entries the same."""
    return tuple(entry.get(key) for key in ("targetGroup", "pod", "node", "ip", "port"))


def with_entries(spec: Object, new: Iterable[Entry], pods: Iterable[str]) -> list[Entry]:
    """The list with some more; entries of pods that are gone are dropped."""
    new, there = list(new), set(pods)
    replaced = {identity(entry) for entry in new}
    kept = [
        entry
        for entry in spec.get(_FIELD) or []
        if identity(entry) not in replaced and ("pod" not in entry or entry["pod"] in there)
    ]
    return kept + new


def without(spec: Object, named: Iterable[Named], targets: list[Target], group: str | None) -> list[Entry] | None:
    """The list without some; none where nothing is left. Raises ClickException for one that isn't in it."""
    left: list[Entry] = spec.get(_FIELD) or []
    for one in named:
        gone = [e for e in left if group in (None, e["targetGroup"]) and _is_meant(e, one, targets)]
        if not gone:
            listed = ", ".join(map(words, left)) or "none"
            raise click.ClickException(f"{one.text} isn't taken out by hand; taken out: {listed}")
        left = [entry for entry in left if entry not in gone]
    return left or None


def _is_meant(entry: Entry, one: Named, targets: list[Target]) -> bool:
    if one.node is not None:
        return entry.get("node") == one.node
    if one.pod is not None and entry.get("pod") == one.pod:
        return True
    if one.ip is not None and entry.get("ip") == one.ip and one.port in (None, entry.get("port")):
        return True
    return "pod" in entry and any(one.means(t) and t.pod == entry["pod"] for t in targets)


def words(entry: Entry) -> str:
    """An entry as its user would name it."""
    if "pod" in entry:
        return f"pod/{entry['pod']}"
    if "node" in entry:
        return f"node/{entry['node']}"
    host = f"[{entry['ip']}]" if ":" in entry["ip"] else entry["ip"]
    return f"{host}:{entry['port']}" if "port" in entry else str(entry["ip"])


@click.command("drain")
@click.argument("name", shell_complete=load_balancer_names)
@click.argument("targets", nargs=-1, required=True)
@click.option("--group", help="Out of this target group only; by default out of all it is in.")
@click.option("--reason", default="", help="For people who wonder.")
@click.option("--wait", is_flag=True, help="Return once it has drained.")
@place_options
@output_option
def drain(
    name: str, targets: tuple[str, ...], group: str | None, reason: str, wait: bool, place: Place, output: str | None
) -> None:
    """Take targets out of the load balancer NAME: nothing new for them, what they serve ends within the delay.

    A target is a pod, IP, IP:PORT or node/NAME (every target on the node). It stays out until `undrain`, whatever
    else is applied: the list is spec.deregisteredTargets.

    \b
    Examples:
      kubectl elb drain web web-6d5f-x2x --wait
      kubectl elb drain web node/a1 --reason "new disk"
      kubectl elb drain web 10.0.0.11:8080
    """
    named = [parse(text) for text in targets]
    changed, new, notes = place.run(lambda cluster: _drain(cluster, name, named, group, reason, wait=wait))
    for note in notes:
        click.echo(note, err=True)
    _print(changed, output, new, "drained" if wait else "drains")


@click.command("undrain")
@click.argument("name", shell_complete=load_balancer_names)
@click.argument("targets", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every target that was taken out.")
@click.option("--group", help="Back into this target group only.")
@place_options
@output_option
def undrain(
    name: str, targets: tuple[str, ...], every: bool, group: str | None, place: Place, output: str | None
) -> None:
    """Bring targets back that were taken out of the load balancer NAME; their checks begin anew.

    \b
    Examples:
      kubectl elb undrain web web-6d5f-x2x
      kubectl elb undrain web --all
    """
    if bool(targets) == every:
        raise click.UsageError("name targets, or say --all")
    named = [parse(text) for text in targets]
    changed, gone = place.run(lambda cluster: _undrain(cluster, name, named, group))
    _print(changed, output, gone, "is back")


async def _drain(
    cluster: "Cluster", name: str, named: list[Named], group: str | None, reason: str, *, wait: bool
) -> tuple[Object, list[Entry], list[str]]:
    from elbow_kubectl.patch import change

    found, notes = await fetch(cluster, [name])
    new = entries(named, found, group, reason)
    pods = [pod["metadata"]["name"] for pod in await cluster.objects("/api/v1", "pods")]
    changed = await change(cluster, name, _FIELD, lambda lb: with_entries(lb["spec"], new, pods))
    notes += emptied(found, new)
    while wait and any(target.state != "unused" for target in taken(await _targets(cluster, name), new)):  # noqa: ASYNC110
        await asyncio.sleep(_LOOK)  # what ends this happens in the cluster
    return changed, new, notes


async def _targets(cluster: "Cluster", name: str) -> list[Target]:
    return (await fetch(cluster, [name]))[0]


async def _undrain(cluster: "Cluster", name: str, named: list[Named], group: str | None) -> tuple[Object, list[Entry]]:
    from elbow_kubectl.patch import change

    targets = await _targets(cluster, name) if named else []
    gone: list[Entry] = []

    def left(load_balancer: Object) -> list[Entry] | None:
        before = load_balancer["spec"].get(_FIELD) or []
        if named:
            after = without(load_balancer["spec"], named, targets, group)
        else:
            after = [entry for entry in before if group not in (None, entry["targetGroup"])] or None
        gone[:] = [entry for entry in before if entry not in (after or [])]
        return after

    return await change(cluster, name, _FIELD, left), gone


def taken(targets: Iterable[Target], out: Iterable[Entry]) -> list[Target]:
    """The targets that entries name."""
    out = list(out)
    return [t for t in targets if any(e["targetGroup"] == t.group and _names(e, t) for e in out)]


def _names(entry: Entry, target: Target) -> bool:
    if "pod" in entry:
        return bool(entry["pod"] == target.pod)
    if "node" in entry:
        return bool(entry["node"] == target.node)
    return bool(entry["ip"] == target.address and entry.get("port", target.port) == target.port)


def emptied(targets: list[Target], out: list[Entry]) -> list[str]:
    """A warning for each group without a healthy target left."""
    gone = {target.key for target in taken(targets, out)}
    notes = []
    for group in sorted({entry["targetGroup"] for entry in out}):
        healthy = {t.key for t in targets if t.group == group and t.state in ("healthy", "unavailable")}
        if healthy and healthy <= gone:
            notes.append(f"warning: target group {group} has no healthy target left")
    return notes


def _print(load_balancer: Object, output: str | None, some: list[Entry], said: str) -> None:
    metadata = load_balancer["metadata"]
    if output in ("json", "yaml"):
        show.document(
            {
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "changed": some,
                _FIELD: load_balancer["spec"].get(_FIELD) or [],
            },
            output,
        )
        return
    delays = {g["name"]: g.get("deregistrationDelay", "300s") for g in load_balancer["spec"]["targetGroups"]}
    for entry in some:
        group = entry["targetGroup"]
        left = f" for {delays.get(group, '300s')}" if said == "drains" else ""
        click.echo(f"{metadata['name']}: {words(entry)} of target group {group} {said}{left}")
    if not some:
        click.echo(f"{metadata['name']}: nothing was taken out by hand")
