"""`kubectl elb logs`: the access logs of all proxies of a load balancer as one, in the order of time."""

import asyncio
import heapq
import itertools
import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import click
from elbow_kube.object import Object

from elbow_kubectl.completion import load_balancer_names
from elbow_kubectl.log_line import LogLine, parse
from elbow_kubectl.place import Place, place_options

if TYPE_CHECKING:
    from elbow_kubectl.cluster import Cluster

_CONTAINER = "haproxy"
_HOLD = 1.0
"""Seconds a line is held back while following, for an older one of another proxy may be on its way."""
_LIST = 3.0
"""Seconds between two looks for proxies that are new."""
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z (.*)", re.DOTALL)
_STATUS = re.compile(r"[1-5](xx|[0-9]{2})|-", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Line:
    """A line of a proxy's log."""

    stamp: str
    """When the kubelet got it, in a form that sorts."""
    number: int
    """Lines of one moment stay in order."""
    proxy: str
    zone: str
    text: str


@dataclass(frozen=True)
class Filter:
    """Which lines are wanted."""

    status: tuple[str, ...] = ()
    target_status: tuple[str, ...] = ()
    path: str | None = None
    targets: frozenset[str] | None = None
    """Addresses, with or without ports."""

    def takes(self, line: LogLine) -> bool:
        """Whether a line is wanted."""
        if self.status and not _is_one_of(line.code("elb_status_code"), self.status):
            return False
        if self.target_status and not _is_one_of(line.code("target_status_code"), self.target_status):
            return False
        if self.path is not None and not _matches(line.path, self.path):
            return False
        return self.targets is None or bool({line.target, line.target.rpartition(":")[0]} & self.targets)


def _is_one_of(code: int | None, wanted: Iterable[str]) -> bool:
    text = "-" if code is None else str(code)
    return any(text == one or (one.lower().endswith("xx") and text[:1] == one[:1]) for one in wanted)


def _matches(path: str, wanted: str) -> bool:
    """A pattern with * and ? as in ELB's path conditions; without either, the path or what is below it."""
    if "*" in wanted or "?" in wanted:
        return fnmatchcase(path, wanted.replace("[", "[[]"))
    return path == wanted or path.startswith(wanted.rstrip("/") + "/")


def _codes(_: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    codes = tuple(code for value in values for code in value.split(","))
    for code in codes:
        if not _STATUS.fullmatch(code):
            raise click.BadParameter(f"{code!r} is no status; write 502, 5xx, or - for none", param=parameter)
    return codes


@click.command("logs")
@click.argument("name", shell_complete=load_balancer_names)
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@click.option("--since", metavar="TIME", help="Only lines of the last so long, such as 10m; by default all there are.")
@click.option("--tail", type=click.IntRange(0), metavar="N", help="Only the last N lines of each proxy.")
@click.option(
    "--status", multiple=True, callback=_codes, help="The balancer's answer: 502, 5xx, 4xx,503, or - for none."
)
@click.option("--target-status", multiple=True, callback=_codes, help="The target's answer, in the same way.")
@click.option("--zone", help="Only proxies of this zone.")
@click.option("--path", help="The path asked for and what is below it, or a pattern such as '/api/*/items'.")
@click.option("--target", "target", help="What this target answered: IP, IP:PORT, or a pod's name.")
@place_options
@click.option("-o", "--output", type=click.Choice(["json"]), help="Each line as a JSON document, with zone and proxy.")
def command(
    name: str,
    status: tuple[str, ...],
    target_status: tuple[str, ...],
    path: str | None,
    target: str | None,
    place: Place,
    output: str | None,
    **options: Any,
) -> None:
    """Print the access log of the load balancer NAME: all its proxies' lines, in the order of time.

    Needs spec.accessLog. Lines are as the proxies write them, in ELB's or ALB's form; -o json parses them.

    \b
    Examples:
      kubectl elb logs web -f --status 5xx
      kubectl elb logs web --since 10m --path /api --target web-6d5f-x2x
      kubectl elb logs web -o json | jq -r .user_agent | sort | uniq -c
    """
    wanted = Filter(status, target_status, path)
    place.run(lambda cluster: _run(cluster, name, wanted, target, output, **options))


async def _run(
    cluster: "Cluster",
    name: str,
    wanted: Filter,
    target: str | None,
    output: str | None,
    *,
    follow: bool,
    since: str | None,
    tail: int | None,
    zone: str | None,
) -> None:
    load_balancer = await cluster.load_balancer(name)
    if not load_balancer["spec"].get("accessLog"):
        patch = '{"spec":{"accessLog":{"format":"alb"}}}'
        raise click.ClickException(
            f"{name} writes no access log; turn it on: kubectl patch lb {name} --type=merge -p '{patch}'"
        )
    if target is not None:
        wanted = Filter(wanted.status, wanted.target_status, wanted.path, await _addresses(cluster, target))
    logs = _Logs(cluster, load_balancer, zone, _query(since, tail))
    async for line in logs.follow() if follow else logs.until_now():
        if (read := parse(line.text)) is not None and wanted.takes(read):
            click.echo(_shown(line, read, output))


def _query(since: str | None, tail: int | None) -> dict[str, str]:
    from elbow_api.duration import Duration

    query = {"timestamps": "true"}
    if tail is not None:
        query["tailLines"] = str(tail)
    if since is not None:
        try:
            query["sinceSeconds"] = str(max(1, int(Duration.parse(since).seconds)))
        except ValueError:
            raise click.UsageError(f"--since {since}: no duration; write it like 30s, 10m or 2h") from None
    return query


async def _addresses(cluster: "Cluster", target: str) -> frozenset[str]:
    """What a target is called in the log."""
    if re.fullmatch(r"[0-9A-Fa-f.:\[\]]+", target):
        return frozenset({target, f"[{target}]"})
    pod = await cluster.client.get(f"/api/v1/namespaces/{cluster.namespace}/pods/{target.removeprefix('pod/')}")
    found = [one["ip"] for one in pod.get("status", {}).get("podIPs") or []]
    if not found:
        raise click.ClickException(f"pod {target} has no address")
    return frozenset(ip for address in found for ip in (address, f"[{address}]"))


def _shown(line: Line, read: LogLine, output: str | None) -> str:
    if output is None:
        return line.text
    return json.dumps({"zone": line.zone, "proxy": line.proxy, **read.fields}, ensure_ascii=False)


class _Logs:
    """The logs of all proxies of a load balancer."""

    def __init__(self, cluster: "Cluster", load_balancer: Object, zone: str | None, query: dict[str, str]) -> None:
        self._cluster = cluster
        self._load_balancer = load_balancer
        self._zone = zone
        self._query = query
        self._numbers = itertools.count()

    async def until_now(self) -> AsyncIterator[Line]:
        """All there is, in the order of time."""
        found = await asyncio.gather(*(self._whole(pod) for pod in await self._proxies()))
        for line in heapq.merge(*found):
            yield line

    async def follow(self) -> AsyncIterator[Line]:
        """All there is and what comes, each held back a moment so that older ones of other proxies can come first."""
        loop = asyncio.get_running_loop()
        held: list[tuple[Line, float]] = []
        streams: dict[str, asyncio.Task[None]] = {}
        listed = -_LIST
        try:
            while True:
                if loop.time() >= listed + _LIST:
                    listed = loop.time()
                    new = [pod for pod in await self._proxies() if pod["metadata"]["uid"] not in streams]
                    streams |= {pod["metadata"]["uid"]: asyncio.create_task(self._collect(pod, held)) for pod in new}
                now = loop.time()
                while held and now >= held[0][1] + _HOLD:
                    yield heapq.heappop(held)[0]
                await asyncio.sleep(0.1)
        finally:
            for task in streams.values():
                task.cancel()

    async def _proxies(self) -> list[Object]:
        from elbow_kubectl.cluster import zone_of

        return [
            pod
            for pod in await self._cluster.proxies(self._load_balancer)
            if self._zone in (None, zone_of(pod)) and pod.get("status", {}).get("phase") == "Running"
        ]

    async def _whole(self, pod: Object) -> list[Line]:
        return [line async for line in self._lines(pod, self._query)]

    async def _collect(self, pod: Object, held: list[tuple[Line, float]]) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError):  # the proxy is gone, and its log with it
            async for line in self._lines(pod, {**self._query, "follow": "true"}):
                heapq.heappush(held, (line, loop.time()))

    async def _lines(self, pod: Object, query: dict[str, str]) -> AsyncIterator[Line]:
        from elbow_kube.client import ApiError

        from elbow_kubectl.cluster import zone_of

        name, zone = pod["metadata"]["name"], zone_of(pod)
        try:
            async for raw in self._cluster.log(pod, _CONTAINER, **query):
                if (found := _STAMP.fullmatch(raw.decode(errors="replace").rstrip("\r\n"))) is not None:
                    stamp = f"{found[1]}.{found[2] or '':0<9}"
                    yield Line(stamp, next(self._numbers), name, zone, found[3])
        except ApiError as error:
            if error.status not in (400, 404):  # it hasn't started, or is gone
                raise
