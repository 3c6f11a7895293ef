"""The HAProxy of one load balancer: started, read, compared with what is wanted, and put right."""

import asyncio
import logging
import time
from collections import Counter
from contextlib import suppress

from elbow_api.usage import kind_of

from elbow_dataplane.agent.binds import addresses, taken
from elbow_dataplane.agent.certificates import Certificates
from elbow_dataplane.agent.files import ensure, write
from elbow_dataplane.agent.kept_counters import KeptCounters
from elbow_dataplane.agent.memory import Memory
from elbow_dataplane.agent.process import Process
from elbow_dataplane.agent.state import Known
from elbow_dataplane.haproxy.checks import restore
from elbow_dataplane.haproxy.diff import Commands, Place, commands, is_busy, news
from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.frontends import reopen, shut_down
from elbow_dataplane.haproxy.render import errors
from elbow_dataplane.haproxy.render.config import ReloadReason, Skeleton, first_config, reasons, render, skeleton
from elbow_dataplane.haproxy.render.frontend import frontend_of
from elbow_dataplane.haproxy.runtime import RefusedByHAProxy, Runtime, Snapshot
from elbow_dataplane.haproxy.socket import Absent, Hold, Unreachable
from elbow_dataplane.model.wanted import Wanted
from elbow_dataplane.sources.stamp import Stamp, stamp

log = logging.getLogger("elbow")

_ROUNDS = 5
_START = 10.0
"""Seconds a HAProxy has from its start to its first answer."""


