"""One HAProxy, by its sockets: what it runs, and how it is told to change."""

import asyncio
import csv
import re
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from elbow_api.target_group import TargetGroup

from elbow_dataplane.haproxy.certificate import blocks, fingerprints_told
from elbow_dataplane.haproxy.counters import Counts
from elbow_dataplane.haproxy.diff import Place, Running
from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.render import latency, listener_counter
from elbow_dataplane.haproxy.render.process import BUFFER
from elbow_dataplane.haproxy.render.variable import MARK, ask, drain, parse_variables, variables
from elbow_dataplane.haproxy.server_state import ServerState, parse_server_states
from elbow_dataplane.haproxy.socket import Socket, Unreachable
from elbow_dataplane.haproxy.stats import Info, Stats, Workers, parse_info, parse_stats, parse_workers
from elbow_dataplane.model.wanted import Group

_SESSION = re.compile(r"^(0x[0-9a-f]+):", re.MULTILINE)
_UNDER_WAY = re.compile(r"ongoing transaction is about '([^']+)'")
_COMMAND = 100  # bytes of a command that are neither the name of a certificate's file nor what is in it
_PATIENCE = 60.0
"""Seconds a reload may take."""


class RefusedByHAProxy(Exception):
    """HAProxy didn't take a configuration; what it ran before goes on."""


@dataclass(frozen=True)
class Snapshot:
    """All that one worker tells of itself, at one moment."""

    info: Info
    mark: str | None
    """The mark of the configuration that runs; none if it isn't one of ours."""
    running: Running
    counts: Counts
    certificates: Mapping[str, tuple[str, ...]]
    """The fingerprints HAProxy serves, by the file's name; those it doesn't know are left out."""


