"""`kubectl elb top`: what load balancers do right now, from two readings of their proxies' counters."""

import asyncio
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import click
from elbow_kube.object import Object

from elbow_kubectl import show
from elbow_kubectl.completion import load_balancer_names
from elbow_kubectl.place import Place, everywhere_option, output_option, place_options

if TYPE_CHECKING:
    from elbow_kubectl.cluster import Cluster
    from elbow_kubectl.views import View

Labels = tuple[tuple[str, str], ...]
BY = {
    "load-balancer": ("namespace", "load_balancer"),
    "zone": ("namespace", "load_balancer", "zone"),
    "listener": ("namespace", "load_balancer", "listener"),
    "target-group": ("namespace", "load_balancer", "target_group"),
}
"""What a row is, by the labels it is made of."""
_COUNTED = {
    "requests": "elb_request_count_total",
    "newConnections": "elb_new_connection_count_total",
    "bytes": "elb_processed_bytes_total",
    "elb4xx": "elb_httpcode_elb_4xx_count_total",
    "elb5xx": "elb_httpcode_elb_5xx_count_total",
    "target2xx": "elb_httpcode_target_2xx_count_total",
    "target3xx": "elb_httpcode_target_3xx_count_total",
    "target4xx": "elb_httpcode_target_4xx_count_total",
    "target5xx": "elb_httpcode_target_5xx_count_total",
    "targetRequests": "elb_target_request_count_total",
    "connectionErrors": "elb_target_connection_error_count_total",
    "spillover": "elb_spillover_count_total",
}
"""Counters, shown per second."""
_GAUGES = {"connections": "elb_active_connection_count", "queue": "elb_surge_queue_length"}
_LATENCY = "elb_target_response_time_seconds"
_KEPT = {*_COUNTED.values(), *_GAUGES.values(), f"{_LATENCY}_bucket", f"{_LATENCY}_sum", f"{_LATENCY}_count"}


@dataclass(frozen=True)
class Reading:
    """A proxy's metrics at one moment."""

    at: float
    """Seconds, of any clock that doesn't jump."""
    values: Mapping[str, Mapping[Labels, float]] = field(default_factory=dict)
    """By name and labels."""


def reading(text: str, at: float) -> Reading:
    """The metrics page of a proxy."""
    from prometheus_client.parser import text_string_to_metric_families

    values: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in _KEPT:
                values.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return Reading(at, values)


@click.command("top")
@click.argument("names", nargs=-1, shell_complete=load_balancer_names)
@click.option("--by", type=click.Choice(list(BY)), default="load-balancer", show_default=True, help="What a row is.")
@click.option(
    "--interval", type=click.FloatRange(0.5, 60), default=2.0, show_default=True, help="Seconds between two readings."
)
@click.option("--once", is_flag=True, help="Print one difference, and end.")
@everywhere_option
@place_options
@output_option
def command(names: tuple[str, ...], by: str, interval: float, once: bool, place: Place, output: str | None) -> None:
    """Show live rates: requests, connections, bytes, codes, latency, queue.

    Rates are per second over the interval; latency is the time targets take to their first byte.

    \b
    Examples:
      kubectl elb top
      kubectl elb top web --by target-group
      kubectl elb top -A --once -o json
    """
    place.run(lambda cluster: _follow(cluster, names, by, interval, once=once, output=output))


async def _follow(
    cluster: "Cluster", names: tuple[str, ...], by: str, interval: float, *, once: bool, output: str | None
) -> None:
    before = await read(cluster, names)
    if not before:
        raise click.ClickException("no proxy runs; `kubectl elb list` shows the load balancers there are")
    with _Screen(output, once=once) as screen:
        while True:
            await asyncio.sleep(interval)
            after = await read(cluster, names)
            screen.show(by, rates(before, after, by))
            if once:
                return
            before = after


async def read(cluster: "Cluster", names: Iterable[str]) -> dict[str, Reading]:
    """The readings of all proxies that answer, by namespace and pod."""
    from elbow_kubectl.views import silent, views

    found = await asyncio.gather(*(views(cluster, lb, "metrics") for lb in await cluster.load_balancers(names)))
    answers: list[View] = [one for some in found for one in some]
    if why := silent(answers):
        raise click.ClickException(why)
    now = time.monotonic()
    return {f"{one.pod['metadata']['namespace']}/{one.name}": reading(one.page, now) for one in answers if one.page}


class _Screen:
    """Where rates go: a live table on a terminal, else table after table, or a document each for programs."""

    def __init__(self, output: str | None, *, once: bool) -> None:
        self.output = output
        self.once = once
        self._live: Any = None

    def __enter__(self) -> Self:
        if sys.stdout.isatty() and not self.once and self.output in (None, "wide"):
            from rich.live import Live

            self._live = Live(auto_refresh=False)
            self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.__exit__(*error)

    def show(self, by: str, rows: list[Object]) -> None:
        if self.output in ("json", "yaml"):
            show.document(rows, self.output)
            return
        columns, cells = lines(by, rows, wide=self.output == "wide")
        if self._live is not None:
            self._live.update(show.coloured(columns, cells), refresh=True)
        else:
            show.table(columns, cells, none="nothing is measured yet")


