"""`kubectl elb usage`: what load balancers used, and the bill of it (ELB section 13)."""

import csv
import io
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from elbow_api.timestamp import timestamp
from elbow_kube.object import Object

from elbow_kubectl import show
from elbow_kubectl.place import Place, everywhere_option, place_options

if TYPE_CHECKING:
    from elbow_kubectl.bill import Line
    from elbow_kubectl.prices import Prices

_TIME = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d)(?:T(\d\d)(?::00)*Z?)?)?")
_CENT, _UNIT = Decimal("0.01"), Decimal("0.001")
_HOUR = timedelta(hours=1)


def _time(_: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    found = _TIME.fullmatch(value)
    with suppress(ValueError):
        if found is not None:
            year, month, day, hour = found.groups()
            return datetime(int(year), int(month), int(day or 1), int(hour or 0), tzinfo=UTC)
    said = f"{value!r} is no month, day or hour; write it like 2026-01, 2026-01-31 or 2026-01-31T18 (UTC)"
    raise click.BadParameter(said, param=parameter)


@click.command("usage")
@click.argument("names", nargs=-1)
@click.option("--from", "since", callback=_time, metavar="TIME", help="A month, day or hour; by default this month.")
@click.option("--to", "until", callback=_time, metavar="TIME", help="Up to that and without it; by default until now.")
@click.option(
    "--price-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="What things cost; examples/prices.yaml shows how.",
)
@everywhere_option
@place_options
@click.option("-o", "--output", type=click.Choice(["csv", "json", "yaml"]), help="For programs.")
def command(
    names: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    price_file: Path | None,
    place: Place,
    output: str | None,
) -> None:
    """What the load balancers NAMES, or all, used: hours, requests, bytes, capacity units; with prices, the bill.

    Deleted ones are in it. Each hour in which a load balancer was there counts as a whole one. Times are UTC.

    \b
    Examples:
      kubectl elb usage -A
      kubectl elb usage -A --from 2026-10 --to 2026-11 --price-file prices.yaml
      kubectl elb usage web --from 2026-11-24 -o csv
    """
    from elbow_kubectl.bill import accounts, line
    from elbow_kubectl.prices import prices as read

    now = datetime.now(UTC)
    this = now.replace(minute=0, second=0, microsecond=0)
    since, until = since or this.replace(day=1, hour=0), until or this + _HOUR
    if since >= until:
        raise click.UsageError(f"--from {timestamp(since)} is not before --to {timestamp(until)}")
    prices = read(price_file) if price_file else None
    found, faults = accounts(place.run(_documents))
    for fault in faults:
        click.echo(f"left out: {fault}", err=True)
    wanted = [account for account in found if not names or account.name in names]
    if missing := sorted(set(names) - {account.name for account in wanted}):
        raise click.ClickException(f"no usage of {', '.join(missing)} is kept; without names all there is is shown")
    lines = [line(account, since, until, now) for account in wanted]
    lines = [one for one in lines if one.hours or one.counts.requests or one.counts.new_connections]
    if output == "csv":
        click.echo(_csv(lines, prices), nl=False)
    elif output:
        show.document(_document(lines, since, until, prices), output)
    else:
        show.table(*_table(lines, prices), none="nothing was used in that time; `-A` looks in all namespaces")


async def _documents(cluster: Any) -> list[Object]:
    from elbow_api.ledger import LABEL

    found: list[Object] = await cluster.objects("/api/v1", "configmaps", LABEL)
    return found


def _namespaces(lines: "list[Line]") -> "list[Line]":
    from elbow_kubectl.bill import together

    names = sorted({one.namespace for one in lines})
    return [together([one for one in lines if one.namespace == name], name) for name in names]


def _table(lines: "list[Line]", prices: "Prices | None") -> tuple[list[str], list[show.Row]]:
    """A row for each, for each namespace of several, and for all."""
    from elbow_kubectl.bill import together

    columns = ["NAMESPACE", "NAME", "HOURS", "REQUESTS", "CONNECTIONS", "GB", "LCU HOURS"]
    if prices:
        columns += ["FOR HOURS", "FOR LCUS", "FOR GB", f"TOTAL {prices.currency}"]
    rows: list[show.Row] = []
    spaces = _namespaces(lines)
    for space in spaces:
        of_space = [one for one in lines if one.namespace == space.namespace]
        rows += [_row(one, prices) for one in of_space]
        rows += [_row(space, prices)] if len(of_space) > 1 else []
    return columns, [*rows, *([_row(together(lines), prices)] if len(spaces) > 1 else [])]


def _row(one: "Line", prices: "Prices | None") -> show.Row:
    cells: list[object] = [one.namespace or "(all)", one.name or "(all)", one.hours]
    cells += [one.counts.requests, one.counts.new_connections, _round(one.gigabytes, _UNIT)]
    cells += [_round(one.unit_hours, _UNIT)]
    if prices:
        from elbow_kubectl.bill import cost

        of = cost(one, prices)
        cells += [_round(amount, _CENT) for amount in (of.hours, of.units, of.gigabytes, of.total)]
    return cells


def _entry(one: "Line", prices: "Prices | None") -> Object:
    """A line for programs; numbers with a fraction are text, to the last digit."""
    entry: Object = {"namespace": one.namespace, "name": one.name, "hours": one.hours}
    entry |= {"requests": one.counts.requests, "newConnections": one.counts.new_connections}
    entry |= {"processedBytes": one.counts.processed_bytes, "capacityUnitHours": _exact(one.unit_hours)}
    if prices:
        from elbow_kubectl.bill import cost

        of = cost(one, prices)
        entry |= {"costOfHours": _exact(of.hours), "costOfCapacityUnits": _exact(of.units)}
        entry |= {"costOfGigabytes": _exact(of.gigabytes), "total": _exact(of.total), "currency": prices.currency}
    return entry


def _document(lines: "list[Line]", since: datetime, until: datetime, prices: "Prices | None") -> Object:
    from elbow_kubectl.bill import together

    def unnamed(one: "Line", *names: str) -> Object:
        return {key: value for key, value in _entry(one, prices).items() if key not in names}

    return {
        "from": timestamp(since),
        "to": timestamp(until),
        "loadBalancers": [_entry(one, prices) for one in lines],
        "namespaces": [unnamed(one, "name") for one in _namespaces(lines)],
        "all": unnamed(together(lines), "name", "namespace"),
    }


def _csv(lines: "list[Line]", prices: "Prices | None") -> str:
    from elbow_kubectl.bill import together

    text = io.StringIO()
    writer = csv.DictWriter(text, list(_entry(together([]), prices)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(_entry(one, prices) for one in lines)
    return text.getvalue()


def _round(number: Decimal, to: Decimal) -> str:
    return f"{number.quantize(to, ROUND_HALF_UP):f}"


def _exact(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
