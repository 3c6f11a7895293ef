"""A target that speaks plain TCP: greets with its name, echoes, and adds up what it received."""

import asyncio
import contextlib
import hashlib
from typing import Any

from harness.server import Connection, Server


class TcpTarget(Server):
    """Sends `name\\n`, echoes every byte, and at the client's end sends the SHA-256 of what came as 64 hex digits and `\\n`."""

    def __init__(self, *listens: Any, greets: bool = True, **options: Any) -> None:
        self.greets = greets
        super().__init__(*listens, **options)

    @property
    def sessions(self) -> list[Connection]:
        """The connections on which something was received: no health checks."""
        return [c for c in self.connections if c.received]

    async def serve(self, connection: Connection) -> None:
        """Echo until the connection is over."""
        reader, writer, digest = connection.reader, connection.writer, hashlib.sha256()
        if self.greets:
            writer.write(f"{self.name}\n".encode())
        while data := await reader.read(65536):
            connection.received += len(data)
            digest.update(data)
            writer.write(data)
            await writer.drain()
        connection.ended_by = "peer"
        writer.write(f"{digest.hexdigest()}\n".encode())
        with contextlib.suppress(OSError):
            await asyncio.wait_for(writer.drain(), 5)
