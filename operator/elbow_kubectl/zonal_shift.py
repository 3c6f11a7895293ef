"""`kubectl elb zonal-shift`: clients and requests kept away from a zone for a while (ELB section 14.6)."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click
from elbow_api.timestamp import timestamp
from elbow_kube.object import Object

from elbow_kubectl import show
from elbow_kubectl.completion import load_balancer_names
from elbow_kubectl.place import Place, output_option, place_options

if TYPE_CHECKING:
    from elbow_kubectl.cluster import Cluster

_LEAST, _MOST = timedelta(minutes=1), timedelta(days=3)
"""As Application Recovery Controller has it."""


def _span(_: click.Context, parameter: click.Parameter, value: str) -> timedelta:
    from elbow_api.duration import Duration

    try:
        span = timedelta(milliseconds=Duration.parse(value).milliseconds)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no duration; write it like 30m, 2h or 1d", param=parameter) from None
    if not _LEAST <= span <= _MOST:
        raise click.BadParameter(f"{value} is outside 1m to 3d; a shift can be started anew", param=parameter)
    return span


@click.group("zonal-shift")
def command() -> None:
    """Keep clients away from a zone for a while, or end that.

    A shift ends by itself. While it lasts, the zone's proxies leave the addresses and its targets get no requests.
    """


_ALL = click.option("--all", "every", is_flag=True, help="Every load balancer of the namespace.")


@command.command("start")
@click.argument("zone")
@click.argument("names", nargs=-1, shell_complete=load_balancer_names)
@_ALL
@click.option(
    "--for", "span", required=True, callback=_span, metavar="TIME", help="How long, such as 30m or 2h; 1m to 3d."
)
@click.option("--reason", default="", help="For people who wonder.")
@place_options
@output_option
def start(
    zone: str,
    names: tuple[str, ...],
    every: bool,
    span: timedelta,
    reason: str,
    place: Place,
    output: str | None,
) -> None:
    """Shift the load balancers NAMES away from ZONE; one that is shifted already is shifted anew.

    \b
    Examples:
      kubectl elb zonal-shift start zone-a web --for 1h --reason "power is out"
      kubectl elb zonal-shift start zone-a --all --for 30m
    """
    shift = {
        "awayFrom": zone,
        "until": timestamp(datetime.now(UTC) + span),
        **({"reason": reason} if reason else {}),
    }
    changed = place.run(lambda cluster: _change(cluster, names, every, shift))
    _print(changed, output, f"no clients for {zone} until {shift['until']}")


@command.command("cancel")
@click.argument("names", nargs=-1, shell_complete=load_balancer_names)
@_ALL
@place_options
@output_option
def cancel(names: tuple[str, ...], every: bool, place: Place, output: str | None) -> None:
    """End the zonal shift of the load balancers NAMES.

    \b
    Example:
      kubectl elb zonal-shift cancel web
    """
    changed = place.run(lambda cluster: _change(cluster, names, every, None))
    _print(changed, output, "no zonal shift any more")


async def _change(cluster: "Cluster", names: Iterable[str], every: bool, shift: Object | None) -> list[Object]:
    from elbow_kubectl.patch import change

    wanted = list(names)
    if bool(wanted) == every:
        raise click.UsageError("name load balancers, or say --all for every one of the namespace")
    found = await cluster.load_balancers(wanted)
    for load_balancer in found if shift else []:
        check(load_balancer, str(shift["awayFrom"]) if shift else "")
    return [await change(cluster, lb["metadata"]["name"], "zonalShift", lambda _: shift) for lb in found]


def check(load_balancer: Object, zone: str) -> None:
    """Refuse a shift that can't be meant: from a zone that isn't there, or from the only one that serves."""
    name = load_balancer["metadata"]["name"]
    states = {z["name"]: z["state"] for z in (load_balancer.get("status") or {}).get("zones") or []}
    if zone not in states:
        raise click.ClickException(f"{name} has no zone {zone}; it has {', '.join(states) or 'none yet'}")
    if not any(state == "active" for other, state in states.items() if other != zone):
        raise click.ClickException(
            f"{name} has no other zone that serves: {', '.join(f'{z} is {s}' for z, s in states.items())}; "
            "a shift would leave clients nowhere to go"
        )


def _print(changed: list[Object], output: str | None, said: str) -> None:
    if output in ("json", "yaml"):
        show.document(
            [
                {
                    "namespace": lb["metadata"]["namespace"],
                    "name": lb["metadata"]["name"],
                    "zonalShift": lb["spec"].get("zonalShift"),
                }
                for lb in changed
            ],
            output,
        )
        return
    for load_balancer in changed:
        click.echo(f"{load_balancer['metadata']['name']}: {said}")
