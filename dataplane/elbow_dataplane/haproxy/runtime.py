"""One HAProxy, by its sockets: what it runs, and how it is told to change."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterable, Sequence

from elbow_api.target_group import TargetGroup

from elbow_dataplane.haproxy.counters import Counts
from elbow_dataplane.haproxy.diff import Place, Running
from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.render import latency, listener_counter
from elbow_dataplane.haproxy.render.variable import MARK, ask, parse_variables, variables
from elbow_dataplane.haproxy.server_state import parse_server_states
from elbow_dataplane.haproxy.socket import Socket, Unreachable
from elbow_dataplane.haproxy.stats import Info, Workers, parse_info, parse_stats, parse_workers
from elbow_dataplane.model.wanted import Group

_SESSION = re.compile(r"^(0x[0-9a-f]+):", re.MULTILINE)


class RefusedByHAProxy(Exception):  # noqa: N818  (it reads as what happened)
    """HAProxy didn't take a configuration; what it ran before goes on."""


class Runtime:
    """HAProxy's worker and master, reached by sockets only."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.worker = Socket(engine.worker_socket)
        self.master = Socket(engine.master_socket)

    async def info(self) -> Info:
        """Which worker answers."""
        return parse_info(await self.worker.ask("show info"))

    async def mark(self) -> str | None:
        """The mark of the configuration that runs; none if it isn't one of ours."""
        return parse_variables(await self.worker.ask(ask([MARK]))).get(MARK)

    async def running(self, groups: Sequence[Group]) -> Running:
        """What the worker runs now."""
        stats = parse_stats(await self.worker.ask("show stat"))
        states = parse_server_states(await self.worker.ask("show servers state"))
        names = [name for group in groups for name in variables(group)]
        held = parse_variables(await self.worker.ask(ask(names))) if names else {}
        return Running(stats, states, {name: int(value) for name, value in held.items()})

    async def workers(self) -> Workers:
        """The current worker and those that still finish what they serve."""
        return parse_workers(await self.master.ask("show proc"))

    async def counts(self, groups: Sequence[TargetGroup], pid: int | None = None) -> Counts:
        """What a worker counted: the one that runs, or one that was replaced and still finishes what it serves."""
        prefix = "" if pid is None else f"@!{pid} "
        socket = self.worker if pid is None else self.master
        stats = parse_stats(await socket.ask(f"{prefix}show stat"))
        table = await socket.ask(f"{prefix}show table {listener_counter.COUNTERS_TABLE}")
        latencies = {
            g.name: latency.parse_table(await socket.ask(f"{prefix}show table {latency.table_of(g)}"))
            for g in groups
            if g.protocol.is_http
        }
        names = {row.number("iid"): name for name, row in stats.frontends.items()}
        listeners = {names[key]: row for key, row in listener_counter.parse_table(table).items() if key in names}
        return Counts(stats, listeners, latencies)

    async def reload(self) -> None:
        """Start a worker on the file as it now is; raises RefusedByHAProxy, and the old worker goes on."""
        state = await self.worker.ask("show servers state")
        self.engine.state_file.write_text(state)
        answer = await self.master.ask("reload", limit=60)
        if "Success=1" not in answer:
            raise RefusedByHAProxy(_complaint(answer))

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

    async def replace_certificate(self, name: str, pem: bytes) -> str:
        """Have new connections use a certificate; returns what HAProxy had against it, or nothing."""
        path = self.engine.certificates / name
        kind = "ca-file" if name.startswith("ca-") else "cert"
        text = "\n".join(line for line in pem.decode("ascii", "replace").splitlines() if line.strip())
        said = await self.worker.ask(f"set ssl {kind} {path} <<\n{text}\n")
        said += await self.worker.ask(f"commit ssl {kind} {path}")
        return "" if "Success" in said else " ".join(said.split())

    def events(self) -> AsyncIterator[str]:
        """Health events as they happen; ends when the worker does."""
        return self.worker.follow("show events events -w -n")


def _complaint(answer: str) -> str:
    alerts = [line.partition("] ")[2] or line for line in answer.splitlines() if "[ALERT]" in line]
    return " ".join(" ".join(alerts or answer.splitlines()).split())[:1000]
