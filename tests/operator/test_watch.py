"""What a watch keeps of what it was told."""

import asyncio
import gc
import weakref
from collections.abc import AsyncGenerator
from typing import Any, cast

from elbow_kube.client import Client
from elbow_kube.watch import Synced, watch


class Spec(dict[str, Any]):
    """The larger part of an object; a plain dictionary's end can't be noticed."""


class FakeClient:
    """One page of objects, and then nothing happens."""

    def __init__(self, items: list[dict[str, Any]]) -> None:
        self.items = items

    async def get(self, _: str) -> dict[str, Any]:
        items, self.items = self.items, []
        return {"apiVersion": "v1", "kind": "PodList", "metadata": {"resourceVersion": "7"}, "items": items}

    async def lines(self, _: str, *, silent: float) -> AsyncGenerator[bytes, None]:
        await asyncio.sleep(silent)
        yield b""


async def test_a_watch_that_goes_on_holds_nothing_of_what_it_listed_but_the_last_object() -> None:
    specs = [Spec() for _ in range(50)]
    items = [{"metadata": {"name": f"pod-{n}"}, "spec": spec} for n, spec in enumerate(specs)]
    held = [weakref.ref(spec) for spec in specs]
    changes = watch(cast("Client", FakeClient(items)), "/api/v1/pods")
    del specs, items

    async with asyncio.timeout(10):
        while not isinstance(await anext(changes), Synced):
            pass
    following = asyncio.ensure_future(anext(changes))
    await asyncio.sleep(0)
    gc.collect()

    assert sum(spec() is not None for spec in held) <= 1
    following.cancel()
