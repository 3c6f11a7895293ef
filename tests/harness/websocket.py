"""A WebSocket client of a Target, through whatever stands between."""

from types import TracebackType
from typing import Self

from harness.client import Client

HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class WebSocket:
    """Open when constructed."""

    def __init__(self, port: int, path: str = "/socket") -> None:
        self.client = Client(port)
        response = self.client.get(path, HANDSHAKE)
        assert response.status == 101, response
        self.target = response.target

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()

    def echo(self, data: bytes) -> None:
        """Send a message of at most 125 bytes and read it back."""
        assert len(data) < 126
        self.client.send(bytes([0x82, 0x80 | len(data), 0, 0, 0, 0]) + data)  # a mask of zeros changes nothing
        back = self.client._exactly(len(data) + 2)
        assert back == bytes([0x82, len(data)]) + data, back
