"""`kubectl elb doctor`: looks for the usual mistakes, and says the cure of each."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from elbow_kubectl import show
from elbow_kubectl.completion import load_balancer_names
from elbow_kubectl.doctor.finding import Finding, Severity, worst_first
from elbow_kubectl.place import Place, everywhere_option, place_options

if TYPE_CHECKING:
    from elbow_kubectl.cluster import Cluster
    from elbow_kubectl.doctor.evidence import Evidence, Surroundings

Diagnosis = tuple[str, list[Finding]]
"""What was looked at, and what was found."""
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


@click.command("doctor")
@click.argument("names", nargs=-1, shell_complete=load_balancer_names)
@everywhere_option
@place_options
@click.option("-o", "--output", type=click.Choice(["json", "yaml"]), help="For programs.")
def command(names: tuple[str, ...], place: Place, output: str | None) -> None:
    """Look for the usual mistakes around load balancers, and say the cure of each.

    Changes nothing. Ends with 1 if something is wrong now (an error), else with 0.

    \b
    Examples:
      kubectl elb doctor                every load balancer of the namespace
      kubectl elb doctor web
      kubectl elb doctor -A -o json | jq '.[].findings[] | select(.severity == "error")'
    """
    found = place.run(lambda cluster: _examine(cluster, names))
    if output:
        show.document([{"about": about, "findings": [one.document for one in every]} for about, every in found], output)
    else:
        for about, every in found:
            _print(about, every)
    if any(one.severity is Severity.ERROR for _, every in found for one in every):
        raise click.exceptions.Exit(1)


async def _examine(cluster: "Cluster", names: Iterable[str]) -> list[Diagnosis]:
    from elbow_kubectl.doctor.evidence import look, look_around

    around, now = await look_around(cluster), datetime.now(UTC)
    found = [("cluster", of_cluster(around))]
    for load_balancer in await cluster.load_balancers(names):
        seen = await look(cluster, load_balancer, around, now)
        found.append((f"{seen.namespace}/{seen.name}", of_load_balancer(seen)))
    return found


def of_cluster(around: "Surroundings") -> list[Finding]:
    """What is wrong with what all load balancers share."""
    from elbow_kubectl.doctor.control import of_nodes, of_operator

    return worst_first([*of_operator(around), *of_nodes(around)])


def of_load_balancer(seen: "Evidence") -> list[Finding]:
    """What is wrong with a load balancer."""
    return worst_first(finding for look in _looks() for finding in look(seen))


def _looks() -> Iterator[Callable[["Evidence"], Iterator[Finding]]]:
    from elbow_kubectl.doctor import control, proxies, resilience, targets

    yield control.of_spec
    yield proxies.of_proxies
    yield proxies.of_exposure
    yield targets.of_listeners
    yield targets.of_target_groups
    yield targets.of_spillover
    yield resilience.of_zones
    yield resilience.of_targets
    yield resilience.of_endings


def _print(about: str, found: list[Finding]) -> None:
    click.echo(click.style(about, bold=True) + ("" if found else ": nothing is wrong"))
    for one in found:
        click.echo(
            f"  {click.style(one.severity.value.upper(), fg=_COLOURS[one.severity])}  {one.about}: {one.problem}"
        )
        click.echo(f"    cure: {one.cure}")
