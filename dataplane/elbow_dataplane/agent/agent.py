"""The loop: whatever happens, read what runs, compare it with what is wanted, and put right what differs."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress

from elbow_api.fault import Refused
from elbow_dataplane.agent.files import write
from elbow_dataplane.agent.memory import Memory
from elbow_dataplane.agent.process import Process
from elbow_dataplane.agent.state import Known
from elbow_dataplane.agent.view import View
from elbow_dataplane.haproxy.counters import Counters
from elbow_dataplane.haproxy.diff import Commands, Place, Running, commands
from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.render.config import ReloadReason, Skeleton, reasons, render, skeleton
from elbow_dataplane.haproxy.runtime import RefusedByHAProxy, Runtime
from elbow_dataplane.haproxy.socket import Unreachable
from elbow_dataplane.haproxy.stats import Info
from elbow_dataplane.model.desired import Desired

log = logging.getLogger("elbow")

READ_BACK = 3.0
"""Seconds between two comparisons when nothing happens."""
RETRY = 0.5
"""Seconds until the next try after something couldn't be done."""
_ROUNDS = 4


class Agent:
    """Keeps one HAProxy equal to what its source asks for."""

    def __init__(self, engine: Engine, zone: str | None, process: Process | None) -> None:
        self.engine = engine
        self.zone = zone
        self.process = process
        self.runtime = Runtime(engine)
        self.memory = Memory(engine.run / "agent.json")
        self.counters = Counters()
        self.view = View()
        self._known: Known | None = None
        self._frame: Skeleton | None = None
        self._running: Running | None = None
        self._pid = 0
        self._info: Info | None = None
        self._generation = 0
        self._written = ""
        self._certificates: dict[str, bytes] = {}
        self._input_fault: tuple[str, ...] = ()
        self._cut: set[Place] = set()
        self._reloads: Counter[str] = Counter()
        self._wake = asyncio.Event()

    async def run(self, changes: AsyncIterator[Desired | Refused]) -> None:
        """Follow the source until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_source(changes))
            tasks.create_task(self._follow_events())
            tasks.create_task(self._loop())

    async def _follow_source(self, changes: AsyncIterator[Desired | Refused]) -> None:
        async for change in changes:
            if isinstance(change, Refused):
                self._input_fault = tuple(str(fault) for fault in change.faults)
                for fault in self._input_fault:
                    log.error("refused, the last good state goes on: %s", fault)
            else:
                self._input_fault = ()
                self._take(change)
            self._wake.set()

    def _take(self, desired: Desired) -> None:
        known = self._known or Known(
            desired, self.zone, self.engine.secret, self.memory.registration(desired.config), began=time.time()
        )
        self._known = known.take(desired, time.time())
        log.info(
            "generation %d of %s/%s accepted", desired.config.generation, desired.config.namespace, desired.config.name
        )

    async def _follow_events(self) -> None:
        """Every change of health HAProxy reports, and its death, are reasons to look at once."""
        while True:
            async for line in self.runtime.events():
                if line.strip():
                    self._wake.set()
            self._running = None
            self._wake.set()
            await asyncio.sleep(0.05)

    async def _loop(self) -> None:
        pause = 0.0
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            self._wake.clear()
            if self._known is not None:
                pause = await self._look(self._known)
            else:
                self.view = View(faults=self._input_fault, at=time.time())
                pause = READ_BACK

    async def _look(self, known: Known) -> float:
        """Once around; returns the seconds until the next look if nothing happens before."""
        faults: tuple[str, ...] = ()
        converged = False
        try:
            converged = await self._converge()
        except (Unreachable, RefusedByHAProxy, OSError) as error:
            faults = (f"{type(error).__name__}: {error}",)
            self._running = None
            if faults != self.view.faults:
                log.error("not applied, the last good state goes on: %s", faults[0])
        await self._publish(converged, self._input_fault + faults)
        if not converged:
            return RETRY
        now = time.time()
        soon = (self._known or known).next_change(now)
        return min(READ_BACK, max(soon - now, 0.01)) if soon is not None else READ_BACK

    async def _converge(self) -> bool:
        """Read, compare, put right, and read again until nothing differs."""
        assert self._known is not None
        frame = skeleton(self._known.desired.config, self.engine)
        await self._ensure_runs(frame)
        if await self.runtime.mark() != frame.mark:
            await self._reload(frame)
        self._frame = frame
        await self._rotate_certificates(self._known.desired)
        for _ in range(_ROUNDS):
            await self._read()
            todo = self._todo()
            if not todo:
                break
            for complaint in await self._tell(todo):
                log.warning("HAProxy: %s", complaint)
        else:
            return False
        self._write_config(frame)
        self.memory.keep(self._known.registration, self._known.desired.config)
        self._generation = self._known.desired.config.generation
        return True

    async def _read(self) -> None:
        assert self._known is not None
        info = await self.runtime.info()
        running = await self.runtime.running(self._known.wanted().groups)
        now = time.time()
        self.counters.add(info.pid, running.stats)
        known, cut = self._known.observe(running, now).forget(now)
        self._known, self._running, self._pid = known, running, info.pid
        self._cut |= cut
        self._info = info

    def _todo(self) -> Commands:
        assert self._known is not None
        assert self._running is not None
        return commands(self._known.wanted(), self._running, self.engine, cut=frozenset(self._cut))

    async def _tell(self, todo: Commands) -> list[str]:
        said = await self.runtime.worker.tell([*todo.add, *todo.change, *todo.close])
        if self._cut:
            await self.runtime.close_on_old_workers(self._cut, (await self.runtime.workers()).old)
            self._cut.clear()
        # A server with connections is deleted at a later look.
        await self.runtime.worker.tell([f"del server {backend}/{server}" for backend, server in todo.remove])
        return said

    async def _ensure_runs(self, frame: Skeleton) -> None:
        """Start HAProxy where none answers, on a file that says what is wanted."""
        with suppress(Unreachable):
            info = await self.runtime.info()
            if self._pid and info.pid != self._pid:
                log.warning("HAProxy was restarted by someone else")
            return
        if self.process is None:
            raise Unreachable("HAProxy doesn't answer")
        if self._pid:
            log.error("HAProxy is gone; it is started from its file")
        self._write_certificates()
        self._write_config(frame)
        self.process.start()
        info = await self._first_answer()
        self._pid = info.pid

    async def _first_answer(self) -> Info:
        assert self.process is not None
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with suppress(Unreachable):
                return await self.runtime.until_up(limit=0.1)
            if self.process.has_ended():
                raise RefusedByHAProxy(f"HAProxy ended at its start; see {self.engine.run / 'haproxy.log'}")
        raise Unreachable("HAProxy didn't answer within 10 s of its start")

    async def _reload(self, frame: Skeleton) -> None:
        why = reasons(self._frame, frame)
        before, old_file = self._pid, self._written
        self._write_certificates()
        self._write_config(frame)
        try:
            await self.runtime.reload()
        except RefusedByHAProxy:
            if old_file:
                write(self.engine.config_file, old_file.encode())
                self._written = old_file
            raise
        info = await self.runtime.until_up(limit=10, but=before or None)
        self._pid = info.pid
        for reason, name in why or [(ReloadReason.PROXY_CHANGED, "")]:
            self._reloads[reason] += 1
            log.info("reloaded: %s %s", reason, name)

    def _write_config(self, frame: Skeleton) -> None:
        assert self._known is not None
        text = render(frame, self._known.wanted(), self.engine)
        if text != self._written:
            write(self.engine.config_file, text.encode())
            self._written = text

    def _write_certificates(self) -> None:
        assert self._known is not None
        for name, pem in self._known.desired.certificates.items():
            if self._certificates.get(name) != pem:
                write(self.engine.certificates / name, pem)
                self._certificates[name] = pem

    async def _rotate_certificates(self, desired: Desired) -> None:
        for name, pem in desired.certificates.items():
            if self._certificates.get(name) == pem:
                continue
            if self._on_disk(name) != pem:
                for complaint in await self.runtime.replace_certificate(name, pem):
                    raise RefusedByHAProxy(f"{name}: {complaint}")
                write(self.engine.certificates / name, pem)
                log.info("certificate %s replaced", name)
            self._certificates[name] = pem

    def _on_disk(self, name: str) -> bytes | None:
        try:
            return (self.engine.certificates / name).read_bytes()
        except OSError:
            return None

    async def _publish(self, converged: bool, faults: tuple[str, ...]) -> None:
        workers = self.view.workers
        with suppress(Unreachable):
            found = await self.runtime.workers()
            workers = len(found.old) + (found.current is not None)
            for pid in found.old:
                self.counters.add(pid, await self.runtime.stats_of(pid))
            self.counters.forget({*found.old, self._pid})
        self.view = View(
            known=self._known,
            running=self._running,
            info=self._info,
            workers=workers,
            generation=self._generation,
            converged=converged and not self._input_fault,
            faults=faults,
            reloads=self._reloads,
            at=time.time(),
        )
