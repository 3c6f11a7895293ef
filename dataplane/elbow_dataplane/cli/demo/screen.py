"""The demo's screen, and its lines where there is no terminal."""

import sys
import textwrap
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from elbow_api.target_health import TargetHealth
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from elbow_dataplane.cli.demo.fleet import Fleet
from elbow_dataplane.cli.demo.home import HOST, TARGETS, ZONES, Home
from elbow_dataplane.cli.demo.scene import Event, Scene
from elbow_dataplane.cli.demo.traffic import LISTENERS, Traffic
from elbow_dataplane.cli.table import STATE_STYLES, age

KEYS = (
    ("b", "break a target"),
    ("m", "mend"),
    ("d", "deregister one"),
    ("r", "register"),
    ("z", "cut a zone"),
    ("Z", "bring it back"),
    ("q", "quit"),
)
_ZONE_STYLES = dict(zip(ZONES, ("cyan", "magenta", "blue"), strict=True))
_FEWEST_EVENTS = 3
_HIGH = 28
"""Lines a terminal needs for the gaps."""
_WIDE = 110
"""Columns it needs for addresses."""


class Screen:
    """Draws what is known at the moment."""

    def __init__(self, home: Home, fleet: Fleet, traffic: Traffic, scene: Scene) -> None:
        self.home, self.fleet, self.traffic, self.scene = home, fleet, traffic, scene

    def draw(self, width: int, height: int) -> RenderableType:
        """The whole screen for a terminal of that size; what is least needed is left out where it is low."""
        gap = [(Text(), 1)] if height >= _HIGH else []
        parts: list[tuple[RenderableType, int]] = [
            (self._head(), 1),
            *gap,
            (self._listeners(wide=width >= _WIDE), 1 + len(LISTENERS)),
            *gap,
            (self._targets(wide=width >= _WIDE), 1 + 2 * len(TARGETS)),
            (self._zones(), 1),
            *gap,
        ]
        used = sum(lines for _, lines in parts) + 1
        curl = [Text(line, style="dim") for line in self.curl_lines()]
        if height - used - len(curl) - 1 > _FEWEST_EVENTS:
            parts += [*((line, 1) for line in curl), (Text(), 1)]
            used += len(curl) + 1
        room = max(0, height - used)
        return Group(*(part for part, _ in parts), self._story(width, room), _keys())

    def curl_lines(self) -> list[str]:
        """Commands to try in another terminal."""
        ports, target = self.home.ports, TARGETS[0]
        lines = (
            (f"curl http://{HOST}:{ports.http}/slow?ms=5000", "press d while it waits: it is finished"),
            (f"curl --cacert {self.home.certificate} https://localhost:{ports.https}/", ""),
            (
                f"curl -X POST http://{target.address}:{ports.target_http}/break",
                f"breaks {target.name}; /mend mends it",
            ),
            (f"{sys.argv[0]} targets -o wide", ""),
            (f"$EDITOR {self.home.manifest}", "a change applies when it is saved"),
        )
        width = max(len(command) for command, _ in lines)
        return [f"{command:{width}}  {note and '# '}{note}".rstrip() for command, note in lines]

    def line(self) -> str:
        """How things stand, in one line."""
        listeners = ", ".join(
            f"{name} {self.traffic.served(name)} ({self.traffic.rate(name):.0f}/s, p99 {self._ms(name, 99)} ms)"
            for name in LISTENERS
        )
        healthy = sum(group.healthy for group in self.scene.report.target_groups) if self.scene.report else 0
        return f"{healthy} of {2 * len(TARGETS)} healthy; served: {listeners}; errors: {self.traffic.failures()}"

    def _head(self) -> Text:
        report = self.scene.report
        head = Text(no_wrap=True, overflow="ellipsis")
        head.append("Elbow demo  ", style="bold")
        if report is not None:
            version = report.haproxy.version if report.haproxy else "is not running"
            reloads = sum(report.haproxy.reloads.values()) if report.haproxy else 0
            head.append(f"generation {report.generation}, HAProxy {version}, reloads {reloads}, ", style="dim")
        head.append(f"{age(time.monotonic() - self.traffic.began)}, client errors ", style="dim")
        errors = self.traffic.failures()
        head.append(str(errors), style="bold red" if errors else "bold green")
        return head

    def _listeners(self, *, wide: bool) -> Table:
        group = ["GROUP"] if wide else []
        table = _table("LISTENER", "ADDRESS", *group, ">REQUESTS", ">/S", ">P50 ms", ">P99 ms", "<CODES", ">ERRORS")
        ports = {"http": self.home.ports.http, "https": self.home.ports.https, "tcp": self.home.ports.tcp}
        for name in LISTENERS:
            codes = " ".join(f"{code} {count}" for code, count in sorted(self.traffic.codes[name].items()))
            errors = self.traffic.errors[name].total()
            table.add_row(
                Text(name.upper(), style="bold"),
                f"{HOST}:{ports[name]}",
                *(["echo" if name == "tcp" else "web"] if wide else []),
                str(self.traffic.served(name)),
                f"{self.traffic.rate(name):.0f}",
                self._ms(name, 50),
                self._ms(name, 99),
                Text(codes, no_wrap=True, overflow="ellipsis"),
                Text(str(errors), style="bold red" if errors else ""),
            )
        return table

    def _targets(self, *, wide: bool) -> Table:
        address = ["ADDRESS"] if wide else []
        table = _table("GROUP", "ZONE", "TARGET", *address, "STATE", "<REASON", ">SINCE", ">REQUESTS", ">/S")
        for group, kind, port in (
            ("web", "http", self.home.ports.target_http),
            ("echo", "tcp", self.home.ports.target_tcp),
        ):
            for target in TARGETS:
                state, reason, since = self._health(self.scene.health(group, target))
                mark = " broken" if target in self.fleet.broken else "" if self.fleet.is_up(target) else " cut"
                table.add_row(
                    group,
                    Text(target.zone, style=_ZONE_STYLES[target.zone]),
                    Text.assemble((target.name, "bold"), (mark, "red")),
                    *([f"{target.address}:{port}"] if wide else []),
                    state,
                    reason,
                    since,
                    str(self.fleet.served[target][kind]),
                    f"{self.fleet.rate(target, kind):.0f}",
                )
        return table

    def _health(self, health: TargetHealth | None) -> tuple[Text, Text, str]:
        if health is None:
            return Text("not registered", style="dim"), Text(), ""
        style = STATE_STYLES.get(health.state, "")
        began = datetime.fromisoformat(health.since)
        return (
            Text(health.state, style=style),
            Text(str(health.reason or ""), style=style, no_wrap=True, overflow="ellipsis"),
            age((datetime.now(UTC) - began).total_seconds()),
        )

    def _zones(self) -> Text:
        line = Text("zones: ", style="dim", no_wrap=True, overflow="ellipsis")
        for zone in ZONES:
            targets = [target for target in TARGETS if target.zone == zone]
            states = [state for target in targets for state in self.scene.states_of(target)]
            rate = sum(self.fleet.rate(target, "http", "tcp") for target in targets)
            line.append(f"{zone} ", style=_ZONE_STYLES[zone])
            line.append(f"{sum(s == 'healthy' for s in states)}/{len(states)} healthy, {rate:.0f}/s   ")
        return line

    def _story(self, width: int, room: int) -> Text:
        """The newest events, in exactly so many lines."""
        lines = [line for event in self.scene.events for line in _wrapped(event, width)][-room:] if room else []
        return Text("\n").join([*lines, *(Text() for _ in range(room - len(lines)))])

    def _ms(self, name: str, percent: float) -> str:
        value = self.traffic.percentile(name, percent)
        return "-" if value is None else f"{value:.1f}"


