"""HAProxy's command sockets: the worker's (stats socket) and the master's (HAProxy management guide, 9.3 and 9.4)."""

import asyncio
import errno
import os
import re
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

_LINE = 8_000  # bytes of commands sent as one line; HAProxy reads a line into one buffer
_PIECE = 1 << 18
_SUCCESS = re.compile(r"|Done\.|New server registered\.|Server deleted\.|(IP|port) changed from .*")


class Unreachable(Exception):
    """The socket can't be reached, hangs, or closed in the middle of an answer."""


class Absent(Unreachable):
    """Nothing listens on the socket: its process is gone. One that hangs is not absent."""


class Socket:
    """A Unix socket that takes commands; every call has a time limit, in seconds."""

    def __init__(self, path: Path, *, limit: float = 3.0) -> None:
        self.path = path
        self.limit = limit

    async def ask(self, command: str, *, limit: float | None = None) -> str:
        """Send one command (or several, separated by semicolons) and return the whole answer."""
        limit = limit or self.limit
        try:
            async with asyncio.timeout(limit):
                return await self._ask(command)
        except TimeoutError:
            raise Unreachable(f"HAProxy hangs: no answer on {self.path} within {limit:g} s") from None
        except OSError as error:
            raise self._unreachable(error) from None

    async def ask_all(self, commands: Sequence[str]) -> str:
        """Send commands to one worker and return the answers to all, each ended by an empty line."""
        lines = _lines(commands)
        if len(lines) == 1:
            return await self.ask(lines[0])
        # Without it HAProxy closes after the first line; its own answer is an empty line.
        return (await self.ask("\n".join(["prompt i", *lines]))).removeprefix("\n")

    async def tell(self, commands: Sequence[str]) -> list[str]:
        """Send commands that answer nothing, or a word of success; returns what else was said: the errors."""
        said: list[str] = []
        for line in _lines(commands):
            answer = await self.ask(line)
            said += [text for text in map(str.strip, answer.splitlines()) if not _SUCCESS.fullmatch(text)]
        return said

    async def follow(self, command: str) -> AsyncIterator[str]:
        """Send one command and yield the lines it goes on to answer, until HAProxy closes the connection; raises Unreachable."""
        try:
            reader, writer = await asyncio.open_unix_connection(str(self.path))
        except OSError as error:
            raise self._unreachable(error) from None
        try:
            writer.write(f"{command}\n".encode())
            await writer.drain()
            while line := await reader.readline():
                yield line.decode(errors="replace")
        except (OSError, ValueError):  # it closed, or sent a line too long to be one
            return
        finally:
            writer.close()

    async def hold(self) -> "Hold":
        """Open a connection and keep it; raises Unreachable."""
        try:
            async with asyncio.timeout(self.limit):
                connection = await self._open()
                await asyncio.get_running_loop().sock_sendall(connection, b"prompt\n")
        except OSError as error:
            raise self._unreachable(error) from None
        return Hold(connection)

    async def _ask(self, command: str) -> str:
        loop = asyncio.get_running_loop()
        with await self._open() as connection:
            sending = asyncio.ensure_future(self._send(connection, command))
            try:
                if len(command) < _LINE:
                    await sending
                pieces = []
                # HAProxy takes no more commands while it can't get rid of its answers.
                while piece := await loop.sock_recv(connection, _PIECE):
                    pieces.append(piece)
                await sending
            finally:
                sending.cancel()
        return b"".join(pieces).decode(errors="replace")

    async def _send(self, connection: socket.socket, command: str) -> None:
        await asyncio.get_running_loop().sock_sendall(connection, f"{command}\n".encode())
        connection.shutdown(socket.SHUT_WR)

    async def _open(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.setblocking(False)
        try:
            connection.connect(str(self.path))  # at once, or not at all: nothing travels
        except OSError:
            connection.close()
            raise
        return connection

    def _unreachable(self, error: OSError) -> Unreachable:
        if error.errno in (errno.ECONNREFUSED, errno.ENOENT):
            return Absent(f"HAProxy is gone: nothing listens on {self.path}")
        if error.errno == errno.EAGAIN:
            return Unreachable(f"HAProxy hangs: {self.path} accepts no more connections")
        why = os.strerror(error.errno) if error.errno else type(error).__name__
        return Unreachable(f"{self.path}: {why}")


class Hold:
    """An idle connection to a worker: a worker that was replaced doesn't end before it is let go."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def release(self) -> None:
        """Let the worker end."""
        self._connection.close()


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
