"""`elbow demo --script`: everything a user can do, in an order that tells a story."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from elbow_api.target_health import State

from elbow_dataplane.cli.demo.actions import Actions
from elbow_dataplane.cli.demo.home import TARGETS, Target
from elbow_dataplane.cli.demo.scene import Scene

_LIMIT = 15.0
"""Seconds the load balancer has for what a step expects."""
_LOOK = 1.0
"""Seconds to look at each state."""


class Unexpected(Exception):
    """The load balancer didn't do what the script says it does."""


class Script:
    """Plays the story once."""

    def __init__(self, actions: Actions, scene: Scene) -> None:
        self.actions, self.scene = actions, scene

    async def play(self) -> None:
        """Break and mend, drain and register, cut and bring back; raises Unexpected where ELB would do otherwise."""
        await self._all_healthy()
        self._tell("All targets are healthy: each gets the same share.")
        await asyncio.sleep(_LOOK)
        for act in (self._health, self._deregistration, self._zone):
            await act()
        self._tell("That was all.")

    async def _health(self) -> None:
        target = await self.actions.break_()
        await self._until(target, lambda states: set(states) == {State.UNHEALTHY}, "unhealthy")
        await self._then(self.actions.mend)

    async def _deregistration(self) -> None:
        target = await self.actions.drain()
        await self._until(target, lambda states: set(states) == {State.DRAINING}, "draining")
        await self._until(target, lambda states: not states, "gone")
        await self._then(self.actions.register)

    async def _zone(self) -> None:
        zone = await self.actions.cut()
        for target in (t for t in TARGETS if t.zone == zone):
            await self._until(target, lambda states: set(states) == {State.UNHEALTHY}, "unhealthy")
        await self._then(self.actions.restore)

    async def _then(self, act: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(_LOOK)
        await act()
        await self._all_healthy()
        await asyncio.sleep(_LOOK)

    async def _all_healthy(self) -> None:
        for target in TARGETS:
            await self._until(target, lambda states: states == [State.HEALTHY] * 2, "healthy")

    async def _until(self, target: Target | None, holds: Callable[[list[State]], bool], what: str) -> None:
        if target is None:
            raise Unexpected("no target was there to play with")
        end = time.monotonic() + _LIMIT
        while not holds(states := self.scene.states_of(target)):
            if time.monotonic() > end:
                raise Unexpected(f"{target.name} was to be {what} within {_LIMIT:.0f} s and is {', '.join(states)}")
            await asyncio.sleep(0.05)

    def _tell(self, text: str) -> None:
        self.scene.say(text, "bold cyan")