def rates(before: Mapping[str, Reading], after: Mapping[str, Reading], by: str) -> list[Object]:
    """What happened between two readings of the same proxies, summed up; a proxy that is new counts from the next on."""
    keys = BY[by]
    rows: dict[tuple[str, ...], Object] = {}
    buckets: dict[tuple[str, ...], dict[float, float]] = {}
    for proxy, now in after.items():
        for column, key, value in _gauges(now, keys):
            row = rows.setdefault(key, _row(keys, key))
            row[column] = (row[column] or 0) + value
        if (then := before.get(proxy)) is None:
            continue
        for column, key, rate in _counted(then, now, keys):
            row = rows.setdefault(key, _row(keys, key))
            row[column] = (row[column] or 0.0) + rate
        for limit, key, number in _answered(then, now, keys):
            found = buckets.setdefault(key, {})
            found[limit] = found.get(limit, 0.0) + number
    for key, found in buckets.items():
        rows[key] |= {"p50": quantile(found, 0.5), "p99": quantile(found, 0.99)}
    return [_rounded(rows[key]) for key in sorted(rows)]


Key = tuple[str, ...]


def _gauges(now: Reading, keys: Key) -> Iterator[tuple[str, Key, int]]:
    for column, name in _GAUGES.items():
        for labels, value in now.values.get(name, {}).items():
            if (key := _key(labels, keys)) is not None:
                yield column, key, int(value)


def _counted(then: Reading, now: Reading, keys: Key) -> Iterator[tuple[str, Key, float]]:
    """What counters counted in a second."""
    span = max(now.at - then.at, 0.001)
    for column, name in _COUNTED.items():
        for labels, value in now.values.get(name, {}).items():
            if (key := _key(labels, keys)) is not None:
                yield column, key, _grown(then, name, labels, value) / span


def _answered(then: Reading, now: Reading, keys: Key) -> Iterator[tuple[float, Key, float]]:
    """How many answers took at most so long."""
    name = f"{_LATENCY}_bucket"
    for labels, value in now.values.get(name, {}).items():
        if (key := _key(labels, keys)) is not None:
            yield float(dict(labels)["le"]), key, _grown(then, name, labels, value)


def _key(labels: Labels, keys: tuple[str, ...]) -> tuple[str, ...] | None:
    known = dict(labels)
    return tuple(known[key] for key in keys) if all(key in known for key in keys) else None


_NAMES = {"load_balancer": "loadBalancer", "target_group": "targetGroup"}


def _row(keys: tuple[str, ...], key: tuple[str, ...]) -> Object:
    named = {_NAMES.get(name, name): value for name, value in zip(keys, key, strict=True)}
    return named | dict.fromkeys((*_GAUGES, *_COUNTED, "p50", "p99"))


def _grown(then: Reading, name: str, labels: Labels, value: float) -> float:
    """What a counter counted; one that fell back began anew."""
    old = then.values.get(name, {}).get(labels, 0.0)
    return value - old if value >= old else value


def quantile(buckets: Mapping[float, float], share: float) -> float | None:
    """A quantile of a histogram in seconds, linear within a bucket, as Prometheus has it; none where nothing was counted."""
    limits = sorted(buckets)
    total = buckets[limits[-1]] if limits else 0.0
    if total <= 0:
        return None
    wanted, low, below = share * total, 0.0, 0.0
    for limit in limits:
        if buckets[limit] >= wanted:
            if limit == float("inf"):
                return low
            inside = buckets[limit] - below
            return low + (limit - low) * ((wanted - below) / inside if inside else 1.0)
        low, below = limit, buckets[limit]
    return low


def _rounded(row: Object) -> Object:
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}


def lines(by: str, rows: list[Object], *, wide: bool) -> tuple[list[str], list[show.Row]]:
    """The table: its columns, and a row for each of what is asked for."""
    group = by == "target-group"
    extra = {"zone": "ZONE", "listener": "LISTENER", "targetGroup": "GROUP"}
    named = [key for key in extra if rows and key in rows[0]]
    columns = ["LOAD BALANCER", *(extra[key] for key in named), "REQ/S"]
    columns += [] if group else ["CONNS", "NEW/S", "BYTES/S"]
    columns += [] if by == "listener" else ["P50", "P99", "2XX/S", "3XX/S", "4XX/S", "5XX/S"]
    columns += [] if group else ["ELB 4XX/S", "ELB 5XX/S"]
    columns += [] if by == "listener" else ["QUEUE"]
    columns += ["SPILL/S", "CONN ERR/S"] if wide and by != "listener" else []
    return columns, [_cells(row, by, named, wide=wide) for row in rows]


def _cells(row: Object, by: str, named: list[str], *, wide: bool) -> list[object]:
    group = by == "target-group"
    cells: list[object] = [f"{row['namespace']}/{row['loadBalancer']}", *(row[key] for key in named)]
    cells += [_rate(row["targetRequests"] if group else _requests(row))]
    cells += [] if group else [row["connections"], _rate(row["newConnections"]), _size(row["bytes"])]
    if by != "listener":
        cells += [_time(row["p50"]), _time(row["p99"])]
        cells += [_rate(row[f"target{code}xx"]) for code in (2, 3, 4, 5)]
    cells += [] if group else [_rate(row["elb4xx"]), _rate(row["elb5xx"])]
    cells += [] if by == "listener" else [row["queue"]]
    cells += [_rate(row["spillover"]), _rate(row["connectionErrors"])] if wide and by != "listener" else []
    return cells


def _requests(row: Object) -> float | None:
    """Requests; connections where no listener speaks HTTP."""
    value: float | None = row["requests"] if row["requests"] is not None else row["newConnections"]
    return value


def _rate(value: float | None) -> str | None:
    if value is None:
        return None
    return f"{value:.0f}" if value >= 100 or value == 0 else f"{value:.1f}"


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return f"{seconds * 1000:.0f}ms" if seconds < 10 else f"{seconds:.0f}s"


def _size(value: float | None) -> str | None:
    if value is None:
        return None
    for unit in ("", "K", "M"):
        if value < 1000:
            return f"{value:.0f}{unit}" if value >= 10 or not unit else f"{value:.1f}{unit}"
        value /= 1000
    return f"{value:.1f}G"