class Runtime:
    """HAProxy's worker and master, reached by sockets only."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.worker = Socket(engine.worker_socket)
        self.master = Socket(engine.master_socket)

    async def info(self) -> Info:
        """Which worker answers."""
        return parse_info(await self.worker.ask("show info"))

    async def look(self, groups: Sequence[Group], certificates: Iterable[str]) -> Snapshot:
        """Everything there is to compare, in one answer."""
        files = list(certificates)
        tables = [g.spec for g in groups if g.spec.protocol.is_http]
        names = [MARK, *(name for group in groups for name in variables(group))]
        whole = await self.worker.ask_all(
            [
                "show info",
                "show stat",
                "show servers state",
                f"show table {listener_counter.COUNTERS_TABLE}",
                *(f"show table {latency.table_of(group)}" for group in tables),
                *(self._show(file) for file in files),
                *ask(names),
            ]
        )
        try:
            info, stats, states, listeners, *rest = whole.split("\n\n")
            held = parse_variables("\n".join(rest[len(tables) + len(files) :]))
            parsed = parse_stats(stats)
            return Snapshot(
                info=parse_info(info),
                mark=held.pop(MARK, None),
                running=Running(parsed, _states(states), _numbers(held)),
                counts=_counts(
                    parse_info(info), parsed, listeners, dict(zip((g.name for g in tables), rest, strict=False))
                ),
                certificates={
                    file: told
                    for file, text in zip(files, rest[len(tables) :], strict=False)
                    if (told := fingerprints_told(text))
                },
            )
        except (LookupError, ValueError, csv.Error) as error:
            raise Unreachable(f"{self.worker.path}: an answer that breaks off ({error!r})") from None

    async def workers(self) -> Workers:
        """The current worker and those that still finish what they serve."""
        return parse_workers(await self.master.ask("show proc"))

    async def counts_of_old(self, pid: int, groups: Sequence[TargetGroup]) -> tuple[Info, Counts]:
        """What a worker that was replaced, and still finishes what it serves, has counted."""
        tables = [group for group in groups if group.protocol.is_http]
        commands = ["show info", "show stat", f"show table {listener_counter.COUNTERS_TABLE}"]
        commands += [f"show table {latency.table_of(group)}" for group in tables]
        answers = [await self.master.ask(f"@!{pid} {command}") for command in commands]
        try:
            latencies = dict(zip((g.name for g in tables), answers[3:], strict=True))
            info = parse_info(answers[0])
            return info, _counts(info, parse_stats(answers[1]), answers[2], latencies)
        except (LookupError, ValueError, csv.Error) as error:
            raise Unreachable(f"worker {pid}: an answer that breaks off ({error!r})") from None

    async def drain(self, *, on: bool) -> None:
        """Tell every client of HTTP/1 with its next answer to close its connection, or no longer."""
        await self.worker.ask(drain(on=on))

    async def server_state(self) -> str:
        """What a worker that starts reads to go on where this one stands."""
        return await self.worker.ask("show servers state")

    async def reload(self) -> None:
        """Start a worker on the file as it now is; raises RefusedByHAProxy, and the old worker goes on."""
        answer = await self.master.ask("reload", limit=_PATIENCE)
        if "Success=1" not in answer:
            raise RefusedByHAProxy(complaint(answer))

    async def until_up(self, *, limit: float, but: int | None = None) -> Info:
        """Wait until a worker answers (another one than `but`); raises Unreachable after so many seconds."""
        end = time.monotonic() + limit
        while True:
            try:
                info = await self.info()
                if info.pid != but and not info.stopping:
                    return info
            except (Unreachable, KeyError):
                pass
            if time.monotonic() > end:
                raise Unreachable(f"no worker answered within {limit} s")
            await asyncio.sleep(0.01)

    async def close_on_old_workers(self, places: Iterable[Place], old: Iterable[int]) -> None:
        """End the connections of servers on workers that were replaced, one by one: they know no other way."""
        for pid in old:
            for backend, server in places:
                try:
                    sessions = await self.master.ask(f"@!{pid} show sess server {backend}/{server}")
                    for pointer in _SESSION.findall(sessions):
                        await self.master.ask(f"@!{pid} shutdown session {pointer}")
                except Unreachable:
                    break  # it has ended, and with it all it served

    def fits(self, name: str, pem: bytes) -> bool:
        """Whether HAProxy, which reads a command into one buffer, can be given a certificate while it runs."""
        return len(blocks(pem)) + len(self._file(name)[1]) < BUFFER - _COMMAND

    async def replace_certificate(self, name: str, pem: bytes) -> None:
        """Have new connections use a certificate; raises RefusedByHAProxy, and they go on with the old one."""
        kind, path = self._file(name)
        said = await self._set_certificate(kind, path, pem)
        if under_way := _UNDER_WAY.search(said):  # someone began to replace another one and never finished
            await self.worker.ask(f"abort ssl {kind} {under_way[1]}")
            said = await self._set_certificate(kind, path, pem)
        said += await self.worker.ask(f"commit ssl {kind} {path}")
        if "Success" not in said:
            await self.worker.ask(f"abort ssl {kind} {path}")
            raise RefusedByHAProxy(f"certificate {name}: {' '.join(said.split())}")

    def events(self) -> AsyncIterator[str]:
        """Health events as they happen; ends when the worker does."""
        return self.worker.follow("show events events -w -n")

    async def _set_certificate(self, kind: str, path: str, pem: bytes) -> str:
        return await self.worker.ask(f"set ssl {kind} {path} <<\n{blocks(pem)}\n")

    def _show(self, name: str) -> str:
        kind, path = self._file(name)
        return f"show ssl {kind} {path}"

    def _file(self, name: str) -> tuple[str, str]:
        return "ca-file" if name.startswith("ca-") else "cert", str(self.engine.certificates / name)


def complaint(text: str) -> str:
    """What HAProxy had against a configuration, without what surrounds it."""
    alerts = [line.partition(") : ")[2] or line for line in text.splitlines() if "[ALERT]" in line]
    return " ".join(" ".join(alerts or text.splitlines()).split())[:1000]


def _states(text: str) -> dict[Place, ServerState]:
    """Each server's settings; a check of the server's own address is as good as one of none, which nobody can set again."""
    return {
        place: replace(state, check_addr="-") if state.check_addr == _address(state) else state
        for place, state in parse_server_states(text).items()
    }


def _address(state: ServerState) -> str:
    return state.endpoint.rpartition(":")[0].strip("[]")


def _numbers(variables: Mapping[str, str]) -> dict[str, int]:
    """Those that hold a number; what someone made a word is as good as unset."""
    return {name: int(value) for name, value in variables.items() if value.lstrip("-").isdecimal()}


def _counts(info: Info, stats: Stats, listeners: str, latencies: Mapping[str, str]) -> Counts:
    names = {row.number("iid"): name for name, row in stats.frontends.items()}
    rows = listener_counter.parse_table(listeners)
    return Counts(
        stats,
        {names[key]: row for key, row in rows.items() if key in names},
        {group: latency.parse_table(text) for group, text in latencies.items()},
        {"refused": info.refused, "dropped_logs": info.dropped_logs},
    )
