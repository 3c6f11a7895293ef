"""Free ports of this machine."""

import random
import socket
from collections.abc import Iterator

_RANGE = range(23_000, 30_000)  # below the ports the kernel gives to clients, and below NodePorts


class Ports:
    """Hands out each port once; free on every address at the time it is handed out."""

    def __init__(self) -> None:
        # Test runs side by side begin at different places.
        start = random.SystemRandom().randrange(len(_RANGE))
        self._next: Iterator[int] = iter([*_RANGE[start:], *_RANGE[:start]])

    def take(self) -> int:
        """A port that nobody listens on."""
        return next(port for port in self._next if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # HAProxy shares ports silently (SO_REUSEPORT); this socket does not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
            probe.listen()
        except OSError:
            return False
    return True
