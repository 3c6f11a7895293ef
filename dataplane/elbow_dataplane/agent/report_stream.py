"""What an operator follows: a line for every report that says something new, one for what is billed, and signs of life."""

import threading
import time
from collections.abc import Iterator

from elbow_api.usage import UsageReport

from elbow_dataplane.agent.agent import READ_BACK, Agent
from elbow_dataplane.agent.report import report
from elbow_dataplane.agent.view import View

STALE = 5 * READ_BACK
"""Seconds without a look after which the agent doesn't live any more."""
_POLL, _HEARTBEAT, _COUNTERS, _USAGE = 0.05, 30.0, 300.0, 10.0  # seconds


class ReportStream:
    """Tells each follower, in a thread of the follower's own."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._ends = threading.Event()
        self._told: UsageReport | None = None
        """The newest usage a follower took."""

    def lines(self) -> Iterator[bytes]:
        """For one follower, until the end. Of reports, counters alone wait for minutes."""
        agent, seen = self._agent, View()
        said, told, alive, usage = "", 0.0, 0.0, 0.0
        billed: UsageReport | None = None
        while not self._ends.is_set():
            view, now = agent.view, time.monotonic()
            if view is not seen and view.known is not None:
                seen = view
                whole = report(view, view.known, agent.counters)
                news = whole.news()
                if news != said or now > told + _COUNTERS:
                    said, told, alive = news, now, now
                    yield whole.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n"
            if now > usage + _USAGE:
                usage, newest = now, agent.counters.usage()
                if newest is not None and newest != billed:
                    billed = newest
                    yield _line(newest)
                    self._told = newest
            if now > alive + _HEARTBEAT and time.time() - view.at < STALE:
                alive = now
                yield b"\n"
            self._ends.wait(_POLL)
        if (last := agent.counters.usage()) is not None:
            yield _line(last)
            self._told = last

    def end(self, patience: float) -> None:
        """Tell followers what was counted last; waits as many seconds for one to come if nobody knows it."""
        self._ends.set()
        last, until = self._agent.counters.usage(), time.monotonic() + patience
        while self._told != last and time.monotonic() < until:
            time.sleep(_POLL)


def _line(usage: UsageReport) -> bytes:
    return b'{"usage":' + usage.model_dump_json(by_alias=True, exclude_defaults=True).encode() + b"}\n"
