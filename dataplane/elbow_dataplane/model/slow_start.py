"""The growing share of a target that became healthy (ELB section 3.5)."""

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import TypeVar

from elbow_api.target_health import State

from elbow_dataplane.model.health import Health

K = TypeVar("K", bound=Hashable)
STEPS = 20
"""A share grows in so many steps."""


def slow_start(last: Mapping[K, Health], health: Mapping[K, Health], duration: float, now: float) -> dict[K, Health]:
    """The registered targets of one group, each with its share at a moment.

    One that becomes healthy beside another that is healthy and has its full share begins with next to nothing, and
    has its full share after `duration` seconds. One that isn't healthy yet already waits with the share it would
    begin with: it gets requests before anyone could tell HAProxy otherwise.
    """
    if duration <= 0:
        return {key: replace(each, ramp=None, share=1.0, ramps=True) for key, each in health.items()}
    began = {key: _began(last.get(key), each, duration, now) for key, each in health.items()}
    full = {
        key
        for key, each in health.items()
        if each.state is State.HEALTHY and began[key] is None and key in last and last[key].state is State.HEALTHY
    }
    return {
        key: _share(last.get(key), each, began[key], duration, now, beside=bool(full - {key}))
        for key, each in health.items()
    }


def next_step(health: Health, duration: float, now: float) -> float | None:
    """When a target's share grows next, in seconds since the epoch."""
    if health.ramp is None or duration <= 0:
        return None
    step = duration / STEPS
    return health.ramp + (int((now - health.ramp) / step) + 1) * step


def _began(last: Health | None, health: Health, duration: float, now: float) -> float | None:
    """When the slow start began that is still under way."""
    if last is None or last.ramp is None or health.state is not State.HEALTHY or last.state is not State.HEALTHY:
        return None
    return last.ramp if now < last.ramp + duration else None


def _share(
    last: Health | None, health: Health, began: float | None, duration: float, now: float, *, beside: bool
) -> Health:
    ramps = last.ramps if last else health.ramps
    if health.state is not State.HEALTHY:
        waits = beside and ramps and health.state is not State.UNAVAILABLE
        return replace(health, ramp=None, share=0.0 if waits else 1.0, ramps=ramps)
    if (last is None or last.state is not State.HEALTHY) and beside and ramps:
        began = now
    share = 1.0 if began is None else int((now - began) / duration * STEPS) / STEPS
    return replace(health, ramp=began, share=share, ramps=True)
