"""An address that never answers a SYN, as a machine that is gone."""

import contextlib
import socket
from typing import Any


class BlackHole:
    """A listening socket whose queue is full: connecting to it times out."""

    def __init__(self, ip: str, port: int) -> None:
        self.ip, self.port = ip, port
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((ip, port))
        self._listener.listen(0)
        self._fillers = [socket.socket() for _ in range(4)]
        for filler in self._fillers:
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect((ip, port))

    def address(self, **fields: Any) -> dict[str, Any]:
        """The target as a manifest names it."""
        return {"ip": self.ip, "port": self.port} | fields

    def stop(self) -> None:
        """Close everything."""
        for one in (*self._fillers, self._listener):
            one.close()
