"""HAProxy's command sockets: the worker's (stats socket) and the master's (HAProxy management guide, 9.3 and 9.4)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path

_LINE = 8_000  # bytes of commands sent as one line; HAProxy reads a line into one buffer
_SUCCESS = ("", "Done.", "New server registered.", "Server deleted.")


class Unreachable(Exception):  # noqa: N818  (it reads as what happened)
    """The socket can't be reached, hangs, or closed in the middle of an answer."""


class Socket:
    """A Unix socket that takes commands; every call has a time limit, in seconds."""

    def __init__(self, path: Path, *, limit: float = 3.0) -> None:
        self.path = path
        self.limit = limit

    async def ask(self, command: str, *, limit: float | None = None) -> str:
        """Send one command (or several, separated by semicolons) and return the whole answer."""
        try:
            async with asyncio.timeout(limit or self.limit):
                return await self._ask(command)
        except (OSError, EOFError, TimeoutError) as error:
            raise Unreachable(f"{self.path.name}: {type(error).__name__} {error}".strip()) from None

    async def tell(self, commands: Sequence[str]) -> list[str]:
        """Send commands that answer nothing, or a word of success; returns what else was said: the errors."""
        said: list[str] = []
        for line in _lines(commands):
            answer = await self.ask(line)
            said += [text for text in map(str.strip, answer.splitlines()) if text not in _SUCCESS]
        return said

    async def follow(self, command: str) -> AsyncIterator[str]:
        """Send one command and yield the lines it goes on to answer, until HAProxy closes the connection."""
        try:
            reader, writer = await self._open()
        except OSError:
            return
        try:
            writer.write(f"{command}\n".encode())
            await writer.drain()
            while line := await reader.readline():
                yield line.decode(errors="replace")
        except OSError:
            return
        finally:
            writer.close()

    async def _ask(self, command: str) -> str:
        reader, writer = await self._open()
        try:
            writer.write(f"{command}\n".encode())
            writer.write_eof()
            return (await reader.read(-1)).decode(errors="replace")
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(str(self.path), limit=1 << 22)


def _lines(commands: Sequence[str]) -> list[str]:
    """Commands joined to as few lines as fit; one with a payload stands alone."""
    lines: list[str] = []
    for command in commands:
        payload = "\n" in command
        if lines and not payload and "\n" not in lines[-1] and len(lines[-1]) + len(command) < _LINE:
            lines[-1] += f";{command}"
        else:
            lines.append(command)
    return lines
