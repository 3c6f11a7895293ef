"""The loop: whatever happens, read what runs, compare it with what is wanted, and put right what differs."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace

from elbow_api.fault import Refused

from elbow_dataplane.agent.kept_counters import KeptCounters
from elbow_dataplane.agent.process import Process
from elbow_dataplane.agent.proxy import Proxy
from elbow_dataplane.agent.report import is_drained
from elbow_dataplane.agent.state import Known
from elbow_dataplane.agent.view import View
from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.runtime import RefusedByHAProxy
from elbow_dataplane.haproxy.socket import Unreachable
from elbow_dataplane.model.desired import Desired

log = logging.getLogger("elbow")

READ_BACK = 3.0
"""Seconds between two comparisons when nothing happens, and between two tries of what HAProxy refused."""
RETRY = 0.3
"""Seconds until the next try after something couldn't be done."""
_FINISHING = 1.0
"""Seconds between two looks at what finishes: workers that were replaced, targets that leave."""
_GATHER = 0.01
"""Seconds in which health events are taken together."""
_NEXT = 0.03
"""Seconds in which the next input is waited for once one was sent, before HAProxy is read back: changes come in crowds, and
reading takes ten times as long as sending."""
_CROWD = 0.5
"""Seconds after which it is read back however many come."""


@dataclass(frozen=True)
class Look:
    """How one comparison ended."""

    known: Known
    converged: bool = False
    fault: str = ""
    was_refused: bool = False
    """The fault lies in what is wanted; what ran before goes on."""


