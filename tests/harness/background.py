"""An asyncio loop in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    """Runs targets beside the test that talks to them."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="targets", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], *, limit: float = 10.0) -> T:
        """Run a coroutine over there and return its result; TimeoutError after `limit` seconds."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(limit)

    def call(self, function: Callable[[], T]) -> T:
        """Call a function over there and return its result."""

        async def work() -> T:
            return function()

        return self.run(work())

    def close(self) -> None:
        """Stop the loop."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()
