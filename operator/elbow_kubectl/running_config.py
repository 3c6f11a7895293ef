"""`kubectl elb config`: what the proxies run, and how it differs from what is wanted."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
from elbow_api.names import CONFIG_KEY, LOAD_BALANCER
from elbow_kube.object import Object

from elbow_kubectl import show
from elbow_kubectl.completion import load_balancer_names
from elbow_kubectl.load_balancers import condition
from elbow_kubectl.place import Place, place_options

if TYPE_CHECKING:
    from elbow_kubectl.cluster import Cluster
    from elbow_kubectl.views import View


@dataclass(frozen=True)
class Running:
    """A proxy, the HAProxy configuration it runs, and the one it is to run."""

    pod: str
    zone: str
    runs: str
    wanted: str
    report: Object
    fault: str = ""

    @property
    def difference(self) -> list[str]:
        """From what runs to what is wanted."""
        return diff(self.runs, self.wanted, f"{self.pod} runs", "wanted") if self.runs and self.wanted else []


@click.command("config")
@click.argument("name", shell_complete=load_balancer_names)
@click.option("--zone", help="Print the HAProxy configuration of this zone's proxies.")
@click.option("--proxy", help="Print the HAProxy configuration of this proxy (a pod's name).")
@place_options
@click.option("-o", "--output", type=click.Choice(["json", "yaml"]), help="For programs.")
def command(name: str, zone: str | None, proxy: str | None, place: Place, output: str | None) -> None:
    """Show what the proxies of NAME run, and the difference to what is wanted.

    Without --zone and --proxy: which generation each proxy runs, and differences alone. The exit code is 1 if there
    are any, 0 if all proxies run the newest spec.

    \b
    Examples:
      kubectl elb config web
      kubectl elb config web --zone zone-a          HAProxy's configuration
    """
    load_balancer, told, found = place.run(lambda cluster: _fetch(cluster, name))
    if zone or proxy:
        chosen = [one for one in found if zone in (None, one.zone) and proxy in (None, one.pod)]
        if not chosen:
            raise click.ClickException(f"no such proxy; there is {', '.join(one.pod for one in found) or 'none'}")
        _print_files(chosen, output)
        return
    behind = spec_difference(load_balancer, told)
    if output:
        show.document(document(load_balancer, told, found), output)
    else:
        _print(load_balancer, found, behind)
    raise SystemExit(1 if behind or any(one.difference or not one.runs for one in found) else 0)


async def _fetch(cluster: "Cluster", name: str) -> tuple[Object, Object, list[Running]]:
    from elbow_kubectl.views import silent, views

    load_balancer = await cluster.load_balancer(name)
    reports = await views(cluster, load_balancer)
    if why := silent(reports):
        raise click.ClickException(why)
    pages = [await views(cluster, load_balancer, page) for page in ("config", "wanted")]
    by_pod: list[dict[str, View]] = [{one.name: one for one in found} for found in pages]
    found = [
        Running(view.name, view.zone, _text(by_pod[0], view.name), _text(by_pod[1], view.name), view.report, view.fault)
        for view in reports
    ]
    return load_balancer, await _told(cluster, load_balancer), found


def _text(found: dict[str, "View"], name: str) -> str:
    return found[name].page if name in found else ""


async def _told(cluster: "Cluster", load_balancer: Object) -> Object:
    """The ProxyConfig that the operator wrote; empty where there is none."""
    label = f"{LOAD_BALANCER}={load_balancer['metadata']['name']}"
    for found in await cluster.objects("/api/v1", "configmaps", label):
        if text := (found.get("data") or {}).get(CONFIG_KEY):
            told: Object = json.loads(text)
            return told
    return {}


def spec_difference(load_balancer: Object, told: Object) -> list[str]:
    """From the spec proxies were told to run to the newest one, defaults left out of both."""
    if not told:
        return ["no ProxyConfig was written yet: is the operator there? `kubectl elb doctor` says more"]
    running, newest = told["generation"], load_balancer["metadata"].get("generation")
    if running == newest:
        return []
    return diff(
        _yaml(told["spec"]), _yaml(_short(load_balancer)), f"generation {running} runs", f"generation {newest} wanted"
    )


def _short(load_balancer: Object) -> Object:
    """A spec as the ProxyConfig has it; one that can't be read stays as it is."""
    from elbow_api.fault import Refused
    from elbow_api.load_balancer import parse

    try:
        spec = parse(load_balancer).spec
    except Refused:
        raw: Object = load_balancer["spec"]
        return raw
    return spec.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)


def _yaml(value: Any) -> str:
    import yaml

    return str(yaml.safe_dump(value, sort_keys=True, width=120))


def diff(before: str, after: str, name: str, other: str) -> list[str]:
    """A unified diff; empty where nothing differs."""
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), name, other, lineterm=""))


def document(load_balancer: Object, told: Object, found: list[Running]) -> Object:
    """For programs."""
    return {
        "namespace": load_balancer["metadata"]["namespace"],
        "name": load_balancer["metadata"]["name"],
        "generation": load_balancer["metadata"].get("generation"),
        "told": told.get("generation"),
        "specDifference": spec_difference(load_balancer, told),
        "proxies": [
            {
                "pod": one.pod,
                "zone": one.zone,
                "generation": one.report.get("generation"),
                "converged": one.report.get("converged"),
                "faults": [*(one.report.get("faults") or []), *([one.fault] if one.fault else [])],
                "difference": one.difference,
                "config": one.runs,
            }
            for one in found
        ],
    }


def _print_files(chosen: list[Running], output: str | None) -> None:
    if output:
        show.document([{"pod": one.pod, "zone": one.zone, "config": one.runs} for one in chosen], output)
        return
    for one in chosen:
        if len(chosen) > 1:
            click.echo(f"# {one.pod} ({one.zone or 'no zone'})")
        click.echo(one.runs or f"# {one.fault}")


def _print(load_balancer: Object, found: list[Running], behind: list[str]) -> None:
    accepted = condition(load_balancer, "Accepted")
    if accepted.get("status") == "False":
        click.echo(f"refused, the last good spec runs on: {accepted.get('message')}\n")
    columns = ["POD", "ZONE", "GENERATION", "CONVERGED", "DIFFERENCE", "FAULTS"]
    show.table(columns, [_row(one) for one in found], none="no proxy")
    for lines in (behind, *(one.difference for one in found)):
        if lines:
            click.echo()
            for line in coloured(lines):
                click.echo(line)


def _row(one: Running) -> show.Row:
    faults = [*(one.report.get("faults") or []), *([one.fault] if one.fault else [])]
    changed = sum(line[:1] in "+-" and line[:3] not in ("+++", "---") for line in one.difference)
    converged = one.report.get("converged")
    return [
        one.pod,
        one.zone,
        one.report.get("generation"),
        None if converged is None else ("yes" if converged else "no"),
        (f"{changed} lines" if changed else "none") if one.runs else None,
        "; ".join(faults),
    ]


def coloured(lines: list[str]) -> Iterator[str]:
    """A diff's lines as a terminal shows them; click takes the colours away elsewhere."""
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in lines:
        yield click.style(line, fg=colours[line[0]]) if line[:1] in colours else line
