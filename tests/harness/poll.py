"""Waiting for something to become true."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(
    what: Callable[[], T | None], *, limit: float = 10.0, every: float = 0.02, say: str | Callable[[], str] = "it"
) -> T:
    """Ask until the answer is true and return it; fails with the last answer, and what it says then, after `limit` seconds."""
    deadline = time.monotonic() + limit
    while True:
        answer = what()
        if answer:
            return answer
        if time.monotonic() > deadline:
            told = say if isinstance(say, str) else say()
            raise AssertionError(f"{told} did not come true within {limit} s; last seen: {answer!r}")
        time.sleep(every)


def stays(what: Callable[[], object], *, during: float, every: float = 0.02, say: str = "it") -> None:
    """Ask for `during` seconds and fail at the first answer that isn't true."""
    deadline = time.monotonic() + during
    while time.monotonic() < deadline:
        answer = what()
        if not answer:
            raise AssertionError(f"{say} did not stay true; seen: {answer!r}")
        time.sleep(every)
