"""HAProxy as a process on this machine; in a pod the kubelet starts it instead."""

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.socket import Socket, Unreachable


class Process:
    """Starts HAProxy in a session of its own, so that it outlives the agent."""

    def __init__(self, program: Path, engine: Engine) -> None:
        self.program = program
        self.engine = engine
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start master and worker on the config file; state of an earlier life would be believed, so it goes first."""
        self.engine.state_file.unlink(missing_ok=True)
        with (self.engine.run / "haproxy.log").open("ab") as log:
            self._child = subprocess.Popen(
                [
                    self.program,
                    "-W",
                    "-S",
                    f"{self.engine.master_socket},mode,600,level,admin",
                    "-f",
                    self.engine.config_file,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def has_ended(self) -> bool:
        """Whether the HAProxy this agent started is gone; one it took over tells by its sockets."""
        return self._child is not None and self._child.poll() is not None

    async def stop(self) -> None:
        """End HAProxy: new connections are refused, what is served goes on up to the hard stop."""
        master = await self._master_pid()
        if master is None:
            return
        with suppress(ProcessLookupError):
            os.kill(master, signal.SIGTERM)
        if self._child is not None:
            await asyncio.to_thread(self._child.wait)

    async def _master_pid(self) -> int | None:
        if self._child is not None:
            return self._child.pid
        with suppress(Unreachable):
            for line in (await Socket(self.engine.master_socket).ask("show proc")).splitlines():
                words = line.split()
                if len(words) > 1 and words[1] == "master":
                    return int(words[0])
        return None
