"""A client of a TcpTarget, through whatever stands between."""

import hashlib

from harness.client import Client, Closed


class TcpClient(Client):
    """Knows a TcpTarget's greeting, echo and sum."""

    def greeting(self) -> str:
        """The name of the target; Closed if there is none."""
        return self._until(b"\n").decode().strip()

    def echo(self, data: bytes) -> None:
        """Send data and read it back; AssertionError if it comes back changed."""
        self.send(data)
        back = self._exactly(len(data))
        assert back == data, f"{len(data)} bytes came back changed"

    def finish(self, sent: bytes) -> None:
        """End this side and check the target's sum of everything sent."""
        self.end()
        told = self.read_to_end().decode().strip()
        assert told == hashlib.sha256(sent).hexdigest(), f"the target's sum differs: {told!r}"


def target_of(port: int, *, host: str = "127.0.0.1", source: str | None = None) -> str | None:
    """The name of the target that a new connection reaches; None if it is closed without a greeting."""
    try:
        with TcpClient(port, host, source=source) as client:
            return client.greeting()
    except (Closed, ConnectionError):
        return None
