"""`kubectl elb prewarm`: capacity set aside ahead of traffic, as ELB's pre-warming form asks for it (ELB section 7.2)."""

import asyncio
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from elbow_api.timestamp import timestamp
from elbow_kube.object import Object

from elbow_kubectl import show
from elbow_kubectl.completion import load_balancer_names
from elbow_kubectl.place import Place, everywhere_option, output_option, place_options
from elbow_kubectl.reservation import (
    COLUMNS,
    Meaning,
    cells,
    checked,
    meaning,
    moment,
    note,
    rows,
    with_reservation,
    without_reservations,
    zones_of,
)

if TYPE_CHECKING:
    from elbow_kubectl.cluster import Cluster

_LOOK = 2.0
"""Seconds between two readings of the rate there is."""
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(k|K|M|G)?B?")
_SCALE = {None: 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9}
_WHOLE = click.IntRange(min=1)


def _size(_: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    if (found := _SIZE.fullmatch(value)) is None:
        raise click.BadParameter(f"{value!r} is no size; write bytes, like 800, 20k or 1.5M", param=parameter)
    return int(float(found[1]) * _SCALE[found[2]])


@click.command("prewarm")
@click.argument("name", required=False, shell_complete=load_balancer_names)
@click.option("--start", metavar="TIME", help="When the traffic begins: 2026-01-31T18:00:00Z, +2h or now.")
@click.option("--end", metavar="TIME", help="When it is over: a time, or +3h after the start.")
@click.option("--rps", type=_WHOLE, metavar="N", help="The most requests a second expected.")
@click.option("--delta", metavar="N|N%", help="In place of --rps: how many more than now, measured.")
@click.option(
    "--connections", type=_WHOLE, metavar="N", help="New connections a second; by default a tenth of the requests."
)
@click.option("--request-bytes", callback=_size, metavar="SIZE", help="Average size of a request, such as 800 or 2k.")
@click.option("--response-bytes", callback=_size, metavar="SIZE", help="Average size of a response, such as 20k.")
@click.option(
    "--tls", type=click.IntRange(0, 100), metavar="PERCENT", help="Share of TLS; by default as listeners have it."
)
@click.option("--increase", type=_WHOLE, metavar="N", help="Requests a second gained each minute.")
@click.option("--keep-alive/--no-keep-alive", default=None, help="Whether targets keep connections open.")
@click.option("--zones", type=click.IntRange(1, 16), metavar="N", help="Zones it is to be served from.")
@click.option("--targets-scaled/--no-targets-scaled", default=None, help="Whether targets are scaled for it.")
@click.option("--note", "text", default="", help="What it is for.")
@click.option("--as", "called", metavar="RESERVATION", help="The reservation's name; by default made from its start.")
@click.option("--cancel", metavar="RESERVATION", multiple=True, help="Take a reservation back.")
@click.option("--dry-run", is_flag=True, help="Show what it would mean, and change nothing.")
@everywhere_option
@place_options
@output_option
def command(
    name: str | None, place: Place, output: str | None, cancel: tuple[str, ...], dry_run: bool, **form: Any
) -> None:  # fmt: skip
    """Set capacity aside for the load balancer NAME, from a start to an end; without a start, list what is set aside.

    Its proxies are started 15 minutes ahead. A reservation of the same name is replaced.

    \b
    Examples:
      kubectl elb prewarm web --start 2026-01-31T18:00:00Z --end +3h --rps 10000 --response-bytes 20k
      kubectl elb prewarm web --start +1h --end +3h --delta 300% --dry-run
      kubectl elb prewarm                    what is set aside, and whether it is there
      kubectl elb prewarm web --cancel launch
    """
    asked = any(value not in (None, "") for value in form.values())
    if not asked and not cancel:
        _list(place, name, output)
        return
    if name is None:
        raise click.UsageError("name the load balancer")
    if asked and cancel:
        raise click.UsageError("either make a reservation or --cancel one")
    if cancel:
        changed = place.run(lambda cluster: _cancel(cluster, name, cancel, dry_run=dry_run))
        _print_cancelled(changed, output, cancel)
        return
    _required(form)
    made = place.run(lambda cluster: _reserve(cluster, name, form, dry_run=dry_run))
    _print_made(*made, output, dry_run=dry_run)


def _required(form: Object) -> None:
    missing = [f"--{key}" for key in ("start", "end") if form[key] is None]
    if form["rps"] is None and form["delta"] is None and form["connections"] is None:
        missing.append("--rps, --delta or --connections")
    if missing:
        raise click.UsageError(f"a reservation needs {', '.join(missing)}")
    if form["rps"] is not None and form["delta"] is not None:
        raise click.UsageError("either --rps or --delta")


async def _reserve(
    cluster: "Cluster", name: str, form: Object, *, dry_run: bool
) -> tuple[Object, Object, Meaning, list[str]]:
    from elbow_kubectl.patch import change

    found, now = await cluster.load_balancer(name), datetime.now(UTC)
    requests = form["rps"] if form["delta"] is None else await _more_than_now(cluster, name, form["delta"])
    reservation = _reservation(form, requests, now)
    zones = zones_of(found)
    if form["zones"] is not None and zones and form["zones"] > len(zones):
        raise click.ClickException(
            f"{name} has {len(zones)} zones ({', '.join(zones)}), not {form['zones']}; "
            "give it more by spec.zones, and nodes in them"
        )
    capacity = with_reservation(found["spec"], reservation, now)
    meant = meaning(checked(found, capacity), reservation["name"], len(zones) or form["zones"] or 1)
    if not dry_run:
        found = await change(cluster, name, "capacity", lambda lb: with_reservation(lb["spec"], reservation, now))
    return found, reservation, meant, _warnings(form, found, meant)


def _reservation(form: Object, requests: int | None, now: datetime) -> Object:
    start = max(moment(form["start"], now), moment("now", now))  # what is past can't be reserved
    end = moment(form["end"], start)
    if end <= now:
        raise click.ClickException(f"it would be over already: {timestamp(end)}")
    sizes = [size for size in (form["request_bytes"], form["response_bytes"]) if size is not None]
    answers = [
        f"{form['increase']} requests a second more each minute" if form["increase"] else "",
        {True: "targets keep connections open", False: "targets close connections", None: ""}[form["keep_alive"]],
        f"served from {form['zones']} zones" if form["zones"] else "",
        {True: "targets are scaled", False: "targets are not scaled", None: ""}[form["targets_scaled"]],
    ]
    whole = {
        "name": form["called"] or f"from-{start.astimezone(UTC):%Y%m%d-%H%M%S}",
        "start": timestamp(start),
        "end": timestamp(end),
        "requestsPerSecond": requests,
        "bytesPerRequest": sum(sizes) if sizes else None,
        "connectionsPerSecond": form["connections"],
        "tlsPercent": form["tls"],
        "note": note(form["text"], answers) or None,
    }
    return {key: value for key, value in whole.items() if value is not None}


async def _more_than_now(cluster: "Cluster", name: str, delta: str) -> int:
    """The rate there is, and so many or so many percent more."""
    from elbow_kubectl.rates import rates, read

    if (found := re.fullmatch(r"\+?([0-9]{1,9})(%?)", delta)) is None:
        raise click.ClickException(
            f"--delta: {delta!r} is neither requests a second nor a percentage; write 5000 or 300%"
        )
    before = await read(cluster, [name])
    await asyncio.sleep(_LOOK)
    rows = rates(before, await read(cluster, [name]), "load-balancer")
    if not rows or rows[0]["requests"] is None:
        raise click.ClickException(f"no proxy of {name} tells its rate now; give --rps in place of --delta")
    now = float(rows[0]["requests"])
    return max(1, round(now * (1 + int(found[1]) / 100) if found[2] else now + int(found[1])))


def _warnings(form: Object, load_balancer: Object, meant: Meaning) -> list[str]:
    found = []
    if meant.proxies > meant.most:
        limit = "raise spec.proxy.maxReplicas or " if "maxReplicas" in load_balancer["spec"].get("proxy", {}) else ""
        found.append(f"at most {meant.most} proxies are allowed in a zone: {limit}give each more CPU and memory")
    if form["targets_scaled"] is False:
        found.append("a reservation adds proxies, not targets: scale them before the start")
    if form["keep_alive"] is False:
        found.append(
            "a proxy connects to a target for every request then, which isn't in its figures: let targets keep connections open"
        )
    return found


def _print_made(
    load_balancer: Object,
    reservation: Object,
    meant: Meaning,
    warnings: list[str],
    output: str | None,
    *,
    dry_run: bool,
) -> None:
    metadata = load_balancer["metadata"]
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    if output in ("json", "yaml"):
        show.document(
            {
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "reservation": reservation,
                "proxiesPerZone": meant.proxies,
                "zones": meant.zones,
                "proxiesStart": meant.begins,
                "dryRun": dry_run,
            },
            output,
        )
        return
    verb = "would be reserved" if dry_run else "reserved"
    click.echo(f"{metadata['name']}: {reservation['name']} {verb}, {reservation['start']} to {reservation['end']}")
    lost = ", enough when one zone is lost" if meant.zones > 1 else ""
    if meant.proxies <= meant.replicas:
        click.echo(f"  the {meant.replicas} proxies of each zone are enough as they are{lost}")
        return
    zones = f"each of {meant.zones} zones" if meant.zones > 1 else "its zone"
    click.echo(f"  {meant.proxies} proxies in {zones} instead of {meant.replicas}, from {meant.begins} on{lost}")


async def _cancel(cluster: "Cluster", name: str, names: tuple[str, ...], *, dry_run: bool) -> Object:
    from elbow_kubectl.patch import change

    if dry_run:
        found = await cluster.load_balancer(name)
        without_reservations(found, names)
        return found
    return await change(cluster, name, "capacity", lambda lb: without_reservations(lb, names))


def _print_cancelled(load_balancer: Object, output: str | None, names: tuple[str, ...]) -> None:
    metadata = load_balancer["metadata"]
    if output in ("json", "yaml"):
        show.document(
            {
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "cancelled": list(names),
                "capacity": load_balancer["spec"].get("capacity"),
            },
            output,
        )
        return
    for name in names:
        click.echo(f"{metadata['name']}: {name} is cancelled")


def _list(place: Place, name: str | None, output: str | None) -> None:
    found = place.run(lambda cluster: cluster.load_balancers([name] if name else []))
    listed = [row for load_balancer in found for row in rows(load_balancer)]
    if output in ("json", "yaml"):
        show.document(listed, output)
        return
    wide = output == "wide"
    columns = [*(["NAMESPACE"] if place.everywhere else []), "NAME", *COLUMNS, *(["NOTE"] if wide else [])]
    drawn = [
        [
            *([row["namespace"]] if place.everywhere else []),
            row["loadBalancer"],
            *cells(row),
            *([row.get("note")] if wide else []),
        ]
        for row in listed
    ]
    show.table(
        columns, drawn, none="nothing is set aside; `kubectl elb prewarm NAME --start TIME --end TIME --rps N` does it"
    )