class Agent:
    """Keeps one HAProxy equal to what its source asks for."""

    def __init__(self, engine: Engine, zone: str | None, process: Process | None) -> None:
        self.engine = engine
        self.zone = zone
        self.proxy = Proxy(engine, process)
        self.view = View()
        self._input: Desired | None = None
        """The newest accepted input while it isn't read back as running."""
        self._input_fault: tuple[str, ...] = ()
        self._next: Known | None = None
        """The state of the newest input while it is tried."""
        self._known: Known | None = None
        """The last good state."""
        self._refusal = ""
        self._refused_until = 0.0
        self._generation = 0
        self._wake = asyncio.Event()
        self._arrived = asyncio.Event()
        """There is a newer input."""
        self._listener: asyncio.Task[None] | None = None
        self._loop_running: asyncio.AbstractEventLoop | None = None

    @property
    def counters(self) -> KeptCounters:
        """What HAProxy's workers counted, whenever they ran."""
        return self.proxy.counters

    @property
    def newest(self) -> Known | None:
        """The newest accepted input as it is to run, or what runs where there is no newer one."""
        known, wanted = self.view.known, self._input
        if wanted is None:
            return known
        return self._next or (None if known is None else known.take(wanted, time.time()))

    @property
    def _instead(self) -> str:
        """What happens while something can't be had; at the start there is nothing to say."""
        return "" if self._known is None else ", the last good state goes on"

    def refresh(self) -> None:
        """Have it look soon; may be called from another thread."""
        if self._loop_running is not None:
            self._loop_running.call_soon_threadsafe(self._wake.set)

    def show_rest(self) -> None:
        """Show what is still served, by a proxy that was retired."""
        self.view = replace(self.view, finishing=self.proxy.finishing, retired=True, at=time.time())

    async def run(self, changes: AsyncIterator[Desired | Refused]) -> None:
        """Follow the source until cancelled."""
        self._loop_running = asyncio.get_running_loop()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_source(changes))
                tasks.create_task(self._follow_events())
                tasks.create_task(self._loop())
        finally:
            self.proxy.let_go()

    async def _follow_source(self, changes: AsyncIterator[Desired | Refused]) -> None:
        async for change in changes:
            if isinstance(change, Refused):
                self._input_fault = tuple(str(fault) for fault in change.faults)
                for fault in self._input_fault:
                    log.error("refused%s: %s", self._instead, fault)
            else:
                self._input, self._input_fault = change, ()
                self._next, self._refusal, self._refused_until = None, "", 0.0
                config = change.config
                log.info("generation %d of %s/%s accepted", config.generation, config.namespace, config.name)
                self._arrived.set()
            self._wake.set()

    async def _follow_events(self) -> None:
        """A change of health, and HAProxy's death, are reasons to look at once."""
        while True:
            self._listener = asyncio.create_task(self._listen())
            try:
                await asyncio.wait({self._listener})
            finally:
                self._listener.cancel()
            await asyncio.sleep(0.05)

    async def _listen(self) -> None:
        loop, timer = asyncio.get_running_loop(), None
        with suppress(Unreachable):
            async for _ in self.proxy.runtime.events():
                if timer is None or timer.when() <= loop.time():
                    timer = loop.call_later(_GATHER, self._wake.set)
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
        reloads = self.proxy.reloads.total()
        look = await self._try_input()
        if self._known is not None and (look is None or look.was_refused):
            look = await self._converge(self._known)
            self._known = look.known
        if look is None:
            self.view = View(known=self.view.known, faults=self._faults(None), at=time.time())
            return READ_BACK
        if self._listener is not None and self.proxy.reloads.total() != reloads:
            self._listener.cancel()  # it would go on listening to the worker that was replaced
        await self._publish(look)
        return self._pause(look)

    async def _try_input(self) -> Look | None:
        """Go over to the newest input; what was refused is tried again after a while, from where things stand then."""
        wanted = self._input
        if wanted is None or time.monotonic() < self._refused_until:
            return None
        wanted, following = await self._hurry(wanted)
        self._wake.clear()  # what woke it until now, it is about to see
        look = await self._converge(following)
        if look.converged:
            self._known, self._generation = look.known, wanted.config.generation
        if wanted is self._input:  # no newer one came meanwhile
            self._settle(look)
        return look

    async def _hurry(self, wanted: Desired) -> tuple[Desired, Known]:
        """Take up the newest input, and have HAProxy do at once what takes no reload; returns that input, and what is to run."""
        end = time.monotonic() + _CROWD
        while self._next is None:
            self._arrived.clear()
            following = await self._take(wanted)
            sent = await self._send(following)
            if sent:
                self._known = following
            if wanted is self._input:
                self._next = following
                if sent and time.monotonic() < end:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_NEXT):
                            await self._arrived.wait()
            wanted = self._input or wanted
        return wanted, self._next

    async def _send(self, following: Known) -> bool:
        """Send targets and variables, of which HAProxy refuses none; whether it can't take the rest is for `_converge` to see."""
        if self._known is None or following.desired.certificates != self._known.desired.certificates:
            return False
        with suppress(Unreachable):
            return await self.proxy.hurry(following)
        return False

    def _settle(self, look: Look) -> None:
        self._next = look.known
        if look.was_refused:
            self._next, self._refusal, self._refused_until = None, look.fault, time.monotonic() + READ_BACK
        elif look.converged:
            self._input, self._next, self._refusal = None, None, ""

    async def _take(self, desired: Desired) -> Known:
        now = time.time()
        if self._known is not None:
            return self._known.take(desired, now)
        past = self.proxy.memory.recall(desired.config)
        # How targets fare under a HAProxy that has yet to start, its first checks tell.
        health = past.health if await self.proxy.is_there() else {}
        return Known(desired, self.zone, self.engine.secret, past.registration, health, began=now).take(desired, now)

    async def _converge(self, known: Known) -> Look:
        try:
            known, converged = await self.proxy.converge(known)
        except RefusedByHAProxy as refused:
            return Look(known, fault=str(refused), was_refused=True)
        except Unreachable as error:
            return Look(known, fault=str(error))
        except OSError as error:
            return Look(known, fault=f"{error.filename or ''}: {error.strerror or error}".lstrip(": "))
        return Look(known, converged=converged)

    def _faults(self, look: Look | None) -> tuple[str, ...]:
        faults = [*self._input_fault, self._refusal]
        if look is not None:
            faults += [*look.known.desired.faults, look.fault]
        return tuple(dict.fromkeys(filter(None, faults)))

    async def _publish(self, look: Look) -> None:
        with suppress(Unreachable, OSError):
            await self.proxy.count(look.known)
        faults = self._faults(look)
        for fault in faults:
            if fault not in self.view.faults and fault not in self._input_fault:
                log.error("not applied%s: %s", self._instead, fault)
        if self.view.faults and not faults:
            log.info("applied, no faults are left")
        snapshot = self.proxy.snapshot
        self.view = View(
            known=look.known,
            running=snapshot.running if snapshot else None,
            info=snapshot.info if snapshot else None,
            workers=self.proxy.workers,
            finishing=self.proxy.finishing,
            generation=self._generation,
            converged=look.converged and self._input is None and not self._input_fault,
            faults=faults,
            reloads=self.proxy.reloads,
            at=time.time(),
        )

    def _drains(self, known: Known) -> bool:
        """Whether something is under way on a target that leaves."""
        groups = {group.name: group for group in known.desired.config.spec.target_groups}
        return any(
            group in groups and not is_drained(self.view, known, groups[group], drain.target, drain.health)
            for (group, _), drain in known.registration.drains.items()
        )

    def _pause(self, look: Look) -> float:
        pauses = [READ_BACK if look.converged or look.was_refused else RETRY]
        if self.proxy.finishes or self._drains(look.known):
            pauses.append(_FINISHING)
        now = time.time()
        if (soon := look.known.next_change(now)) is not None:
            pauses.append(max(soon - now, 0.01))
        if self._refusal:
            pauses.append(max(self._refused_until - time.monotonic(), 0.01))
        return min(pauses)
