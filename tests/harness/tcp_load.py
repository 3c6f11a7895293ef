"""TCP connections that echo beside a test."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

from harness.client import Closed
from harness.tcp_client import TcpClient


class TcpLoad:
    """Connections to TcpTargets: `lasting` ones echo until the `with` block ends, one more connects anew each time."""

    def __init__(self, port: int, *, host: str = "127.0.0.1", lasting: int = 4, pause: float = 0.02) -> None:
        self.port, self.host, self.pause = port, host, pause
        self.echoes = 0
        """Messages that came back whole."""
        self.targets: Counter[str] = Counter()
        """New connections by target."""
        self.failures: Counter[str] = Counter()
        """Everything else, by kind."""
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._lasting, daemon=True) for _ in range(lasting)]
        self._threads.append(threading.Thread(target=self._anew, daemon=True))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(20)

    def wait_for(self, more: int, *, limit: float = 20.0) -> None:
        """Return once so many more messages came back."""
        goal, deadline = self.echoes + more, time.monotonic() + limit
        while self.echoes < goal and not self.failures:
            assert time.monotonic() < deadline, f"no {more} echoes in {limit} s"
            time.sleep(0.01)

    def _lasting(self) -> None:
        self._session(self._is_over.is_set)

    def _anew(self) -> None:
        while not self._is_over.is_set():
            self._session(lambda: True)

    def _session(self, is_over: Callable[[], bool]) -> None:
        sent = b""
        try:
            with TcpClient(self.port, self.host) as client:
                self.targets[client.greeting()] += 1
                while True:
                    message = b"%d" % len(sent) * 50
                    client.echo(message)
                    sent += message
                    self.echoes += 1
                    self._is_over.wait(self.pause)
                    if is_over():
                        break
                client.finish(sent)
        except (OSError, Closed, AssertionError) as error:
            self.failures[f"{type(error).__name__}: {error}"] += 1
            self._is_over.wait(self.pause)
