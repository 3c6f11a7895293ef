"""A list that stays current: list, watch with bookmarks, and list again when the API server forgot where we were."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlencode

from kubernetes.aio.client import ApiException

from elbow_kube.client import ApiError, Client, Object

log = logging.getLogger("elbow")

_TIMEOUT = 300  # seconds the API server keeps one watch
_SILENT = 90.0  # seconds without a line, bookmarks come every minute: the connection is dead
_RETRY_FIRST, _RETRY_MOST = 0.5, 30.0


@dataclass(frozen=True)
class Change:
    """One object that is there now, or is gone."""

    document: Object
    gone: bool = False


class Synced:
    """All objects of the list were delivered."""


async def watch(client: Client, path: str, labels: str = "", fields: str = "") -> AsyncIterator[Change | Synced]:
    """Every object at a path now, and every change for ever; vanished objects are told too, even after a gap."""
    known: dict[str, Object] = {}
    selector = {"labelSelector": labels, "fieldSelector": fields}
    pause = _RETRY_FIRST
    while True:
        try:
            version, found = await _list(client, path, selector)
            for key in [key for key in known if key not in found]:
                yield Change(known.pop(key), gone=True)
            for key, document in found.items():
                known[key] = document
                yield Change(document)
            yield Synced()
            pause = _RETRY_FIRST
            async for change in _follow(client, path, selector, version):
                key = _key(change.document)
                known.pop(key, None) if change.gone else known.__setitem__(key, change.document)
                yield change
        except (ApiError, ApiException, OSError, TimeoutError, ValueError) as error:
            log.warning("watch of %s is lost, trying again in %.1f s: %s", path, pause, error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _RETRY_MOST)


async def _list(client: Client, path: str, selector: dict[str, str]) -> tuple[str, dict[str, Object]]:
    answer = await client.get(f"{path}?{urlencode(selector)}")
    api, kind = answer["apiVersion"], answer["kind"].removesuffix("List")
    found = {_key(item): {"apiVersion": api, "kind": kind, **item} for item in answer.get("items") or []}
    return answer["metadata"]["resourceVersion"], found


async def _follow(client: Client, path: str, selector: dict[str, str], version: str) -> AsyncIterator[Change]:
    """Changes after a version; ends when the API server no longer knows it (410)."""
    while True:
        query = {
            **selector,
            "watch": "1",
            "allowWatchBookmarks": "1",
            "resourceVersion": version,
            "timeoutSeconds": _TIMEOUT,
        }
        async for line in client.lines(f"{path}?{urlencode(query)}", silent=_SILENT):
            event = json.loads(line)
            document = event["object"]
            if event["type"] == "ERROR":
                return
            version = document["metadata"]["resourceVersion"]
            if event["type"] != "BOOKMARK":
                yield Change(document, gone=event["type"] == "DELETED")


def _key(document: Object) -> str:
    metadata = document["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"