class Proxy:
    """Makes HAProxy equal to what is wanted, and tells what it found there."""

    def __init__(self, engine: Engine, process: Process | None) -> None:
        self.engine = engine
        self.process = process
        self.runtime = Runtime(engine)
        self.memory = Memory(engine.run / "agent.json")
        self.counters = KeptCounters(engine.run / "counters.json")
        self.certificates = Certificates(engine, self.runtime)
        self.snapshot: Snapshot | None = None
        """The last one taken."""
        self.workers = 0
        """How many worker processes there are."""
        self.finishing: frozenset[Place] = frozenset()
        """The servers on which workers that were replaced still serve something."""
        self.reloads: Counter[str] = Counter()
        self._frame: Skeleton | None = None
        """What the running worker was started with, as far as this agent knows."""
        self._sent: Wanted | None = None
        """What the running worker was last told to be."""
        self._cut: set[Place] = set()
        self._ending: frozenset[Place] = frozenset()
        self._holds: dict[int, Hold] = {}
        self._kept: tuple[Known, Skeleton, Stamp | None] | None = None
        """What the files were last made equal to."""

    async def is_there(self) -> bool:
        """Whether HAProxy runs already; one that hangs does."""
        try:
            await self.runtime.info()
        except Absent:
            return False
        except Unreachable:
            return True
        return True

    @property
    def finishes(self) -> bool:
        """Whether workers that were replaced are waited for."""
        return bool(self._holds)

    async def hurry(self, known: Known) -> bool:
        """Send at once what differs from what was sent last, if that takes no reload; whether it took is for `converge` to see.

        Raises Unreachable.
        """
        if self.snapshot is None or self._sent is None or skeleton(known.desired.config, self.engine) != self._frame:
            return False
        wanted = known.wanted
        await self.runtime.worker.tell(news(wanted, self._sent, self.snapshot.running, self.engine))
        self._sent = wanted
        return True

    async def converge(self, known: Known) -> tuple[Known, bool]:
        """Read, compare, put right, and read again until nothing differs; returns whether it got there.

        Raises RefusedByHAProxy, Unreachable, and OSError where a file can't be written: what ran before goes on.
        """
        frame = skeleton(known.desired.config, self.engine)
        await self._ensure_runs(known, frame)
        known, snapshot = await self._read(known)
        if await self.certificates.rotate(known.desired.certificates, snapshot.certificates):
            known, snapshot = await self._read(known)
        large = self.certificates.too_large(known.desired.certificates, snapshot.certificates)
        why = [(ReloadReason.CERTIFICATE_CHANGED, name) for name in large]
        if why := [*why, *self._reasons(known, frame, snapshot)]:
            await self._reload(known, frame, snapshot, why)
            known, snapshot = await self._read(known)
        self._frame = frame
        for _ in range(_ROUNDS):
            self._sent = known.wanted
            todo = self._compare(self._sent, snapshot)
            if not todo:
                self._keep(known, frame)
                return known, True
            await self._tell(todo, snapshot)
            known, snapshot = await self._read(known)
        return known, False

    async def count(self, known: Known) -> None:
        """Add up what workers that were replaced have counted since, and let those end that have nothing left to do."""
        workers = await self.runtime.workers()
        current = self.snapshot.info.pid if self.snapshot else 0
        old = [pid for pid in workers.old if pid != current]  # after a failed reload the master calls it so
        groups = [group.spec for group in known.wanted.groups]
        finishing: set[Place] = set()
        for pid in old:
            with suppress(Unreachable):  # it has just ended
                info, counts = await self.runtime.counts_of_old(pid, groups)
                self.counters.add(info.worker, counts, time.monotonic())
                finishing |= {place for place in counts.stats.servers if is_busy(counts.stats, place)}
                if info.connections == 0:
                    self._release(pid)
        for pid in [pid for pid in self._holds if pid not in old and pid != current]:
            self._release(pid)
        self.counters.forget({*old, current}, self.snapshot.info.worker if self.snapshot else (0, 0))
        self.counters.keep()
        self.workers, self.finishing = len(old) + 1, frozenset(finishing)

    async def retire(self) -> None:
        """Go on without listeners; the worker that had them is held until all it did is counted.

        Raises RefusedByHAProxy and Unreachable.
        """
        write(self.engine.config_file, first_config(self.engine).encode())
        hold = await self.runtime.worker.hold()
        try:
            pid = (await self.runtime.info()).pid
            await self.runtime.reload()
        except (RefusedByHAProxy, Unreachable):
            hold.release()
            raise
        self._holds[pid] = hold
        self.snapshot = None  # what answers from now on is another worker

    def let_go(self) -> None:
        """Leave HAProxy to itself, or to the next agent."""
        for pid in list(self._holds):
            self._release(pid)

    async def stop(self, at_once: asyncio.Event) -> None:
        """End HAProxy, if it is ours to end."""
        if self.process is not None:
            await self.process.stop(at_once)

    def _release(self, pid: int) -> None:
        if (hold := self._holds.pop(pid, None)) is not None:
            hold.release()

    async def _read(self, known: Known) -> tuple[Known, Snapshot]:
        snapshot = await self.runtime.look(known.wanted.groups, known.desired.certificates)
        now = time.time()
        observed, cut = known.observe(snapshot.running, now).forget(now)
        if observed != known:  # what stays the same needn't be worked out again
            known = observed
        self.snapshot = snapshot
        ending = known.ending(now)
        self._cut |= cut | (ending - self._ending)
        self._ending = ending
        self.counters.kinds |= {frontend_of(li): kind_of(li.protocol) for li in known.desired.config.spec.listeners}
        self.counters.add(snapshot.info.worker, snapshot.counts, time.monotonic())
        return known, snapshot

    def _compare(self, wanted: Wanted, snapshot: Snapshot) -> Commands:
        todo = commands(wanted, snapshot.running, self.engine, cut=self._ending.union(self._cut))
        todo.change += reopen(wanted, snapshot.running.stats, snapshot.info, self.engine)
        todo.change += restore(wanted, snapshot.running)
        return todo

    async def _tell(self, todo: Commands, snapshot: Snapshot) -> None:
        for complaint in await self.runtime.worker.tell([*todo.add, *todo.change, *todo.close]):
            log.warning("HAProxy: %s", complaint)
        if self._cut:
            old = (await self.runtime.workers()).old
            await self.runtime.close_on_old_workers(self._cut, [pid for pid in old if pid != snapshot.info.pid])
            self._cut.clear()
        # One that still serves, or still might, stays: a later look finds it idle, with all it did counted.
        idle = [place for place in todo.remove if _is_idle(place, snapshot)]
        await self.runtime.worker.tell([f"del server {backend}/{server}" for backend, server in idle])

    async def _ensure_runs(self, known: Known, frame: Skeleton) -> None:
        """Start HAProxy where there is none, on a file that says what is wanted; on an older one if none can be written."""
        with suppress(Absent):
            await self.runtime.info()
            return
        if self.process is None:
            raise Unreachable(f"HAProxy is gone: nothing listens on {self.engine.worker_socket}")
        if self.snapshot is not None:
            log.error("HAProxy is gone; it is started from its file")
        await self.process.until_gone()
        if in_the_way := taken(frame, set()):
            raise RefusedByHAProxy("; ".join(in_the_way))
        whole = self._write_files(known, frame)
        self.process.start()
        await self._first_answer(self.process)
        self._frame = frame if whole else None

    async def _first_answer(self, process: Process) -> None:
        end = time.monotonic() + _START
        while time.monotonic() < end:
            with suppress(Unreachable):
                await self.runtime.until_up(limit=0.1)
                return
            if process.has_ended():
                raise RefusedByHAProxy(f"HAProxy ended at its start: {process.complaint()}")
        raise Unreachable(f"HAProxy didn't answer within {_START:g} s of its start")

    def _reasons(self, known: Known, frame: Skeleton, snapshot: Snapshot) -> list[tuple[ReloadReason, str]]:
        if snapshot.mark != frame.mark:
            return reasons(self._frame, frame) or [(ReloadReason.PROXY_CHANGED, "")]
        shut = shut_down(known.wanted, snapshot.running.stats)
        return [(ReloadReason.LISTENER_CHANGED, f"{name} (someone shut it down)") for name in shut]

    async def _reload(
        self, known: Known, frame: Skeleton, snapshot: Snapshot, why: list[tuple[ReloadReason, str]]
    ) -> None:
        old_text = self._config_on_disk()
        if in_the_way := taken(frame, addresses(old_text)):
            raise RefusedByHAProxy("; ".join(in_the_way))
        self._write_parts(known)
        await self._write_checked(render(frame, known.wanted, self.engine))
        write(self.engine.state_file, (await self.runtime.server_state()).encode())
        hold = await self.runtime.worker.hold()
        try:
            await self._read(known)
            self.counters.keep()  # if this agent is killed now, the old worker ends with the hold, and the next agent can't ask it
            await self.runtime.reload()
            await self.runtime.until_up(limit=_START, but=snapshot.info.pid)
        except (RefusedByHAProxy, Unreachable):
            hold.release()
            write(self.engine.config_file, old_text.encode())
            raise
        self._holds[snapshot.info.pid] = hold
        self.certificates.were_loaded(known.desired.certificates)
        self.reloads.update({reason for reason, _ in why})
        log.info("reloaded: %s", ", ".join(f"{reason} {name}".strip() for reason, name in why))

    async def _write_checked(self, text: str) -> None:
        """Replace the file once HAProxy has read the new one without complaint, where its program is at hand."""
        if self.process is not None:
            candidate = self.engine.config_file.with_suffix(".candidate")
            try:
                write(candidate, text.encode())
                await self.process.check(candidate)
            finally:
                candidate.unlink(missing_ok=True)
        write(self.engine.config_file, text.encode())

    def _write_files(self, known: Known, frame: Skeleton) -> bool:
        """Everything a HAProxy that starts reads; returns whether it was written, or else there is an older file."""
        try:
            self._write_parts(known)
            ensure(self.engine.config_file, render(frame, known.wanted, self.engine).encode())
        except OSError as error:
            if not self._config_on_disk():
                raise
            log.error("HAProxy is started from an older file: %s: %s", error.filename, error.strerror)
            return False
        return True

    def _write_parts(self, known: Known) -> None:
        for name, content in errors.files().items():
            ensure(self.engine.run / name, content)
        self.certificates.write(known.desired.certificates)

    def _keep(self, known: Known, frame: Skeleton) -> None:
        """Keep the files equal to what runs: HAProxy starts from them, the next agent goes on from them."""
        if self.process is not None:
            self.process.trim_log()
        if self._kept == (known, frame, stamp(self.engine.config_file)):
            return
        text = render(frame, known.wanted, self.engine)
        if text != self._config_on_disk():
            write(self.engine.config_file, text.encode())
        self.certificates.tidy(known.desired.certificates)
        self.memory.keep(known)
        self._kept = (known, frame, stamp(self.engine.config_file))

    def _config_on_disk(self) -> str:
        try:
            return self.engine.config_file.read_text()
        except OSError:
            return ""


def _is_idle(place: Place, snapshot: Snapshot) -> bool:
    row = snapshot.running.stats.servers.get(place)
    return row is None or (row.is_maint and row.number("scur") == 0)
