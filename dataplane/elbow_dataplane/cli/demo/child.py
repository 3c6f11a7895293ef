"""Processes the demo starts, and ends again however it ends itself."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

_PATIENCE = 10.0
"""Seconds a process has to end before it is killed."""


class Child:
    """A program of this Python, in a session of its own so that Ctrl-C reaches the demo alone."""

    def __init__(self, process: asyncio.subprocess.Process, hear: Callable[[Any], None] | None) -> None:
        self._process = process
        self._first = asyncio.Event()
        output = process.stdout
        self._hearing = asyncio.ensure_future(self._follow(output, hear)) if output and hear else None

    @classmethod
    async def start(
        cls, *arguments: str, hear: Callable[[Any], None] | None = None, log: Path | None = None
    ) -> "Child":
        """Start it. Each JSON line it prints goes to `hear`; without, all it says goes to the log."""
        with (log or Path(os.devnull)).open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE if hear else file,
                stderr=file,
                start_new_session=True,
                limit=1 << 22,
            )
        return cls(process, hear)

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.returncode

    async def until_heard(self) -> bool:
        """Wait for its first line; False if it ended before."""
        ended = asyncio.ensure_future(self._process.wait())
        first = asyncio.ensure_future(self._first.wait())
        await asyncio.wait((ended, first), return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        first.cancel()
        return self._first.is_set()

    async def stop(self) -> None:
        """Ask it to end, kill it if it doesn't, and hear it out."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        await self._gone()

    async def close(self) -> None:
        """Close its stdin, which ends it, and hear it out."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._gone()

    async def _gone(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        if self._hearing:
            await self._hearing

    async def _follow(self, output: asyncio.StreamReader, hear: Callable[[Any], None]) -> None:
        async for line in output:
            with suppress(ValueError):
                hear(json.loads(line))
            self._first.set()
