"""A list that stays current: list, watch with bookmarks, and list again when the API server forgot where we were."""

import asyncio
import json
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import urlencode

from elbow_kube.client import ApiAway, ApiError, Client
from elbow_kube.object import Object

log = logging.getLogger("elbow")

_TIMEOUT = 180
"""Seconds the API server keeps one watch."""
_SILENT = 200.0
"""Seconds without a line or an end: the connection is dead. Of what never changes there are no bookmarks."""
_SHORT = 1.0
"""Seconds in which a watch that ends has ended at once."""
_RETRY_FIRST, _RETRY_MOST = 0.5, 4.0
"""Seconds until the next try; after a partition a proxy is behind for as long, and for what connecting takes."""
PAGE = 50
"""Objects in one answer: thousands at once would be held three times over."""


@dataclass(frozen=True)
class Change:
    """One object that is there now, or is gone."""

    document: Object
    gone: bool = False


class Synced:
    """All objects of the list were delivered."""


def without_managers(document: Object) -> Object:
    """The object without who manages which field, which is half of it and read by nobody here."""
    document["metadata"].pop("managedFields", None)
    return document


async def watch(
    client: Client,
    path: str,
    labels: str = "",
    fields: str = "",
    *,
    keep: Callable[[Object], Object] = without_managers,
    silent: float = _SILENT,
    heard: Callable[[], None] = lambda: None,
) -> AsyncIterator[Change | Synced]:
    """Every object at a path now, and every change for ever; vanished objects are told too, even after a gap.

    `keep` is applied to each object as it arrives. A watch without a line for `silent` seconds is begun anew. `heard`
    is called whenever the API server answers or says something, be it that nothing happened.
    """
    known: dict[str, bytes] = {}
    selector = {"labelSelector": labels, "fieldSelector": fields}
    pause = _RETRY_FIRST
    while True:
        try:
            found: set[str] = set()
            async with aclosing(pages(client, path, selector)) as listed:
                async for version, page in listed:  # noqa: B007  (the version is of all pages)
                    heard()
                    for document in map(keep, page):
                        found.add(_key(document))
                        known[_key(document)] = _stub(document)
                        yield Change(document)
            del page  # it would be held for as long as the watch goes on
            for key in [key for key in known if key not in found]:
                yield Change(json.loads(known.pop(key)), gone=True)
            yield Synced()
            pause = _RETRY_FIRST
            async with aclosing(_follow(client, path, selector, version, silent, heard)) as changes:
                async for change in changes:
                    key, document = _key(change.document), keep(change.document)
                    if change.gone:
                        known.pop(key, None)
                    else:
                        known[key] = _stub(document)
                    yield Change(document, change.gone)
        except (ApiError, OSError, ValueError) as error:
            log.warning("watch of %s is lost, trying again in %.1f s: %s", path, pause, error)
            # Not all proxies of a cluster at the same moment.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(pause * 2, _RETRY_MOST)


async def pages(client: Client, path: str, selector: dict[str, str]) -> AsyncGenerator[tuple[str, list[Object]], None]:
    """All objects as of one version, some at a time; at least one page, be it empty."""
    query = {**selector, "limit": str(PAGE)}
    while True:
        answer = await client.get(f"{path}?{urlencode(query)}")
        api, kind, meta = answer["apiVersion"], answer["kind"].removesuffix("List"), answer["metadata"]
        yield meta["resourceVersion"], [{"apiVersion": api, "kind": kind, **item} for item in answer.get("items") or []]
        query["continue"] = meta.get("continue") or ""
        if not query["continue"]:
            return


async def _follow(
    client: Client, path: str, selector: dict[str, str], version: str, silent: float, heard: Callable[[], None]
) -> AsyncGenerator[Change, None]:
    """Changes after a version; ends when the API server no longer knows it (410)."""
    while True:
        asked = {"watch": "1", "allowWatchBookmarks": "1", "resourceVersion": version, "timeoutSeconds": _TIMEOUT}
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with aclosing(client.lines(f"{path}?{urlencode(selector | asked)}", silent=silent)) as lines:
            async for line in lines:
                heard()
                event = json.loads(line)
                document = event["object"]
                if event["type"] == "ERROR":
                    if document.get("code") != 410:
                        raise ApiError(int(document.get("code") or 500), str(document.get("message")))
                    return
                version = document["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    yield Change(document, gone=event["type"] == "DELETED")
        heard()  # it ended as it should
        if loop.time() < began + _SHORT:  # asking again at once would be a loop
            raise ApiAway("it ended at once")


def _stub(document: Object) -> bytes:
    """What is told of an object that vanished in a gap: which one it was."""
    metadata = {k: v for k, v in document["metadata"].items() if k in ("namespace", "name", "labels", "uid")}
    return json.dumps({"apiVersion": document["apiVersion"], "kind": document["kind"], "metadata": metadata}).encode()


def _key(document: Object) -> str:
    metadata = document["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"
