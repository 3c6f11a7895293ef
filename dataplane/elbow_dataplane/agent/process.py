"""HAProxy as a process on this machine; in a pod the kubelet starts it instead."""

import asyncio
import fcntl
import logging
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.runtime import RefusedByHAProxy, complaint
from elbow_dataplane.haproxy.socket import Absent, Socket, Unreachable
from elbow_dataplane.haproxy.stats import parse_workers

log = logging.getLogger("elbow")

GRACE = 30.0
"""Seconds that what is served has at the end."""
_PATIENCE = 2.0
"""Seconds a process has to end once it was told to."""
_LARGEST_LOG = 1 << 20
_ROOM = 1 << 20
"""Bytes a pipe for access logs is to hold: half a second at 5,000 requests a second."""


class Process:
    """Starts HAProxy in a session of its own, so that it outlives the agent."""

    def __init__(self, program: Path, engine: Engine) -> None:
        self.program = program
        self.engine = engine
        self._child: subprocess.Popen[bytes] | None = None
        self._master = Socket(engine.master_socket)
        self._log_before = 0

    @property
    def log_file(self) -> Path:
        """What HAProxy says of itself."""
        return self.engine.run / "haproxy.log"

    def start(self) -> None:
        """Start master and worker on the config file; state of an earlier life would be believed, so it goes first."""
        self.engine.state_file.unlink(missing_ok=True)
        _make_room(sys.stdout.fileno())
        master = f"{self.engine.master_socket},mode,600,level,admin"
        with self.log_file.open("ab") as output:
            self._log_before = output.tell()
            self._child = subprocess.Popen(
                [self.program, "-W", "-S", master, "-f", self.engine.config_file],
                stdin=subprocess.DEVNULL,
                stderr=output,  # access logs go where the agent's own output goes
                start_new_session=True,
            )

    def has_ended(self) -> bool:
        """Whether the HAProxy this agent started is gone; one it took over tells by its sockets."""
        return self._child is not None and self._child.poll() is not None

    def complaint(self) -> str:
        """What HAProxy said since its last start."""
        with self.log_file.open("rb") as file:
            file.seek(self._log_before)
            return complaint(file.read().decode(errors="replace"))

    def trim_log(self) -> None:
        """Keep HAProxy's log small: it lies in memory where the run directory does."""
        with suppress(OSError):
            if self.log_file.stat().st_size > _LARGEST_LOG:
                os.truncate(self.log_file, 0)
                self._log_before = 0

    async def check(self, file: Path) -> None:
        """Have HAProxy read a configuration without running it; raises RefusedByHAProxy."""
        checking = await asyncio.create_subprocess_exec(
            self.program, "-c", "-f", file, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        said, _ = await checking.communicate()
        if checking.returncode != 0:
            raise RefusedByHAProxy(complaint(said.decode(errors="replace")))

    async def until_gone(self) -> None:
        """Wait for the end of a master whose worker is gone; one that doesn't see it by itself is killed."""
        if not await self._is_gone_within(_PATIENCE / 4):
            log.error("HAProxy's master goes on without a worker; it is killed")
            self._signal(signal.SIGKILL)
            await self._is_gone_within(_PATIENCE)

    async def stop(self, at_once: asyncio.Event) -> None:
        """End HAProxy: new connections are refused, what is served goes on for GRACE seconds or until `at_once`."""
        worker = _owner(self.engine.worker_socket)
        self._signal(signal.SIGUSR1)
        finishing = asyncio.ensure_future(self._until_served())
        hurried = asyncio.ensure_future(at_once.wait())
        await asyncio.wait({finishing, hurried}, timeout=GRACE, return_when=asyncio.FIRST_COMPLETED)
        for waiting in (finishing, hurried):
            waiting.cancel()
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not await self._is_gone_within(0.0):
                self._signal(number)
                await self._is_gone_within(_PATIENCE)
        if worker is not None:  # one that hangs doesn't see its master go
            _kill(worker)

    async def _until_served(self) -> None:
        """Until no worker serves anything; a kept connection without a request would last until its client leaves."""
        while not await self._is_gone():
            with suppress(Unreachable):
                workers = parse_workers(await self._master.ask("show proc"))
                pids = [*workers.old, *([workers.current] if workers.current else [])]
                told = [await self._master.ask(f"@!{pid} show info") for pid in pids]
                if not any(_streams(text) > 1 for text in told):  # the question itself is one
                    return
            await asyncio.sleep(0.05)

    async def _is_gone_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not await self._is_gone():
            if time.monotonic() >= end:
                return False
            await asyncio.sleep(0.01)
        return True

    async def _is_gone(self) -> bool:
        if self._child is not None:
            return self._child.poll() is not None
        try:
            await self._master.ask("show version", limit=0.5)
        except Absent:
            return True
        except Unreachable:
            return False
        return False

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            if (pid := self._pid()) is not None:
                os.kill(pid, number)

    def _pid(self) -> int | None:
        if self._child is not None:
            return self._child.pid if self._child.poll() is None else None
        return _owner(self.engine.master_socket)


def _streams(info: str) -> int:
    found = re.search(r"^CurrStreams: (\d+)", info, re.MULTILINE)
    return int(found[1]) if found else 0


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _owner(path: Path) -> int | None:
    """Who listens on a Unix socket: also one that answers nothing."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.setblocking(False)
        connection.connect(str(path))
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", credentials)[0])
    return None


def _make_room(output: int) -> None:
    """Have a pipe hold more than 64 KiB: HAProxy drops what its reader, who may have to wait for a core, leaves no room for."""
    with suppress(OSError):  # no pipe, or more than this user may have
        fcntl.fcntl(output, fcntl.F_SETPIPE_SZ, _ROOM)
