"""The loop: whatever happens, read what runs, compare it with what is wanted, and put right what differs."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress

from elbow_api.fault import Refused

from elbow_dataplane.agent.certificates import Certificates
from elbow_dataplane.agent.files import write
from elbow_dataplane.agent.memory import Memory
from elbow_dataplane.agent.process import Process
from elbow_dataplane.agent.state import Known
from elbow_dataplane.agent.view import View
from elbow_dataplane.haproxy.counters import Counters
from elbow_dataplane.haproxy.diff import Commands, Place, Running, commands
from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.render import errors
from elbow_dataplane.haproxy.render.config import ReloadReason, Skeleton, reasons, render, skeleton
from elbow_dataplane.haproxy.runtime import RefusedByHAProxy, Runtime
from elbow_dataplane.haproxy.socket import Unreachable
from elbow_dataplane.haproxy.stats import Info
from elbow_dataplane.model.desired import Desired

log = logging.getLogger("elbow")

READ_BACK = 3.0
"""Seconds between two comparisons when nothing happens."""
RETRY = 0.3
"""Seconds until the next try after something couldn't be done."""
_ROUNDS = 5
_START = 10.0


class Agent:
    """Keeps one HAProxy equal to what its source asks for."""

    def __init__(self, engine: Engine, zone: str | None, process: Process | None) -> None:
        self.engine = engine
        self.zone = zone
        self.process = process
        self.runtime = Runtime(engine)
        self.memory = Memory(engine.run / "agent.json")
        self.certificates = Certificates(engine, self.runtime)
        self.counters = Counters()
        self.view = View()
        self._input: Desired | None = None
        self._input_fault: tuple[str, ...] = ()
        self._known: Known | None = None
        self._frame: Skeleton | None = None
        self._running: Running | None = None
        self._info: Info | None = None
        self._generation = 0
        self._written = ""
        self._cut: set[Place] = set()
        self._reloads: Counter[str] = Counter()
        self._wake = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None

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
                self._input, self._input_fault = change, ()
            self._wake.set()

    async def _follow_events(self) -> None:
        """A change of health, and HAProxy's death, are reasons to look at once."""
        while True:
            self._listener = asyncio.create_task(self._listen())
            with suppress(asyncio.CancelledError):
                await self._listener
            if (this := asyncio.current_task()) is not None and this.cancelling():
                raise asyncio.CancelledError
            self._wake.set()
            await asyncio.sleep(0.05)

    async def _listen(self) -> None:
        async for line in self.runtime.events():
            if line.strip():
                self._wake.set()

    async def _loop(self) -> None:
        pause = READ_BACK
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            self._wake.clear()
            pause = await self._look()

    async def _look(self) -> float:
        """Once around; returns the seconds until the next look if nothing happens before."""
        self._take_input()
        if self._known is None:
            self.view = View(faults=self._input_fault, at=time.time())
            return READ_BACK
        converged = False
        faults: tuple[str, ...] = ()
        try:
            self._known, converged = await self._converge(self._known)
        except (Unreachable, RefusedByHAProxy, OSError) as error:
            faults = (str(error) or type(error).__name__,)
            if faults != self.view.faults:
                log.error("not applied, the last good state goes on: %s", faults[0])
        await self._publish(self._known, converged, self._input_fault + faults + self._known.desired.faults)
        soon = self._known.next_change(time.time())
        pause = READ_BACK if converged else RETRY
        return pause if soon is None else min(pause, max(soon - time.time(), 0.01))

    def _take_input(self) -> None:
        if (desired := self._input) is None:
            return
        self._input = None
        now = time.time()
        known = self._known or Known(
            desired, self.zone, self.engine.secret, self.memory.registration(desired.config), began=now
        )
        self._known = known.take(desired, now)
        log.info(
            "generation %d of %s/%s accepted", desired.config.generation, desired.config.namespace, desired.config.name
        )

    async def _converge(self, known: Known) -> tuple[Known, bool]:
        """Read, compare, put right, and read again until nothing differs."""
        frame = skeleton(known.desired.config, self.engine)
        await self._ensure_runs(known, frame)
        if await self.runtime.mark() != frame.mark:
            await self._reload(known, frame)
        self._frame = frame
        await self.certificates.rotate(known.desired.certificates)
        for _ in range(_ROUNDS):
            known, running = await self._read(known)
            todo = commands(known.wanted(), running, self.engine, cut=frozenset(self._cut))
            if not todo:
                self._write_config(known, frame)
                self.memory.keep(known.registration, known.desired.config)
                self._generation = known.desired.config.generation
                return known, True
            await self._tell(todo)
        return known, False

    async def _read(self, known: Known) -> tuple[Known, Running]:
        info = await self.runtime.info()
        running = await self.runtime.running(known.wanted().groups)
        now = time.time()
        known, cut = known.observe(running, now).forget(now)
        self._info, self._running = info, running
        self._cut |= cut
        return known, running

    async def _tell(self, todo: Commands) -> None:
        for complaint in await self.runtime.worker.tell([*todo.add, *todo.change, *todo.close]):
            log.warning("HAProxy: %s", complaint)
        if self._cut:
            await self.runtime.close_on_old_workers(self._cut, (await self.runtime.workers()).old)
            self._cut.clear()
        # One with connections can't be deleted yet; a later look does.
        await self.runtime.worker.tell([f"del server {backend}/{server}" for backend, server in todo.remove])

    async def _ensure_runs(self, known: Known, frame: Skeleton) -> None:
        """Start HAProxy where none answers, on a file that says what is wanted."""
        with suppress(Unreachable):
            await self.runtime.info()
            return
        if self.process is None:
            raise Unreachable("HAProxy doesn't answer")
        if self._info is not None:
            log.error("HAProxy is gone; it is started from its file")
        self._write_files(known, frame)
        self.process.start()
        await self._first_answer(self.process)

    async def _first_answer(self, process: Process) -> None:
        end = time.monotonic() + _START
        while time.monotonic() < end:
            with suppress(Unreachable):
                await self.runtime.until_up(limit=0.1)
                return
            if process.has_ended():
                raise RefusedByHAProxy(f"HAProxy ended at its start; {self.engine.run / 'haproxy.log'} says why")
        raise Unreachable(f"HAProxy didn't answer within {_START} s of its start")

    async def _reload(self, known: Known, frame: Skeleton) -> None:
        with suppress(Unreachable):
            await self._count(known)  # the worker that is replaced may end before it can be asked again
        why = reasons(self._frame, frame) or [(ReloadReason.PROXY_CHANGED, "")]
        before, old_file = await self.runtime.info(), self._written
        self._write_files(known, frame)
        try:
            await self.runtime.reload()
        except RefusedByHAProxy:
            if old_file:
                write(self.engine.config_file, old_file.encode())
                self._written = old_file
            raise
        await self.runtime.until_up(limit=_START, but=before.pid)
        if self._listener is not None:
            self._listener.cancel()  # it would go on listening to the worker that was replaced
        for reason, name in why:
            self._reloads[reason] += 1
            log.info("reloaded: %s %s", reason, name)

    def _write_files(self, known: Known, frame: Skeleton) -> None:
        """Everything a HAProxy that starts reads."""
        for name, content in errors.files().items():
            write(self.engine.run / name, content)
        self.certificates.write(known.desired.certificates)
        self._write_config(known, frame)

    def _write_config(self, known: Known, frame: Skeleton) -> None:
        text = render(frame, known.wanted(), self.engine)
        if text != self._written:
            write(self.engine.config_file, text.encode())
            self._written = text

    async def _count(self, known: Known) -> int:
        """Add up what all workers counted; returns how many workers there are."""
        groups = [group.spec for group in known.wanted().groups]
        workers = await self.runtime.workers()
        if self._info is not None:
            self.counters.add(self._info.pid, await self.runtime.counts(groups))
        for pid in workers.old:
            with suppress(Unreachable):  # it has just ended
                self.counters.add(pid, await self.runtime.counts(groups, pid))
        self.counters.forget({*workers.old, self._info.pid if self._info else 0})
        return len(workers.old) + (workers.current is not None)

    async def _publish(self, known: Known, converged: bool, faults: tuple[str, ...]) -> None:
        workers = self.view.workers
        with suppress(Unreachable):
            workers = await self._count(known)
        self.view = View(
            known=known,
            running=self._running,
            info=self._info,
            workers=workers,
            generation=self._generation,
            converged=converged and not self._input_fault,
            faults=faults,
            reloads=self._reloads,
            at=time.time(),
        )