def event_line(event: Event) -> str:
    """An event where there is no terminal."""
    return f"{datetime.fromtimestamp(event.at).astimezone():%H:%M:%S} {event.text}"


def summary(traffic: Traffic) -> Iterator[str]:
    """What the clients met, at the end."""
    for name in LISTENERS:
        p50, p99 = traffic.total_percentile(name, 50), traffic.total_percentile(name, 99)
        latency = f", p50 {p50:.1f} ms, p99 {p99:.1f} ms" if p50 is not None and p99 is not None else ""
        what = "connections" if name == "tcp" else "requests"
        errors = traffic.errors[name].total()
        yield f"{name:5}  {traffic.served(name)} {what} answered{latency}, {errors} errors"
        for why, count in traffic.errors[name].most_common(10):
            yield f"       {count} times: {why}"


def _wrapped(event: Event, width: int) -> Iterator[Text]:
    at = f"{datetime.fromtimestamp(event.at).astimezone():%H:%M:%S} "
    for i, line in enumerate(textwrap.wrap(event.text, max(20, width - len(at)))):
        yield Text.assemble((at if i == 0 else " " * len(at), "dim"), (line, event.style))


def _keys() -> Text:
    keys = Text(no_wrap=True, overflow="ellipsis")
    for key, what in KEYS:
        keys.append(f" {key} ", style="reverse bold")
        keys.append(f" {what}  ")
    return keys


def _table(*columns: str) -> Table:
    """A table; > before a column sets it right, < lets it be cut where there is no room."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column.strip("<>"), justify="right" if column[0] == ">" else "left", no_wrap=column[0] != "<")
    return table
